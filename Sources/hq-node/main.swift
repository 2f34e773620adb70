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

func initialise(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let advertised = try Endpoint.list(arguments.needed("advertise"))
  var generator = SystemRandomNumberGenerator()
  try NodeCreation.makeHQ(
    in: directory, name: arguments.value("name") ?? "HQ", advertised: advertised, model: .retail, using: &generator)
  Console.print("made HQ in \(directory.path); start it with: hq-node run --data \(directory.path)")
  return .done
}

func run(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let listen = try Endpoint.argument(arguments.value("listen") ?? "[::]:7400")
  let daemon = try Daemon(directory: directory, model: .retail, log: Console.log)
  guard daemon.gate.identity.isHQ else {
    throw UsageError("“\(directory.path)” holds the node of store \(daemon.gate.identity.replica.node), not HQ")
  }
  let hq = try daemon.gate.writeNow { engine throws(StoreError) in try NodeSettings.hq(engine) }
  let node = HQNode(gate: daemon.gate, queue: daemon.queue, log: Console.log)
  let bound = try daemon.queue.sync { try node.start(at: listen, tls: hq.tls) }
  try daemon.run(node, addresses: [("listening", bound.description)])
}

Program.run {
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
