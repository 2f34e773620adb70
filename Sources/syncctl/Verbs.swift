import NodeRuntime
import StoreModel
import Wire

/// What `syncctl` can be told to do.
struct Verbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "status": return try StatusVerb(arguments).run()
    case "metrics": return try metrics()
    case "bundle": return try BundleVerb(arguments).run()
    case "store add":
      return arguments.flag("from") ? try BulkAddVerb(arguments).run() : try addStore()
    case "store list": return try answer("store-list", [], StoreText.list)
    case "store revoke": return try changeStore("store-revoke")
    case "store retire": return try changeStore("store-retire")
    case "endpoints": return try answer("endpoints", [], EndpointText.text)
    case "endpoints set":
      return try answer("endpoints-set", [("endpoints", .text(arguments.words[0]))], EndpointText.text)
    case "consumers list": return try answer("consumers", [], FeedText.consumers)
    case "consumers forget":
      return try answer("consumer-forget", [("name", .text(arguments.words[0]))], FeedText.forgotten)
    case "import":
      return try ImportVerb(client: ControlClient(arguments), arguments: arguments).run(arguments.words[0])
    case "export": return try ExportVerb(client: ControlClient(arguments), arguments: arguments).run()
    case "backup": return try BackupVerbs(arguments: arguments).backup()
    case "move out": return try BackupVerbs(arguments: arguments).moveOut()
    case "move back": return try BackupVerbs(arguments: arguments).moveBack()
    case "restore": return try BackupVerbs(arguments: arguments).restore()
    case "check": return try CheckVerb(arguments: arguments).run()
    case "explain": return try explain()
    case "purge": return try PurgeVerb(arguments).run()
    case "verify": return try VerifyVerb(arguments).run()
    case let name where name.hasPrefix("token "): return try TokenVerbs(arguments).run(name)
    case let name where name.hasPrefix("webhook "): return try WebhookVerbs(arguments).run(name)
    case let name where name.hasPrefix("key ") || name == "store rotate": return try KeyVerbs(arguments).run(name)
    case let name where name.hasPrefix("erase "): return try EraseVerbs(arguments).run(name)
    case let name where name.hasPrefix("conflicts "): return try ConflictVerbs(arguments).run(name)
    case let name where name.hasPrefix("parked "): return try ParkedVerbs(arguments).run(name)
    default: throw UsageError("the verb “\(verb)” is not there in this version")
    }
  }

  private func metrics() throws -> ExitStatus {
    let answer = try arguments.ask("metrics", arguments.value("store").map { [("stores", Self.list($0))] } ?? [])
    if arguments.flag("json") {
      Console.print(answer.json)
    } else {
      _ = Console.printPart(answer["text"]?.textValue ?? "")
    }
    return .done
  }

  /// What stands between commas.
  static func list(_ text: String) -> CBORValue {
    .array(text.split(separator: ",", omittingEmptySubsequences: false).map { CBORValue.text(String($0)) })
  }

  private func answer(
    _ operation: String, _ request: [(String, CBORValue)], _ text: (CBORValue) -> String
  ) throws -> ExitStatus {
    arguments.tell(try arguments.ask(operation, request), text)
    return .done
  }

  private func addStore() throws -> ExitStatus {
    guard let number = arguments.words.first else {
      throw UsageError("expected the store's number, or --from FILE")
    }
    var request: [(String, CBORValue)] = [
      ("number", .text(number)), ("again", .boolean(arguments.flag("again"))),
    ]
    let options = [
      ("name", "name"), ("time-zone", "timeZone"), ("currency", "currency"), ("code", "code"), ("region", "region"),
      ("expires", "expires"),
    ]
    for (option, key) in options {
      if let value = arguments.value(option) { request.append((key, .text(value))) }
    }
    arguments.tell(try arguments.ask("store-add", request)) { $0["joinCode"]?.textValue ?? "" }
    return .done
  }

  private func changeStore(_ operation: String) throws -> ExitStatus {
    let answer = try arguments.ask(
      operation, [("number", .text(arguments.words[0])), ("force", .boolean(arguments.flag("force")))])
    arguments.tell(answer, StoreText.changed)
    return .done
  }

  private func explain() throws -> ExitStatus {
    let words = arguments.words
    var request: [(String, CBORValue)] = [("entity", .text(words[0])), ("id", .text(words[1]))]
    if words.count > 2 { request.append(("field", .text(words[2]))) }
    arguments.tell(try arguments.ask("explain", request), ConflictText.explanation)
    return .done
  }
}

extension ControlClient {
  convenience init(_ arguments: CommandLineArguments) throws {
    try self.init(directory: arguments.dataDirectory(), model: .retail)
  }
}

extension CommandLineArguments {
  /// Where the node is: as the command line says, or else as the settings of the installed daemon do.
  func dataDirectory() throws(UsageError) -> DataDirectory {
    if value("data") == nil, let installed = InstallationCheck.installedDirectory { return DataDirectory(installed) }
    return DataDirectory(try needed("data"))
  }

  /// Asks the node, or its database, which is free again at once.
  func ask(_ operation: String, _ request: [(String, CBORValue)] = []) throws -> CBORValue {
    try Patience.during("waiting for the node") { try ControlClient(self).request(operation, request) }
  }

  func tell(_ answer: CBORValue, _ text: (CBORValue) -> String) {
    Console.print(flag("json") ? answer.json : text(answer))
  }

  /// The number behind a verb.
  func number(_ what: String) throws(UsageError) -> Int64 {
    let text = words.first ?? ""
    guard let number = Int64(text), number > 0 else {
      throw UsageError("found “\(text)”, expected the number of \(what)")
    }
    return number
  }
}
