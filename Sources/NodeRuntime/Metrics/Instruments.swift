package import Metrics
import Synchronization

/// A node's instruments. Whoever counts something asks for an instrument once, keeps it, and adds to it: once a batch, a
/// request or a link, never once a record (an addition costs some 100 ns).
///
///     let requests = gate.metrics.registry.counter(
///       "storesync_http_requests_total", "HTTP requests by route and status.", labels: ["route", "status"])
///     requests.add(1, "/v1/records/{entity}/{id}", "200")
///
/// Label values are words of ours: a route's pattern and never a path, a code and never a message.
package final class MetricRegistry: Sendable {
  private let instruments = Mutex<[String: any Instrument]>([:])
  private let gatherers = Mutex<[@Sendable () -> [MetricFamily]]>([])

  package init() {}

  package func counter(_ name: String, _ help: String, labels: [String] = []) -> Counter {
    instrument(MetricDefinition(.counter, name, help, labels: labels), Counter.init)
  }

  package func gauge(_ name: String, _ help: String, labels: [String] = []) -> Gauge {
    instrument(MetricDefinition(.gauge, name, help, labels: labels), Gauge.init)
  }

  /// - Parameter bounds: the upper bounds of the buckets, ascending.
  package func histogram(_ name: String, _ help: String, bounds: [Double], labels: [String] = []) -> Histogram {
    instrument(MetricDefinition(.histogram, name, help, labels: labels)) { Histogram($0, bounds: bounds) }
  }

  /// What is cheap to look up and need not be counted: `body` is called at each scrape, on any thread, and must not block.
  package func gather(_ body: @escaping @Sendable () -> [MetricFamily]) {
    gatherers.withLock { $0.append(body) }
  }

  /// The same instrument for the same definition; the same name with another one is a mistake of ours.
  private func instrument<Kind: Instrument>(_ definition: MetricDefinition, _ make: (MetricDefinition) -> Kind) -> Kind
  {
    instruments.withLock { instruments in
      guard let known = instruments[definition.name] else {
        let new = make(definition)
        instruments[definition.name] = new
        return new
      }
      guard let known = known as? Kind, known.definition == definition else {
        preconditionFailure("the metric \(definition.name) is declared in two ways")
      }
      return known
    }
  }

  /// All values as they are now, in no particular order.
  package func families() -> [MetricFamily] {
    let all = instruments.withLock { Array($0.values) }
    return all.map(\.family) + gatherers.withLock { $0 }.flatMap { $0() }
  }
}

/// Something that counts. Any thread may use it.
package protocol Instrument: AnyObject, Sendable {
  var definition: MetricDefinition { get }
  var family: MetricFamily { get }
}

/// Values by label, as many as `MetricLimits` allows.
private struct SeriesTable<Value: Sendable>: Sendable {
  private(set) var values: [[String]: Value]

  init(_ definition: MetricDefinition, _ first: Value) {
    // A series that is not there cannot be told from one that is zero: without labels it is there from the start.
    values = definition.labels.isEmpty ? [[]: first] : [:]
  }

  mutating func change(_ labels: [String], from first: Value, _ body: (inout Value) -> Void) {
    var labels = labels
    if values[labels] == nil, values.count >= MetricLimits.seriesCount {
      labels = labels.map { _ in MetricLimits.otherLabel }
    }
    body(&values[labels, default: first])
  }

  func family(_ definition: MetricDefinition, _ reading: (Value) -> MetricFamily.Reading) -> MetricFamily {
    var family = MetricFamily(definition)
    for (labels, value) in values { family.add(MetricFamily.Series(labels, reading(value))) }
    return family
  }
}

/// Counts up, from the start of the process on.
package final class Counter: Instrument {
  package let definition: MetricDefinition
  private let table: Mutex<SeriesTable<Double>>

  init(_ definition: MetricDefinition) {
    self.definition = definition
    table = Mutex(SeriesTable(definition, 0))
  }

  /// - Parameter amount: 0 or more; 0 makes the series be there.
  package func add(_ amount: Int = 1, _ labels: String...) { add(Double(amount), labels) }

  package func add(_ amount: Double, _ labels: [String]) {
    precondition(labels.count == definition.labels.count && amount >= 0, "\(definition.name) is counted wrongly")
    table.withLock { $0.change(labels, from: 0) { $0 += amount } }
  }

  package var family: MetricFamily { table.withLock { $0 }.family(definition) { .number($0) } }
}

/// A value that goes up and down.
package final class Gauge: Instrument {
  package let definition: MetricDefinition
  private let table: Mutex<SeriesTable<Double>>

  init(_ definition: MetricDefinition) {
    self.definition = definition
    table = Mutex(SeriesTable(definition, 0))
  }

  package func set(_ value: Double, _ labels: String...) {
    precondition(labels.count == definition.labels.count, "\(definition.name) has other labels")
    table.withLock { $0.change(labels, from: 0) { $0 = value } }
  }

  package func add(_ amount: Double, _ labels: String...) {
    precondition(labels.count == definition.labels.count, "\(definition.name) has other labels")
    table.withLock { $0.change(labels, from: 0) { $0 += amount } }
  }

  package var family: MetricFamily { table.withLock { $0 }.family(definition) { .number($0) } }
}

/// Counts values by size.
package final class Histogram: Instrument {
  /// From a tenth of a millisecond, which a memory-backed disk takes, to ten seconds, after which a till gives up.
  package static let secondBounds = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  package let definition: MetricDefinition
  private let empty: HistogramReading
  private let table: Mutex<SeriesTable<HistogramReading>>

  init(_ definition: MetricDefinition, bounds: [Double]) {
    self.definition = definition
    empty = HistogramReading(bounds: bounds)
    table = Mutex(SeriesTable(definition, empty))
  }

  package func observe(_ value: Double, _ labels: String...) {
    precondition(labels.count == definition.labels.count, "\(definition.name) has other labels")
    table.withLock { $0.change(labels, from: empty) { $0.observe(value) } }
  }

  package var family: MetricFamily { table.withLock { $0 }.family(definition) { .histogram($0) } }
}
