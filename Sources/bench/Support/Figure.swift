import JSON

/// One line of the outcome: what was measured, beside its baseline in the same run.
struct Figure {
  enum Goal {
    case atLeast(Double)
    case atMost(Double)

    var text: String {
      switch self {
      case .atLeast(let value): "≥ \(value.short)"
      case .atMost(let value): "≤ \(value.short)"
      }
    }

    func isReached(by value: Double) -> Bool {
      switch self {
      case .atLeast(let limit): value >= limit
      case .atMost(let limit): value <= limit
      }
    }
  }

  /// Which of the two the goal is about.
  enum Judged {
    case ours
    case ratio
  }

  var name: String
  var unit: String
  var ours: Spread
  var baseline: Spread?
  /// Of each pair of readings in one round, so that what slows the machine slows both.
  var ratio: Spread?
  var judged = Judged.ratio
  var reach: Goal?
  var aim: Goal?

  private var judgedValue: Double? {
    switch judged {
    case .ours: ours.median
    case .ratio: ratio?.median
    }
  }

  private var verdict: String {
    guard let value = judgedValue, let reach else { return "" }
    if let aim, aim.isReached(by: value) { return "aim \(aim.text) reached" }
    if reach.isReached(by: value) { return "\(reach.text) reached" }
    return "\(reach.text) NOT reached"
  }

  var line: String {
    var parts = [name.padded(to: 46), "\(ours.median.short) \(unit) (\(ours.lowest.short)–\(ours.highest.short))"]
    if let baseline { parts.append("raw \(baseline.text)") }
    if let ratio { parts.append("ratio \(ratio.text)") }
    if !verdict.isEmpty { parts.append(verdict) }
    return parts.joined(separator: "  ")
  }

  var json: JSONValue {
    .members([
      "name": .string(name), "unit": .string(unit), "ours": ours.json, "baseline": baseline?.json, "ratio": ratio?.json,
      "reach": reach.map { .string($0.text) }, "aim": aim.map { .string($0.text) },
      "isReached": judgedValue.flatMap { value in reach.map { .bool($0.isReached(by: value)) } },
    ])
  }
}

extension Figure {
  /// Time, raw divided by ours, and processor time, ours divided by raw.
  static func pair(
    _ name: String, _ ours: [Reading], _ raw: [Reading], reach: Goal, aim: Goal? = nil, processor: Goal? = nil
  ) -> [Figure] {
    [
      Figure(
        name: name, unit: "s", ours: Spread(ours.seconds), baseline: Spread(raw.seconds),
        ratio: ratios(raw.seconds, ours.seconds), reach: reach, aim: aim),
      Figure(
        name: "\(name), processor", unit: "s", ours: Spread(ours.processorSeconds),
        baseline: Spread(raw.processorSeconds), ratio: ratios(ours.processorSeconds, raw.processorSeconds),
        reach: processor),
    ]
  }
}

extension Spread {
  fileprivate var text: String { "\(median.short) (\(lowest.short)–\(highest.short))" }

  fileprivate var json: JSONValue {
    .members(["median": .number(median.short), "lowest": .number(lowest.short), "highest": .number(highest.short)])
  }
}

extension Double {
  /// Three significant digits or all before the point, without an exponent.
  var short: String {
    let digits = magnitude >= 100 || self == 0 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let rounded = (self * scale).rounded() / scale
    return digits == 0 ? String(Int64(rounded)) : String(rounded)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
