import NodeRuntime
import Wire

/// `syncctl conflicts …`
struct ConflictVerbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "conflicts list": return try list()
    case "conflicts show": return try show()
    default: return try settle()
    }
  }

  private func list() throws -> ExitStatus {
    var request: [(String, CBORValue)] = [("all", .boolean(arguments.flag("all")))]
    if let entity = arguments.value("entity") { request.append(("entity", .text(entity))) }
    arguments.tell(try arguments.ask("conflicts", request), ConflictText.list)
    return .done
  }

  private func show() throws -> ExitStatus {
    let answer = try arguments.ask("conflicts", [("number", .integer(arguments.number("a case")))])
    arguments.tell(answer) { ($0["conflicts"]?.arrayValue ?? []).map(ConflictText.page).joined(separator: "\n") }
    return .done
  }

  private func settle() throws -> ExitStatus {
    var request: [(String, CBORValue)] = [("number", .integer(try arguments.number("a case")))]
    let given = ["take", "value", "clear", "accept"].filter(arguments.flag)
    guard let choice = given.first, given.count == 1 else {
      throw UsageError("expected one of --take CANDIDATE, --value VALUE, --clear and --accept")
    }
    request.append(("choice", .text(choice)))
    if choice == "take" || choice == "value" { request.append(("value", .text(arguments.value(choice) ?? ""))) }
    if let note = arguments.value("note") { request.append(("note", .text(note))) }
    arguments.tell(try arguments.ask("conflict-settle", request)) { answer in
      ConflictText.settled(answer["conflict"] ?? .null)
    }
    return .done
  }
}
