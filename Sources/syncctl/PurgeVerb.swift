import NodeRuntime
import Wire

/// `syncctl purge`: asks for one turn after the other, and adds up what each says.
struct PurgeVerb {
  let arguments: CommandLineArguments

  init(_ arguments: CommandLineArguments) {
    self.arguments = arguments
  }

  func run() throws -> ExitStatus {
    guard arguments.flag("before") != arguments.flag("older-than") else {
      throw UsageError("expected either --before DATE or --older-than DAYS")
    }
    var request: [(String, CBORValue)] = [("isDryRun", .boolean(arguments.flag("dry-run")))]
    if let day = arguments.value("before") { request.append(("before", .text(day))) }
    if let days = try number("older-than") { request.append(("olderThanDays", .integer(days))) }
    if let days = try number("at-hq-for") { request.append(("daysAtHQ", .integer(days))) }
    let client = try ControlClient(arguments)
    Interruption.watch()
    var meter = ProgressMeter(isWanted: arguments.flag("progress"), total: nil)
    var total = Total()
    var next: CBORValue?
    repeat {
      if Interruption.isRequested {
        total.isInterrupted = true
        break
      }
      let answer = try client.request("purge", request + (next.map { [("from", $0)] } ?? []))
      total.add(answer)
      meter.tell(done: Int(total.records), rows: Int(total.records))
      next = answer["next"]
    } while next != nil
    arguments.tell(total.value, Self.text)
    if total.isInterrupted { Console.printError("interrupted; what was dropped stays so, and purging again goes on") }
    return total.isInterrupted ? .partly : .done
  }

  private func number(_ name: String) throws -> Int64? {
    guard let text = arguments.value(name) else { return nil }
    guard let number = Int64(text), number >= 0 else {
      throw UsageError("found --\(name) \(text), expected a number of days")
    }
    return number
  }

  private static func text(_ answer: CBORValue) -> String {
    let isDryRun = answer["isDryRun"]?.booleanValue == true
    let dropped = answer["dropped"]?.arrayValue ?? []
    var lines = [
      "\(isDryRun ? "would drop" : "dropped") what is older than \(answer["before"]?.textValue ?? ""):"
        + (dropped.isEmpty ? " nothing" : "")
    ]
    lines += dropped.map { "  \($0["entity"]?.textValue ?? "")  \($0["records"]?.integerValue ?? 0)" }
    lines += (answer["kept"]?.arrayValue ?? []).map { item in
      let why =
        switch item["reason"]?.textValue {
        case "not-at-hq": "HQ does not have them, or not for long enough (--at-hq-for)"
        case "parked": "a parked or refused group touches them"
        case "conflict": "a conflict case is open"
        default: "too many belong together"
        }
      return "kept \(item["records"]?.integerValue ?? 0) records: \(why)"
    }
    return lines.joined(separator: "\n")
  }
}

/// What all turns together have done.
private struct Total {
  private var before: CBORValue?
  private var isDryRun: CBORValue?
  private var dropped: [(name: String, count: Int64)] = []
  private var kept: [(name: String, count: Int64)] = []
  var isInterrupted = false

  var records: Int64 { dropped.reduce(0) { $0 + $1.count } }

  mutating func add(_ answer: CBORValue) {
    before = before ?? answer["before"]
    isDryRun = answer["isDryRun"]
    Self.add(answer["dropped"], "entity", to: &dropped)
    Self.add(answer["kept"], "reason", to: &kept)
  }

  private static func add(_ items: CBORValue?, _ name: String, to sums: inout [(name: String, count: Int64)]) {
    for item in items?.arrayValue ?? [] {
      guard let key = item[name]?.textValue, let count = item["records"]?.integerValue else { continue }
      if let index = sums.firstIndex(where: { $0.name == key }) {
        sums[index].count += count
      } else {
        sums.append((key, count))
      }
    }
  }

  var value: CBORValue {
    func list(_ name: String, _ sums: [(name: String, count: Int64)]) -> CBORValue {
      .array(sums.map { .object([name: .text($0.name), "records": .integer($0.count)]) })
    }
    return .object([
      "schema": .integer(1), "before": before, "isDryRun": isDryRun, "isInterrupted": .boolean(isInterrupted),
      "dropped": list("entity", dropped), "kept": list("reason", kept),
    ])
  }
}
