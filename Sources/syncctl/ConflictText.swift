import NodeRuntime
import Wire

/// Conflicts and explanations for people.
enum ConflictText {
  static func list(_ answer: CBORValue) -> String {
    let conflicts = answer["conflicts"]?.arrayValue ?? []
    guard !conflicts.isEmpty else { return "no conflicts" }
    return conflicts.map(one).joined(separator: "\n")
  }

  private static func one(_ conflict: CBORValue) -> String {
    let records = (conflict["records"]?.arrayValue ?? []).compactMap(\.textValue).joined(separator: ", ")
    let detail = conflict["detail"]?.textValue ?? ""
    let rule = conflict["rule"]?.textValue.map { " by the rule \($0)" } ?? ""
    let status = conflict["status"]?.textValue ?? ""
    var lines = [
      "#\(conflict["number"]?.integerValue ?? 0) \(status)\(status == "decided" ? rule : ""): "
        + "\(conflict["entity"]?.textValue ?? "") \(records)\(detail.isEmpty ? "" : ", \(detail)")",
      "   why: \(conflict["reason"]?.textValue ?? "")",
    ]
    lines += (conflict["candidates"]?.arrayValue ?? []).map(candidate)
    return lines.joined(separator: "\n")
  }

  private static func candidate(_ candidate: CBORValue) -> String {
    let mark = candidate["isShown"]?.booleanValue == true ? "→" : " "
    let node = candidate["node"]?.textValue ?? ""
    let writer = node == "hq" ? "HQ" : "store \(node)"
    return "   \(mark) \(candidate["value"]?.json ?? "null")  from \(writer) at \(candidate["at"]?.textValue ?? "")"
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
      lines += candidates.map(candidate)
    }
    return lines.joined(separator: "\n")
  }
}
