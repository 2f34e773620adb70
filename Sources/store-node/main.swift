import Causality
import Dispatch
import NodeAPI
import NodeRuntime
import RecordStore
import StoreModel
import Transport
import Wire

func join(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let code = try JoinCodeInput.parse(try JoinCodeInput.read(arguments))
  let endpoints = try arguments.value("hq").map { try Endpoint.list($0) } ?? code.endpoints
  try directory.becomeOwner()
  try NodeCreation.checkVacant(directory)
  let credential = try Patience.during("asking HQ at \(endpoints.map(\.description).joined(separator: ", "))") {
    try StoreEnrolment.enrol(code, at: endpoints)
  }
  var generator = SystemRandomness()
  let membership = NodeSettings.Membership(endpoints: endpoints, pin: code.pin, credential: credential)
  try NodeCreation.makeStore(
    in: directory, node: code.node, membership: membership, model: .retail, using: &generator)
  NodeCreation.tell(
    arguments, code.node, directory,
    "made store \(code.node) in \(directory.path); start it with: store-node run --data \(directory.path)")
  return .done
}

func run(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  try directory.becomeOwner()
  let log = try LogWriter(arguments)
  let services = try HTTPService.make(arguments, directory, log: log.sink)
  let daemon = try Daemon(directory: directory, model: .retail, log: log)
  guard !daemon.gate.identity.isHQ else { throw UsageError("“\(directory.path)” holds HQ, not a store") }
  let (membership, keys) = try daemon.gate.writeNow { engine throws(StoreError) in
    (try NodeSettings.membership(engine), try NodeSettings.storeKeys(engine))
  }
  let node = try StoreNode(gate: daemon.gate, membership: membership, keys: keys, queue: daemon.queue, log: daemon.log)
  daemon.queue.sync { node.start() }
  let endpoints = membership.addresses.inOrder.map(\.description).joined(separator: ",")
  try daemon.run(node, addresses: [("hq", endpoints)], services: services)
}

func setHQ(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  let endpoints = try Endpoint.list(arguments.words[0])
  let client = try ControlClient(directory: directory, model: .retail)
  guard try client.request("endpoints")["role"]?.textValue == "store" else {
    throw UsageError("“\(directory.path)” holds HQ, not a store; see `syncctl endpoints`")
  }
  let list = endpoints.map(\.description).joined(separator: ",")
  _ = try client.request("endpoints-set", [("endpoints", .text(list))])
  Console.print("HQ is tried at \(endpoints.map(\.description).joined(separator: ", "))")
  return .done
}

func setPin(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let client = try ControlClient(directory: DataDirectory(try arguments.needed("data")), model: .retail)
  _ = try client.request("pin-set", [("pin", .text(arguments.words[0]))])
  Console.print("HQ is the one with the key \(arguments.words[0])")
  return .done
}

Program.run(Help.program, CommandLine.arguments.dropFirst()) { verb, arguments in
  switch verb {
  case "join": return try join(arguments)
  case "run": return try run(arguments)
  case "recover": return try recover(arguments)
  case "set-pin": return try setPin(arguments)
  default: return try setHQ(arguments)
  }
}
