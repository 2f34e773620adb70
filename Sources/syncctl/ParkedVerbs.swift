import NodeRuntime
import Wire

/// `syncctl parked …`
struct ParkedVerbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "parked list": return try list()
    case "parked show": return try show()
    case "parked retry": return try retry()
    case "parked drop": return try drop()
    default: return try forget()
    }
  }

  private func list() throws -> ExitStatus {
    let answer = try arguments.ask("parked")
    arguments.tell(answer, Self.list)
    let count = (answer["parked"]?.arrayValue ?? []).count + (answer["notApplied"]?.arrayValue ?? []).count
    return count == 0 ? .done : .partly
  }

  private static func list(_ answer: CBORValue) -> String {
    let parked = answer["parked"]?.arrayValue ?? []
    let notApplied = answer["notApplied"]?.arrayValue ?? []
    var lines = parked.isEmpty ? ["nothing is parked"] : parked.map(line)
    if !notApplied.isEmpty {
      lines.append("not applied, and not parked here:")
      lines += notApplied.map { item in
        "\(item["number"]?.integerValue ?? 0)  \(text(item, "outcome")) by \(text(item, "by"))"
          + (text(item, "by") == "this node" ? ", of store \(text(item, "peer"))" : "")
          + "  \(text(item, "notedAt"))  \(text(item, "code")): \(text(item, "reason"))"
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func line(_ group: CBORValue) -> String {
    "\(group["number"]?.integerValue ?? 0)  from \(text(group, "from"))  \(text(group, "receivedAt"))  "
      + "\(text(group, "code")): \(text(group, "reason"))"
  }

  private func show() throws -> ExitStatus {
    let answer = try arguments.ask("parked", [("number", .integer(arguments.number("a parked group")))])
    arguments.tell(answer) { ($0["parked"]?.arrayValue ?? []).map(Self.page).joined(separator: "\n") }
    return .done
  }

  private static func page(_ group: CBORValue) -> String {
    var lines = [
      line(group), "   lane \(text(group, "lane")), \(group["bytes"]?.integerValue ?? 0) bytes; it touches:",
    ]
    let touches = group["touches"]?.arrayValue ?? []
    lines += touches.map { "   \(text($0, "entity")) \(text($0, "id"))" }
    if touches.isEmpty { lines.append("   (not known: it cannot be read)") }
    return lines.joined(separator: "\n")
  }

  private func retry() throws -> ExitStatus {
    let answer = try arguments.ask(
      "parked-retry", try oneOrAll() + [("trusting", .boolean(arguments.flag("trust")))])
    arguments.tell(answer) { answer in
      let still = (answer["groups"]?.arrayValue ?? []).filter { $0["isApplied"]?.booleanValue == false }
      let head =
        "\(answer["applied"]?.integerValue ?? 0) applied, \(answer["stillParked"]?.integerValue ?? 0) still parked"
      return ([head] + still.compactMap { $0["group"].map(Self.line) }).joined(separator: "\n")
    }
    return answer["stillParked"]?.integerValue == 0 ? .done : .partly
  }

  private func drop() throws -> ExitStatus {
    let number = try arguments.number("a parked group")
    let reason = try arguments.needed("reason")
    let shown = try arguments.ask("parked", [("number", .integer(number))])
    if !arguments.flag("yes") {
      for group in shown["parked"]?.arrayValue ?? [] { Console.printError(Self.page(group)) }
      let answer = Console.ask("drop it for good? what it would have written will not come (yes/no) ")
      guard let answer else { throw UsageError("it is dropped for good, and nobody can be asked: say --yes") }
      guard answer == "yes" else {
        Console.printError("nothing was dropped")
        return .partly
      }
    }
    let answer = try arguments.ask("parked-drop", [("number", .integer(number)), ("reason", .text(reason))])
    arguments.tell(answer) { _ in "group \(number) is dropped; what waited behind it: syncctl parked retry --all" }
    return .done
  }

  private func forget() throws -> ExitStatus {
    var request = try oneOrAll()
    request.append(("reason", .text(try arguments.needed("reason"))))
    let answer = try arguments.ask("parked-forget", request)
    arguments.tell(answer) { "\($0["forgotten"]?.integerValue ?? 0) taken off the list" }
    return .done
  }

  private func oneOrAll() throws -> [(String, CBORValue)] {
    guard arguments.flag("all") else { return [("number", .integer(try arguments.number("one, or --all")))] }
    guard arguments.words.isEmpty else { throw UsageError("found a number and --all, expected one of them") }
    return []
  }

  private static func text(_ value: CBORValue, _ key: String) -> String { value[key]?.textValue ?? "" }
}
