/// What a metric is: its name, what it measures, and by which labels its series are told apart.
///
/// Names follow Prometheus' conventions: `storesync_` in front, the base unit (seconds, bytes) and for counters `total` at the end.
package struct MetricDefinition: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    case counter, gauge, histogram
  }

  package let name: String
  /// One line that a person understands.
  package let help: String
  package let kind: Kind
  /// The labels' names, in the order in which their values are given.
  package let labels: [String]

  /// A name that does not follow the conventions is a mistake of ours, and traps.
  package init(_ kind: Kind, _ name: String, _ help: String, labels: [String] = []) {
    precondition(Self.isName(name), "“\(name)” is no name of a metric")
    precondition(labels.allSatisfy { Self.isName($0) && !$0.hasPrefix("__") && $0 != "le" })
    precondition((kind == .counter) == name.hasSuffix("_total"), "“\(name)”: counters, and only they, end with _total")
    self.name = name
    self.help = help
    self.kind = kind
    self.labels = labels
  }

  private static func isName(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return bytes.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }
  }
}

/// One metric with the values of all its series, at one moment.
package struct MetricFamily: Hashable, Sendable {
  package enum Reading: Hashable, Sendable {
    case number(Double)
    case histogram(HistogramReading)
  }

  package struct Series: Hashable, Sendable {
    /// One for each label of the definition.
    package var labels: [String]
    package var reading: Reading

    package init(_ labels: [String], _ reading: Reading) {
      self.labels = labels
      self.reading = reading
    }
  }

  package let definition: MetricDefinition
  package private(set) var series: [Series] = []

  package init(_ definition: MetricDefinition) {
    self.definition = definition
  }

  /// Of a counter or a gauge without labels.
  package init(_ definition: MetricDefinition, _ value: Double) {
    self.init(definition)
    add(value)
  }

  package mutating func add(_ value: Double, _ labels: String...) {
    add(Series(labels, .number(value)))
  }

  package mutating func add(_ one: Series) {
    precondition(one.labels.count == definition.labels.count, "\(definition.name) has other labels")
    series.append(one)
  }
}

/// A histogram at one moment.
package struct HistogramReading: Hashable, Sendable {
  /// The upper bounds of the buckets, ascending; one more, without a bound, follows.
  package let bounds: [Double]
  /// What lies in each bucket alone; one more than bounds.
  package private(set) var counts: [UInt64]
  package private(set) var sum = 0.0

  package init(bounds: [Double]) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds ascend")
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  package mutating func observe(_ value: Double) {
    var index = 0
    while index < bounds.count, value > bounds[index] { index += 1 }
    counts[index] &+= 1
    sum += value
  }

  package var count: UInt64 { counts.reduce(0, &+) }
}
