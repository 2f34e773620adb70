import Causality
import Dispatch
import NodeRuntime
import RecordStore
import StoreModel
import Transport
import Wire

let usage = """
  usage: store-node join --data DIR [--hq HOST:PORT[,HOST:PORT…]] [CODE | -]
         store-node run --data DIR
         store-node set-hq --data DIR HOST:PORT[,HOST:PORT…]

  join makes the database of a new store from the join code that `syncctl store add` has printed at HQ; with -,
  or without a code, the code is read from standard input. HQ must run and be reachable, at the addresses in the code or
  those after --hq: it takes the code, once, for a credential of the store's own.
  set-hq changes the addresses at which HQ is tried, in turn, also while the store runs; HQ's key and the store's identity
  stay. HQ itself tells its stores when its addresses change (`syncctl endpoints set` at HQ): this is for a store that
  it cannot reach.
  run keeps the store in sync with HQ; it works on while HQ cannot be reached.
  """

func join(_ arguments: CommandLineArguments, code argument: String?) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let text: String
  if let argument, argument != "-" {
    text = argument
  } else {
    text = String(decoding: Console.readInput(), as: UTF8.self)
  }
  let code: JoinCode
  do throws(JoinCodeError) {
    code = try JoinCode(parsing: text)
  } catch {
    throw UsageError("\(error)")
  }
  let endpoints = try arguments.value("hq").map { try Endpoint.list($0) } ?? code.endpoints
  try NodeCreation.checkVacant(directory)
  let credential = try StoreEnrolment.enrol(code, at: endpoints)
  var generator = SystemRandomNumberGenerator()
  let membership = NodeSettings.Membership(endpoints: endpoints, pin: code.pin, credential: credential)
  try NodeCreation.makeStore(
    in: directory, node: code.node, membership: membership, model: .retail, using: &generator)
  Console.print("made store \(code.node) in \(directory.path); start it with: store-node run --data \(directory.path)")
  return .done
}

func run(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let daemon = try Daemon(directory: directory, model: .retail, log: Console.log)
  guard !daemon.gate.identity.isHQ else { throw UsageError("“\(directory.path)” holds HQ, not a store") }
  let membership = try daemon.gate.writeNow { engine throws(StoreError) in try NodeSettings.membership(engine) }
  let node = try StoreNode(gate: daemon.gate, membership: membership, queue: daemon.queue, log: Console.log)
  daemon.queue.sync { node.start() }
  let endpoints = membership.addresses.inOrder.map(\.description).joined(separator: ",")
  try daemon.run(node, addresses: [("hq", endpoints)])
}

func setHQ(_ arguments: CommandLineArguments, _ list: String) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let endpoints = try Endpoint.list(list)
  let client = try ControlClient(directory: directory, model: .retail)
  guard try client.request("endpoints")["role"]?.textValue == "store" else {
    throw UsageError("“\(directory.path)” holds HQ, not a store; see `syncctl endpoints`")
  }
  let list = endpoints.map(\.description).joined(separator: ",")
  _ = try client.request("endpoints-set", [("endpoints", .text(list))])
  Console.print("HQ is tried at \(endpoints.map(\.description).joined(separator: ", "))")
  return .done
}

Program.run {
  let arguments = try CommandLineArguments(
    CommandLine.arguments.dropFirst(), valued: ["data", "hq"], flags: ["help"])
  if arguments.flag("help") {
    Console.print(usage)
    return .done
  }
  switch (arguments.words.first, arguments.words.count) {
  case ("join", 1...2): return try join(arguments, code: arguments.words.dropFirst().first)
  case ("run", 1): return try run(arguments)
  case ("set-hq", 2): return try setHQ(arguments, arguments.words[1])
  default: throw UsageError("found “\(arguments.words.joined(separator: " "))”, expected join, run or set-hq")
  }
}
