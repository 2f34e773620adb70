import Causality
import Dispatch
import NodeRuntime
import RecordStore
import StoreModel
import Transport

let usage = """
  usage: hq-node init --data DIR --advertise HOST:PORT[,HOST:PORT…] [--name NAME]
         hq-node run --data DIR [--listen HOST:PORT]

  init makes the database of a new headquarters and its key. The advertised addresses are those at which
  the stores reach it; they go into the join codes.
  run accepts the stores, by default on port 7400 of all addresses; port 0 takes a free one, which is printed.
  """

func endpoint(_ text: some StringProtocol, option: String) throws -> Endpoint {
  guard let endpoint = Endpoint(parsing: text) else {
    throw UsageError("found “\(text)” for --\(option), expected HOST:PORT, such as hq.example.com:7400 or [::1]:7400")
  }
  return endpoint
}

func initialise(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let list = try arguments.needed("advertise").split(separator: ",")
  let advertised = try list.map { try endpoint($0, option: "advertise") }
  guard !advertised.isEmpty, advertised.count <= JoinCode.maximumEndpoints else {
    throw UsageError("found \(advertised.count) addresses to advertise, expected 1 to \(JoinCode.maximumEndpoints)")
  }
  var generator = SystemRandomNumberGenerator()
  try NodeCreation.makeHQ(
    in: directory, name: arguments.value("name") ?? "HQ", advertised: advertised, model: .retail, using: &generator)
  Console.print("made HQ in \(directory.path); start it with: hq-node run --data \(directory.path)")
  return .done
}

func run(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let listen = try endpoint(arguments.value("listen") ?? "[::]:7400", option: "listen")
  let daemon = try Daemon(directory: directory, model: .retail, log: Console.log)
  guard daemon.gate.identity.isHQ else {
    throw UsageError("“\(directory.path)” holds the node of store \(daemon.gate.identity.replica.node), not HQ")
  }
  let hq = try daemon.gate.writeNow { engine throws(StoreError) in try NodeSettings.hq(engine) }
  let node = HQNode(gate: daemon.gate, queue: daemon.queue, log: Console.log)
  let bound = try daemon.queue.sync { try node.start(at: listen, tls: hq.tls) }
  try daemon.run(node, addresses: [("listening", bound.description)])
}

Program.run(usage: usage) {
  let arguments = try CommandLineArguments(
    CommandLine.arguments.dropFirst(), valued: ["data", "advertise", "name", "listen"], flags: ["help"])
  if arguments.flag("help") {
    Console.print(usage)
    return .done
  }
  switch arguments.words {
  case ["init"]: return try initialise(arguments)
  case ["run"]: return try run(arguments)
  default: throw UsageError("found “\(arguments.words.joined(separator: " "))”, expected init or run")
  }
}
