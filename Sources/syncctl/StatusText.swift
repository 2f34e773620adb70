import NodeRuntime
import Wire

/// `status` for people: first whether all is in sync, then why not, then the peers.
struct StatusText {
  let report: CBORValue

  init(_ report: CBORValue) {
    self.report = report
  }

  var text: String {
    let role = report["role"]?.textValue == "hq" ? "HQ" : "store \(report["node"]?.textValue ?? "")"
    var lines: [String] = []
    if report["inSync"]?.booleanValue == true {
      lines.append("\(role): in sync")
    } else {
      lines.append("\(role): NOT in sync")
      lines += (report["reasons"]?.arrayValue ?? []).map { "  - \($0.textValue ?? "")" }
    }
    let open = report["conflictsOpen"]?.integerValue ?? 0
    let decided = report["conflictsDecided"]?.integerValue ?? 0
    lines.append(
      "conflicts: \(open) open, \(decided) decided by rule    parked: \(report["parked"]?.integerValue ?? 0)")
    let peers = report["peers"]?.arrayValue ?? []
    guard !peers.isEmpty else { return lines.joined(separator: "\n") }
    let header = ["peer", "name", "link", "to send", "since", "last contact", "clock"]
    lines += TextTable(header, peers.map(row)).lines
    return lines.joined(separator: "\n")
  }

  private func row(_ peer: CBORValue) -> [String] {
    let isConnected = peer["isConnected"]?.booleanValue ?? false
    let isCaughtUp = peer["isCaughtUp"]?.booleanValue ?? false
    let isRevoked = peer["state"]?.textValue == "revoked"
    let offset = peer["clockOffsetMilliseconds"]?.integerValue
    let atLeast = peer["pendingIsAtLeast"]?.booleanValue == true ? "≥ " : ""
    return [
      peer["node"]?.textValue ?? "", peer["name"]?.textValue ?? "",
      isConnected ? (isCaughtUp ? "connected" : "receiving") : isRevoked ? "revoked" : "down",
      "\(atLeast)\(peer["pendingGroups"]?.integerValue ?? 0)", peer["pendingSince"]?.textValue ?? "–",
      peer["lastContact"]?.textValue ?? "never", offset.map { "\($0 >= 0 ? "+" : "")\($0) ms" } ?? "–",
    ]
  }
}
