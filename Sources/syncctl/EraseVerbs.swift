import NodeRuntime
import Wire

/// `syncctl erase`: a person is forgotten at every node, and it can be shown.
struct EraseVerbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "erase member": return try finish(ask("erase", member() + reason() + flags("unknown")))
    case "erase status": return try finish(ask("erasures", member()))
    case "erase list":
      let answer = try ask("erasures", [])
      arguments.tell(answer, EraseText.list)
      return Self.status(answer)
    case "erase certificate": return try certificate()
    case "erase lift":
      arguments.tell(try ask("erasure-lift", member() + flags("force")), EraseText.lifted)
      return .done
    case "erase vouch":
      let store: [(String, CBORValue)] = [("number", .text(try arguments.needed("store")))]
      return try finish(ask("erasure-vouch", member() + store + reason()))
    default: throw UsageError("the verb “\(verb)” is not there in this version")
    }
  }

  private func ask(_ operation: String, _ request: [(String, CBORValue)]) throws -> CBORValue {
    try arguments.ask(operation, request)
  }

  private func member() -> [(String, CBORValue)] {
    [("entity", .text("member")), ("id", .text(arguments.words.first ?? ""))]
  }

  private func reason() throws -> [(String, CBORValue)] { [("reason", .text(try arguments.needed("reason")))] }

  private func flags(_ name: String) -> [(String, CBORValue)] { [(name, .boolean(arguments.flag(name)))] }

  private func finish(_ answer: CBORValue) -> ExitStatus {
    arguments.tell(answer, EraseText.status)
    return Self.status(answer)
  }

  /// A paper is made only of what is done.
  private func certificate() throws -> ExitStatus {
    let answer = try ask("erasures", member())
    guard Self.status(answer) == .done else {
      Console.printError("not erased everywhere yet, so there is nothing to certify:")
      Console.printError(EraseText.status(answer))
      return .partly
    }
    arguments.tell(answer, EraseText.certificate)
    return .done
  }

  private static func status(_ answer: CBORValue) -> ExitStatus {
    let all = answer["erasures"]?.arrayValue ?? []
    return all.allSatisfy { $0["isComplete"]?.booleanValue == true || $0["liftedAt"] != nil } ? .done : .partly
  }
}
