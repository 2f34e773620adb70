/// Metrics as text that Prometheus reads: exposition format 0.0.4.
package enum Exposition {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Families in the order of their names, series in the order of their labels: the same values are the same bytes. Families
  /// of one name become one.
  package static func text(_ families: [MetricFamily]) -> String {
    var text = ""
    var named: [String: MetricFamily] = [:]
    for family in families {
      guard var known = named[family.definition.name] else {
        named[family.definition.name] = family
        continue
      }
      precondition(known.definition == family.definition, "\(family.definition.name) is declared in two ways")
      for series in family.series { known.add(series) }
      named[family.definition.name] = known
    }
    for name in named.keys.sorted() {
      if let family = named[name], !family.series.isEmpty { write(family, to: &text) }
    }
    return text
  }

  private static func write(_ family: MetricFamily, to text: inout String) {
    let definition = family.definition
    text += "# HELP \(definition.name) \(escaped(definition.help, quotes: false))\n"
    text += "# TYPE \(definition.name) \(definition.kind.rawValue)\n"
    let series = family.series.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    for one in series {
      let labels = zip(definition.labels, one.labels).map { "\($0)=\"\(escaped($1, quotes: true))\"" }
      switch one.reading {
      case .number(let value):
        text += "\(definition.name)\(braced(labels)) \(number(value))\n"
      case .histogram(let histogram):
        write(histogram, definition.name, labels, to: &text)
      }
    }
  }

  private static func write(
    _ histogram: HistogramReading, _ name: String, _ labels: [String], to text: inout String
  ) {
    var total: UInt64 = 0
    for (index, count) in histogram.counts.enumerated() {
      total &+= count
      let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
      text += "\(name)_bucket\(braced(labels + ["le=\"\(bound)\""])) \(total)\n"
    }
    text += "\(name)_sum\(braced(labels)) \(number(histogram.sum))\n"
    text += "\(name)_count\(braced(labels)) \(total)\n"
  }

  private static func braced(_ labels: [String]) -> String {
    labels.isEmpty ? "" : "{" + labels.joined(separator: ",") + "}"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// As Go's `ParseFloat` reads it.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return "\(value)"
  }
}
