import Metrics
import Testing

@testable import NodeRuntime

/// What counts, and what it may grow to.
@Suite struct InstrumentTests {
  @Test func oneInstrumentForOneDefinition() {
    let registry = MetricRegistry()
    registry.counter("storesync_x_total", "X.", labels: ["a"]).add(1, "one")
    registry.counter("storesync_x_total", "X.", labels: ["a"]).add(2, "one")
    let text = Exposition.text(registry.families())
    #expect(text.hasSuffix("\nstoresync_x_total{a=\"one\"} 3\n"), "\(text)")
  }

  @Test func foreignWordsFillNoMemory() {
    let registry = MetricRegistry()
    let counter = registry.counter("storesync_x_total", "X.", labels: ["a", "b"])
    for index in 0..<(MetricLimits.seriesCount + 50) { counter.add(1, "\(index)", "x") }
    counter.add(1, "0", "x")
    let series = counter.family.series
    #expect(series.count == MetricLimits.seriesCount + 1)
    #expect(series.first { $0.labels == ["other", "other"] }?.reading == .number(50))
    #expect(series.first { $0.labels == ["0", "x"] }?.reading == .number(2))
  }

  @Test func withoutLabelsItIsThereFromTheStart() {
    let registry = MetricRegistry()
    _ = registry.counter("storesync_a_total", "A.")
    registry.gauge("storesync_b", "B.").set(2)
    registry.gather { [MetricFamily(MetricDefinition(.gauge, "storesync_c", "C."), 3)] }
    let values = Exposition.text(registry.families()).split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(values == ["storesync_a_total 0", "storesync_b 2", "storesync_c 3"])
  }
}
