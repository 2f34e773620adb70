import NodeRuntime
import Wire

/// `status` for people: first whether all is in sync, then why not, then the peers.
struct StatusText {
  let report: CBORValue

  init(_ report: CBORValue) {
    self.report = report
  }

  private var role: String {
    switch report["role"]?.textValue {
    case "hq": "HQ"
    case nil: "the node"
    default: "store \(report["node"]?.textValue ?? "")"
    }
  }

  private var reasons: [String] {
    if let problem = report["problem"]?.textValue { return [problem] }
    return (report["reasons"]?.arrayValue ?? []).compactMap(\.textValue)
  }

  private var headline: String { "\(role): \(report["inSync"]?.booleanValue == true ? "in sync" : "NOT in sync")" }

  var text: String {
    var lines = [headline] + reasons.map { "  - \($0)" }
    guard report["role"] != nil else { return lines.joined(separator: "\n") }
    if let stores = report["stores"] { lines.append(Self.tally(stores)) }
    let accepted = report.count("conflictsAccepted")
    lines.append(
      "conflicts: \(report.count("conflictsOpen")) open, \(report.count("conflictsDecided")) decided by rule"
        + (accepted > 0 ? ", \(accepted) accepted" : "") + "    parked: \(report.count("parked"))")
    lines += (report["webhooks"]?.arrayValue ?? []).map(FeedText.webhook)
    lines += (report["consumers"]?.arrayValue ?? []).map(Self.consumer)
    let peers = report["peers"]?.arrayValue ?? []
    guard !peers.isEmpty else { return lines.joined(separator: "\n") }
    let header = [
      "peer", "name", "link", "to send", "since", "to receive", "last contact", "not applied", "clock", "software",
      "verified",
    ]
    lines += TextTable(header, peers.map(row)).lines
    return lines.joined(separator: "\n")
  }

  /// One line a thing that can change, without what changes all the time.
  var changeLines: [String] {
    [headline] + reasons.map { "\(role): \($0)" }
      + (report["peers"]?.arrayValue ?? []).map { peer in
        let node = peer["node"]?.textValue ?? ""
        return "\(node == "hq" ? "HQ" : "store \(node)"): \(Self.link(peer)), \(Self.pending(peer)) to send"
      }
  }

  private static func tally(_ stores: CBORValue) -> String {
    let names = [
      ("connected", "connected"), ("notConnected", "not connected"), ("notJoined", "not joined"),
      ("revoked", "revoked"),
    ]
    let parts = names.compactMap { key, name in
      stores.count(key) > 0 ? "\(stores.count(key)) \(name)" : nil
    }
    return "stores: \(stores.count("enrolled"))"
      + (parts.isEmpty ? "" : ", of these " + parts.joined(separator: ", ")) + "; \(stores.count("inSync")) in sync"
  }

  private static func consumer(_ consumer: CBORValue) -> String {
    let state =
      consumer["beginsAnew"]?.booleanValue == true ? "begins anew" : "\(consumer.count("behind")) entries behind"
    return "consumer \(consumer["name"]?.textValue ?? ""): \(state), last seen \(consumer["lastSeen"]?.textValue ?? "")"
  }

  private static func link(_ peer: CBORValue) -> String {
    if peer["state"]?.textValue == "revoked" { return "revoked" }
    if peer["hasJoined"]?.booleanValue == false { return "not joined" }
    guard peer["isConnected"]?.booleanValue == true else { return "down" }
    if let percent = peer["firstLoadPercent"]?.integerValue { return "first load, \(percent) %" }
    return peer["isCaughtUp"]?.booleanValue == true ? "connected" : "receiving"
  }

  private static func pending(_ peer: CBORValue) -> String {
    let atLeast = peer["pendingIsAtLeast"]?.booleanValue == true ? "≥ " : ""
    let groups = peer.count("pendingGroups")
    return groups == 0 ? "0" : "\(atLeast)\(groups) (\(bytes(peer.count("pendingBytes"))))"
  }

  private static func bytes(_ count: Int64) -> String {
    let names = ["bytes", "kB", "MB", "GB"]
    var (count, unit) = (Double(count), 0)
    while count >= 1_000, unit + 1 < names.count { (count, unit) = (count / 1_000, unit + 1) }
    return unit == 0 ? "\(Int(count)) \(names[0])" : "\((count * 10).rounded() / 10) \(names[unit])"
  }

  private func row(_ peer: CBORValue) -> [String] {
    let offset = peer["clockOffsetMilliseconds"]?.integerValue
    let incoming =
      switch peer["incoming"]?.textValue {
      case "none": "0"
      case "some": "some"
      default: "unknown"
      }
    let notApplied = peer.count("notApplied") + peer.count("refused") + peer.count("parked")
    return [
      peer["node"]?.textValue ?? "", peer["name"]?.textValue ?? "", Self.link(peer), Self.pending(peer),
      peer["pendingSince"]?.textValue ?? "–", incoming,
      peer["lastContact"]?.textValue ?? "never", "\(notApplied)",
      offset.map { "\($0 >= 0 ? "+" : "")\($0) ms" } ?? "–", peer["software"]?.textValue ?? "–",
      peer["lastVerified"]?.textValue ?? "never",
    ]
  }
}

extension CBORValue {
  fileprivate func count(_ key: String) -> Int64 { self[key]?.integerValue ?? 0 }
}
