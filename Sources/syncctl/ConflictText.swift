import NodeRuntime
import Wire

/// Conflicts and explanations for people.
enum ConflictText {
  static func list(_ answer: CBORValue) -> String {
    let conflicts = answer["conflicts"]?.arrayValue ?? []
    guard !conflicts.isEmpty else { return "no conflicts" }
    return conflicts.map(one).joined(separator: "\n")
  }

  static func one(_ conflict: CBORValue) -> String {
    let records = (conflict["records"]?.arrayValue ?? []).compactMap(\.textValue).joined(separator: ", ")
    let detail = conflict["detail"]?.textValue ?? ""
    let rule = conflict["rule"]?.textValue.map { " by the rule \($0)" } ?? ""
    let status = conflict["status"]?.textValue ?? ""
    var lines = [
      "#\(conflict["number"]?.integerValue ?? 0) \(status)\(status == "decided" ? rule : ""): "
        + "\(conflict["entity"]?.textValue ?? "") \(records)\(detail.isEmpty ? "" : ", \(detail)")",
      "   why: \(conflict["reason"]?.textValue ?? "")",
    ]
    lines += (conflict["candidates"]?.arrayValue ?? []).map { "   \(candidate($0))" }
    lines += settlements(conflict)
    return lines.joined(separator: "\n")
  }

  /// One case with its candidates numbered, and what can be done.
  static func page(_ conflict: CBORValue) -> String {
    var lines = one(conflict).split(separator: "\n").map(String.init)
    let count = conflict["candidates"]?.arrayValue?.count ?? 0
    if count > 0 {
      for index in 0..<count where index + 2 < lines.count {
        lines[index + 2] = "   \(index + 1)\(lines[index + 2].dropFirst(2))"
      }
    }
    lines.append("   opened \(text(conflict, "openedAt")), last changed \(text(conflict, "changedAt"))")
    guard conflict["status"]?.textValue != "closed" else { return lines.joined(separator: "\n") }
    let settle = "syncctl conflicts settle \(conflict["number"]?.integerValue ?? 0)"
    switch conflict["kind"]?.textValue {
    case "field": lines.append("   to settle it: \(settle) --take 1…\(count), or --value VALUE, or --clear")
    case "deletion": lines.append("   to settle it: \(settle) --take delete, or --take keep")
    case "immutable": lines.append("   to leave it as it is: \(settle) --accept")
    default: lines.append("   to settle it, change one of the records; to leave it as it is: \(settle) --accept")
    }
    return lines.joined(separator: "\n")
  }

  static func settled(_ conflict: CBORValue) -> String {
    let number = conflict["number"]?.integerValue ?? 0
    guard conflict["status"]?.textValue == "accepted" else {
      return "case \(number) is settled; the choice goes to the other nodes like any change"
    }
    let stays =
      conflict["kind"]?.textValue == "unique" ? "the records stay as they are" : "the record stays as it is shown"
    return "case \(number) is accepted at this node: \(stays). It opens again if more comes to it"
  }

  private static func text(_ value: CBORValue, _ key: String) -> String { value[key]?.textValue ?? "" }

  private static func candidate(_ candidate: CBORValue) -> String {
    let mark = candidate["isShown"]?.booleanValue == true ? "→" : " "
    let node = candidate["node"]?.textValue ?? ""
    let writer = node == "hq" ? "HQ" : "store \(node)"
    return "\(mark) \(candidate["value"]?.json ?? "null")  from \(writer) at \(candidate["at"]?.textValue ?? "")"
  }

  private static func settlements(_ conflict: CBORValue) -> [String] {
    (conflict["settlements"]?.arrayValue ?? []).map { settlement in
      let note = settlement["note"]?.textValue.map { ": \($0)" } ?? ""
      return "   settled here at \(text(settlement, "at")) by \(text(settlement, "choice"))\(note)"
    }
  }

  static func explanation(_ answer: CBORValue) -> String {
    let deleted = answer["isDeleted"]?.booleanValue == true ? " (deleted)" : ""
    var lines = ["\(answer["entity"]?.textValue ?? "") \(answer["id"]?.textValue ?? "")\(deleted)"]
    for field in answer["fields"]?.arrayValue ?? [] {
      let name = field["name"]?.textValue ?? ""
      lines.append(
        "\(name) = \(field["shown"]?.json ?? "null")   [\(field["rule"]?.textValue ?? "")] \(field["reason"]?.textValue ?? "")"
      )
      let candidates = field["candidates"]?.arrayValue ?? []
      lines += candidates.map { "   \(candidate($0))" }
    }
    let cases = answer["cases"]?.arrayValue ?? []
    if !cases.isEmpty { lines += ["conflict cases:"] + cases.map(one) }
    return lines.joined(separator: "\n")
  }
}
