import Causality
import Dispatch
import HTTPClient
import NodeAPI
import NodeRuntime
import RecordStore
import StoreModel
import Transport

enum Help {
  static let data = OptionHelp("data", .value("DIR"), "the node's directory")

  static let program = ProgramHelp(
    "hq-node", "The node of headquarters: accepts the stores and keeps them in sync.",
    verbs: [
      VerbHelp(
        "init", ["--data DIR --advertise HOST:PORT[,HOST:PORT…] [--name NAME] [--json]"], 0...0,
        "makes the database and the key of a new headquarters",
        details:
          "The directory is made if it is not there. The stores must be able to reach one of the advertised addresses.",
        options: [
          data,
          OptionHelp("advertise", .value("HOST:PORT,…"), "where the stores reach it; goes into the join codes"),
          OptionHelp("name", .value("NAME"), "what it is called (default: HQ)"),
          OptionHelp("json", .flag, "answers in JSON, with the number of its schema"),
        ],
        examples: ["hq-node init --data hq --advertise hq.example.com:7400 --name Headquarters"]),
      VerbHelp(
        "run", ["--data DIR [--listen HOST:PORT] [--http HOST:PORT] [--log-level LEVEL]", "--config FILE"], 0...0,
        "accepts the stores, until SIGTERM",
        details: "Says “listening ADDRESS” and “ready” on standard output, and from then on logs to standard error.",
        options: [
          data,
          OptionHelp(
            "listen", .value("HOST:PORT"),
            "where it listens (default: [::]:7400, all addresses); port 0 takes a free one"),
          .logLevel, .settingsFile,
        ] + HTTPService.options,
        examples: ["hq-node run --data hq"], exits: ["0  ended by SIGTERM or SIGINT"]),
    ],
    manual: ManualHelp(
      section: 8,
      files: [
        .init("/etc/storesync/hq-node.conf", "the settings, where the package is installed"),
        .init("/var/lib/storesync", "the node's directory there; only the user storesync can read it"),
      ], related: ["hq-node.conf(5)", "syncctl(1)"]))
}

func initialise(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  try directory.becomeOwner()
  let advertised = try Endpoint.list(arguments.needed("advertise"))
  var generator = SystemRandomness()
  try NodeCreation.makeHQ(
    in: directory, name: arguments.value("name") ?? "HQ", advertised: advertised, model: .retail, using: &generator)
  NodeCreation.tell(
    arguments, .hq, directory, "made HQ in \(directory.path); start it with: hq-node run --data \(directory.path)")
  return .done
}

func run(_ arguments: CommandLineArguments) throws -> ExitStatus {
  let directory = DataDirectory(try arguments.needed("data"))
  try directory.becomeOwner()
  let listen = try arguments.value("listen", Endpoint.argument) ?? Endpoint.argument("[::]:7400")
  let log = try LogWriter(arguments)
  let services = try HTTPService.make(arguments, directory, log: log.sink)
  let daemon = try Daemon(directory: directory, model: .retail, log: log)
  guard daemon.gate.identity.isHQ else {
    throw UsageError("“\(directory.path)” holds the node of store \(daemon.gate.identity.replica.node), not HQ")
  }
  let hq = try daemon.gate.writeNow { engine throws(StoreError) in try NodeSettings.hq(engine) }
  let node = HQNode(gate: daemon.gate, queue: daemon.queue, log: daemon.log)
  let bound = try daemon.queue.sync { try node.start(at: listen, tls: hq.tls) }
  let form = ChangeForm(.retail)
  let webhooks = WebhookSender(gate: daemon.gate, posting: HTTPClient(), log: daemon.log) {
    page, _ throws(StoreError) in
    try form.text(of: page)
  }
  daemon.queue.sync { node.webhooks = webhooks }
  webhooks.start()
  try daemon.run(node, addresses: [("listening", bound.description)], services: services)
}

Program.run(Help.program, CommandLine.arguments.dropFirst()) { verb, arguments in
  verb == "init" ? try initialise(arguments) : try run(arguments)
}
