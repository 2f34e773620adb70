import NodeRuntime
import Wire

/// Who follows the change feed, for people.
enum FeedText {
  static func consumers(_ answer: CBORValue) -> String {
    let consumers = answer["consumers"]?.arrayValue ?? []
    guard !consumers.isEmpty else { return "nobody follows the change feed under a name" }
    return TextTable(["consumer", "behind", "last seen"], consumers.map(row)).lines.joined(separator: "\n")
  }

  private static func row(_ consumer: CBORValue) -> [String] {
    let behind = "\(consumer["behind"]?.integerValue ?? 0)"
    return [
      consumer["name"]?.textValue ?? "",
      consumer["beginsAnew"]?.booleanValue == true ? "\(behind) (begins anew)" : behind,
      consumer["lastSeen"]?.textValue ?? "",
    ]
  }

  static func forgotten(_ answer: CBORValue) -> String {
    "“\(answer["forgotten"]?.textValue ?? "")” is forgotten; should it ask again, it is a new one"
  }

  static func webhooks(_ answer: CBORValue) -> String {
    let hooks = answer["webhooks"]?.arrayValue ?? []
    guard !hooks.isEmpty else { return "HQ posts to no webhook" }
    var lines = TextTable(
      ["webhook", "state", "behind", "last delivery", "entities", "address"],
      hooks.map { hook in
        [
          hook["name"]?.textValue ?? "", hook["state"]?.textValue ?? "",
          hook["behind"]?.integerValue.map { "\($0)" } ?? "all", hook["lastDelivery"]?.textValue ?? "never",
          (hook["entities"]?.arrayValue ?? []).compactMap(\.textValue).joined(separator: ",").orAll,
          hook["address"]?.textValue ?? "",
        ]
      }
    ).lines
    lines += hooks.compactMap { hook in
      hook["problem"]?.textValue.map { "\(hook["name"]?.textValue ?? ""): \($0)" }
    }
    return lines.joined(separator: "\n")
  }

  /// A line of `status`.
  static func webhook(_ hook: CBORValue) -> String {
    let problem = hook["problem"]?.textValue.map { "; \($0)" } ?? ""
    let behind = hook["behind"]?.integerValue.map { "\($0) entries behind" } ?? "begins anew"
    return "webhook \(hook["name"]?.textValue ?? ""): \(hook["state"]?.textValue ?? ""), \(behind)\(problem)"
  }

  static func withSecret(_ answer: CBORValue) -> String {
    let hook = answer["webhook"] ?? .null
    let line = "webhook “\(hook["name"]?.textValue ?? "")” is \(hook["state"]?.textValue ?? "")"
    guard let secret = hook["secret"]?.textValue else { return line }
    return line + "; its secret, shown this once, for the receiver to check signatures with:\n" + secret
  }

  static func test(_ answer: CBORValue) -> String {
    let name = answer["name"]?.textValue ?? ""
    guard let problem = answer["problem"]?.textValue else {
      return "“\(name)” has taken the message (\(answer["status"]?.integerValue ?? 0))"
    }
    return "“\(name)” has NOT taken the message: \(problem)"
  }
}

extension String {
  fileprivate var orAll: String { isEmpty ? "all" : self }
}
