import NodeRuntime
import Wire

/// `syncctl key` and `syncctl store rotate`.
struct KeyVerbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "key status": return tell(try arguments.ask("key-status"))
    case "key rotate", "key switch", "key drop":
      let operation = verb.replacing(" ", with: "-")
      return tell(try arguments.ask(operation, [("force", .boolean(arguments.flag("force")))]))
    case "store rotate":
      guard arguments.flag("all") != (arguments.words.first != nil) else {
        throw UsageError("expected the store's number, or --all")
      }
      return tell(try arguments.ask("store-rotate", arguments.words.first.map { [("number", .text($0))] } ?? []))
    default: throw UsageError("the verb “\(verb)” is not there in this version")
    }
  }

  private func tell(_ answer: CBORValue) -> ExitStatus {
    arguments.tell(answer, Self.text)
    let isOpen = (answer["stores"]?.arrayValue ?? []).contains { store in
      store["hasJoined"]?.booleanValue == true
        && (store["knowsKeys"]?.booleanValue == false || store["rotationAskedAt"] != nil)
    }
    return isOpen ? .partly : .done
  }

  private static func text(_ answer: CBORValue) -> String {
    var lines = ["HQ shows the key   \(answer["current"]?.textValue ?? "")"]
    if let next = answer["next"]?.textValue { lines.append("it will show       \(next)") }
    if let old = answer["old"]?.textValue { lines.append("stores still take  \(old)") }
    let stores = answer["stores"]?.arrayValue ?? []
    let joined = stores.filter { $0["hasJoined"]?.booleanValue == true }
    let unaware = joined.filter { $0["knowsKeys"]?.booleanValue == false }
    lines.append(
      unaware.isEmpty
        ? "all \(joined.count) stores know these keys"
        : "\(joined.count - unaware.count) of \(joined.count) stores know these keys; not yet:")
    lines += unaware.map(row)
    let renewing = joined.filter { $0["rotationAskedAt"] != nil }
    if !renewing.isEmpty {
      lines.append("yet to go over to a new credential:")
      lines += renewing.map(row)
    }
    let codes = stores.filter { $0["hasOpenJoinCode"]?.booleanValue == true }
    if answer["next"] != nil, !codes.isEmpty {
      let names = codes.compactMap { $0["node"]?.textValue }.joined(separator: ", ")
      lines.append("join codes that are not used name the present key, and end with it: store \(names)")
    }
    return lines.joined(separator: "\n")
  }

  private static func row(_ store: CBORValue) -> String {
    "  store \(store["node"]?.textValue ?? "") (\(store["name"]?.textValue ?? "")), last contact "
      + (store["lastContact"]?.textValue ?? "never")
  }
}
