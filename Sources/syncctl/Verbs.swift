import NodeRuntime
import StoreModel
import Wire

/// What `syncctl` can be told to do.
struct Verbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run() throws -> ExitStatus {
    let words = arguments.words
    switch (words.first, words.dropFirst().first, words.count) {
    case ("status", _, 1): return try status()
    case ("store", "add", 3): return try addStore(words[2])
    case ("store", "list", 2): return try listStores()
    case ("store", "revoke", 3): return try changeStore(words[2], "store-revoke")
    case ("store", "retire", 3): return try changeStore(words[2], "store-retire")
    case ("endpoints", nil, 1): return try endpoints("endpoints", [])
    case ("endpoints", "set", 3): return try endpoints("endpoints-set", [("endpoints", .text(words[2]))])
    case ("import", _, 2): return try ImportVerb(client: client(), arguments: arguments).run(words[1])
    case ("conflicts", "list", 2): return try conflicts()
    case ("explain", _, 3...4): return try explain(words[1], words[2], words.dropFirst(3).first)
    case ("parked", "list", 2): return try parked()
    default: throw UsageError("found “\(words.joined(separator: " "))”, which is none of the verbs")
    }
  }

  private func client() throws -> ControlClient {
    try ControlClient(directory: DataDirectory(arguments.needed("data")), model: .retail)
  }

  private func status() throws -> ExitStatus {
    let report = try client().request("status")
    let isInSync = report["inSync"]?.booleanValue ?? false
    Console.print(arguments.flag("json") ? report.json : StatusText(report).text)
    return isInSync ? .done : .partly
  }

  private func addStore(_ number: String) throws -> ExitStatus {
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
    let answer = try client().request("store-add", request)
    Console.print(arguments.flag("json") ? answer.json : answer["joinCode"]?.textValue ?? "")
    return .done
  }

  private func listStores() throws -> ExitStatus {
    let answer = try client().request("store-list")
    Console.print(arguments.flag("json") ? answer.json : StoreText.list(answer))
    return .done
  }

  private func changeStore(_ number: String, _ operation: String) throws -> ExitStatus {
    let answer = try client().request(
      operation, [("number", .text(number)), ("force", .boolean(arguments.flag("force")))])
    Console.print(arguments.flag("json") ? answer.json : StoreText.changed(answer))
    return .done
  }

  private func endpoints(_ operation: String, _ request: [(String, CBORValue)]) throws -> ExitStatus {
    let answer = try client().request(operation, request)
    Console.print(arguments.flag("json") ? answer.json : EndpointText.text(answer))
    return .done
  }

  private func conflicts() throws -> ExitStatus {
    let answer = try client().request("conflicts", [("all", .boolean(arguments.flag("all")))])
    Console.print(arguments.flag("json") ? answer.json : ConflictText.list(answer))
    return .done
  }

  private func explain(_ entity: String, _ id: String, _ field: String?) throws -> ExitStatus {
    var request: [(String, CBORValue)] = [("entity", .text(entity)), ("id", .text(id))]
    if let field { request.append(("field", .text(field))) }
    let answer = try client().request("explain", request)
    Console.print(arguments.flag("json") ? answer.json : ConflictText.explanation(answer))
    return .done
  }

  private func parked() throws -> ExitStatus {
    let answer = try client().request("parked")
    let groups = answer["parked"]?.arrayValue ?? []
    if arguments.flag("json") {
      Console.print(answer.json)
    } else if groups.isEmpty {
      Console.print("nothing is parked")
    } else {
      for group in groups {
        Console.print(
          "\(group["number"]?.integerValue ?? 0)  from \(group["from"]?.textValue ?? "")  "
            + "\(group["receivedAt"]?.textValue ?? "")  \(group["code"]?.textValue ?? ""): "
            + (group["reason"]?.textValue ?? ""))
      }
    }
    return groups.isEmpty ? .done : .partly
  }
}
