import NodeRuntime
import Wire

/// Erasures for people.
enum EraseText {
  static func list(_ answer: CBORValue) -> String {
    let all = answer["erasures"]?.arrayValue ?? []
    guard !all.isEmpty else { return "nothing was erased" }
    return TextTable(
      ["record", "asked for", "reason", "state"],
      all.map { item in
        [record(item), text(item, "requestedAt"), text(item, "reason"), state(item)]
      }
    ).lines.joined(separator: "\n")
  }

  static func status(_ answer: CBORValue) -> String {
    (answer["erasures"]?.arrayValue ?? []).map(one).joined(separator: "\n\n")
  }

  static func lifted(_ answer: CBORValue) -> String {
    (answer["erasures"]?.arrayValue ?? []).map { "\(record($0)): the number may be used again" }.joined(separator: "\n")
  }

  private static func one(_ item: CBORValue) -> String {
    var lines = ["\(record(item)): \(state(item))", "asked for \(text(item, "requestedAt")): \(text(item, "reason"))"]
    if item["lastAt"] != item["requestedAt"] {
      lines.append("HQ took away more of it \(text(item, "lastAt")), which a store had brought")
    }
    if let store = item["foundAt"]?.textValue {
      lines.append("HQ had lost this with a backup, and heard it from store \(store)")
    }
    lines.append("HQ: \(hq(item["hq"]))")
    lines += (item["stores"]?.arrayValue ?? []).map { "store \(text($0, "node"))\(name($0)): \(place($0))" }
    return lines.joined(separator: "\n")
  }

  /// For the files of whoever answers for it. The number itself does not stand in it: whoever knows the number can compute the
  /// digest, `printf %s 'member 100' | sha256sum`.
  static func certificate(_ answer: CBORValue) -> String {
    (answer["erasures"]?.arrayValue ?? []).map { item in
      var lines = [
        "CERTIFICATE OF ERASURE", "", "record         \(text(item, "entity")), SHA-256 \(text(item, "digest"))",
        "asked for      \(text(item, "requestedAt"))", "reason         \(text(item, "reason"))",
        "as of          \(text(item, "asOf"))", "",
        "HQ             \(hq(item["hq"]))",
      ]
      lines += (item["stores"]?.arrayValue ?? []).map { "store \(text($0, "node"))\(name($0)): \(place($0))" }
      lines += [
        "",
        "Each store has shown by a digest that its record is HQ's erased one, after everything that it had to send had come,",
        "and that its tables, its conflict cases and parked groups, its free pages and its write-ahead log hold no value of it.",
        "Receipts, points and coupons keep the number alone. Backups and exported files are not part of this.",
      ]
      return lines.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  // MARK: Parts

  private static func record(_ item: CBORValue) -> String { "\(text(item, "entity")) \(text(item, "id"))" }

  private static func state(_ item: CBORValue) -> String {
    if let at = item["liftedAt"]?.textValue { return "lifted \(at): the number may be used again" }
    if item["isComplete"]?.booleanValue == true { return "erased everywhere" }
    let open = (item["stores"]?.arrayValue ?? []).filter { store in
      !["confirmed", "vouched", "not-joined"].contains(text(store, "state"))
    }
    return open.isEmpty
      ? "NOT erased everywhere: HQ's own files are not clean yet"
      : "NOT erased everywhere: waiting for \(open.map { "store \(text($0, "node"))" }.joined(separator: ", "))"
  }

  private static func hq(_ hq: CBORValue?) -> String {
    var words = hq?["cleanedAt"]?.textValue.map { "done \($0)" } ?? "not clean yet"
    for number in hq?["unreadableGroups"]?.arrayValue ?? [] {
      words +=
        "; the parked group \(number.integerValue ?? 0) cannot be read and has the number in it: retry it, or drop it"
    }
    if let old = hq?["oldDatabases"]?.textValue { words += "; older databases are there, see to them: \(old)" }
    return words
  }

  private static func place(_ store: CBORValue) -> String {
    let at = text(store, "at")
    let contact = store["lastContact"]?.textValue.map { ", last contact \($0)" } ?? ""
    let words: String
    switch text(store, "state") {
    case "confirmed": words = "done \(at)"
    case "vouched": words = "vouched for \(at): \(text(store, "voucher"))"
    case "pending": words = "pending" + (store["problem"]?.textValue.map { ": \($0)" } ?? "")
    case "away": words = "pending, not connected\(contact)"
    case "revoked": words = "revoked, keeps what it has\(contact); clean its machine, then `syncctl erase vouch`"
    case "retired": words = "retired, keeps what it has\(contact); clean its machine, then `syncctl erase vouch`"
    case "earlier-database":
      words = "has a new join code and a database of before; clean its machine, then `syncctl erase vouch`"
    default: words = "never came in, has nothing"
    }
    return words + (store["oldDatabases"]?.textValue.map { "; older databases are there, see to them: \($0)" } ?? "")
  }

  private static func name(_ store: CBORValue) -> String { store["name"]?.textValue.map { " (\($0))" } ?? "" }
  private static func text(_ value: CBORValue, _ key: String) -> String { value[key]?.textValue ?? "" }
}
