import NodeRuntime
import Wire

/// `webhook …`: where HQ posts what changes.
struct WebhookVerbs {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run(_ verb: String) throws -> ExitStatus {
    switch verb {
    case "webhook list":
      arguments.tell(try arguments.ask("webhook-list"), FeedText.webhooks)
      return .done
    case "webhook add": return try add()
    case "webhook test": return try test()
    case "webhook rotate":
      var request: [(String, CBORValue)] = []
      if let hours = arguments.value("overlap") {
        guard let number = Int64(hours) else {
          throw UsageError("found --overlap “\(hours)”, expected a number of hours")
        }
        request.append(("overlapHours", .integer(number)))
      }
      return try change("webhook-rotate", request)
    default: return try change(verb.replacing(" ", with: "-"), [])
    }
  }

  private func add() throws -> ExitStatus {
    let from = arguments.value("from") ?? "now"
    guard ["now", "beginning"].contains(from) else {
      throw UsageError("found --from “\(from)”, expected now or beginning")
    }
    let entities = (arguments.value("entity") ?? "").split(separator: ",").map { CBORValue.text(String($0)) }
    let answer = try arguments.ask(
      "webhook-add",
      [
        ("address", .text(arguments.words[0])), ("name", .text(try arguments.needed("name"))), ("from", .text(from)),
        ("entities", .array(entities)), ("allowsPlainHTTP", .boolean(arguments.flag("allow-http"))),
      ])
    arguments.tell(answer, FeedText.withSecret)
    return .done
  }

  private func change(_ operation: String, _ more: [(String, CBORValue)]) throws -> ExitStatus {
    let answer = try arguments.ask(operation, [("name", .text(arguments.words[0]))] + more)
    arguments.tell(answer, FeedText.withSecret)
    return .done
  }

  private func test() throws -> ExitStatus {
    let answer = try arguments.ask("webhook-test", [("name", .text(arguments.words[0]))])
    arguments.tell(answer, FeedText.test)
    return answer["isDelivered"]?.booleanValue == true ? .done : .partly
  }
}
