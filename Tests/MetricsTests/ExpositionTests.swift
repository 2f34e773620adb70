import Metrics
import Testing

/// Prometheus' text format, byte for byte.
@Suite struct ExpositionTests {
  @Test func namesAndLabelsAreInOrderAndEscaped() {
    var requests = MetricFamily(
      MetricDefinition(.counter, "storesync_requests_total", "Requests,\nby \"route\" \\ status.", labels: ["route"]))
    requests.add(2, "/v1/b")
    requests.add(1, "a\"b\\c\nd")
    let free = MetricFamily(MetricDefinition(.gauge, "storesync_free_bytes", "Free."), 1.5)
    #expect(
      Exposition.text([requests, free]) == """
        # HELP storesync_free_bytes Free.
        # TYPE storesync_free_bytes gauge
        storesync_free_bytes 1.5
        # HELP storesync_requests_total Requests,\\nby "route" \\\\ status.
        # TYPE storesync_requests_total counter
        storesync_requests_total{route="/v1/b"} 2
        storesync_requests_total{route="a\\"b\\\\c\\nd"} 1

        """)
  }

  @Test func histogramsAreCumulative() {
    var reading = HistogramReading(bounds: [0.001, 0.5])
    for value in [0.0001, 0.001, 0.002, 0.5, 7] { reading.observe(value) }
    var family = MetricFamily(MetricDefinition(.histogram, "storesync_wait_seconds", "Waits.", labels: ["lane"]))
    family.add(MetricFamily.Series(["bulk"], .histogram(reading)))
    #expect(
      Exposition.text([family]) == """
        # HELP storesync_wait_seconds Waits.
        # TYPE storesync_wait_seconds histogram
        storesync_wait_seconds_bucket{lane="bulk",le="0.001"} 2
        storesync_wait_seconds_bucket{lane="bulk",le="0.5"} 4
        storesync_wait_seconds_bucket{lane="bulk",le="+Inf"} 5
        storesync_wait_seconds_sum{lane="bulk"} 7.5031
        storesync_wait_seconds_count{lane="bulk"} 5

        """)
  }

  @Test func whatHasNoSeriesIsLeftOutAndOneNameStandsOnce() {
    let definition = MetricDefinition(.gauge, "storesync_lag_seconds", "Lag.", labels: ["consumer"])
    var one = MetricFamily(definition)
    one.add(.infinity, "b")
    var other = MetricFamily(definition)
    other.add(-1, "a")
    let none = MetricFamily(MetricDefinition(.gauge, "storesync_none", "Nothing.", labels: ["x"]))
    #expect(
      Exposition.text([one, none, other]) == """
        # HELP storesync_lag_seconds Lag.
        # TYPE storesync_lag_seconds gauge
        storesync_lag_seconds{consumer="a"} -1
        storesync_lag_seconds{consumer="b"} +Inf

        """)
  }
}
