import Foundation
import Testing

/// `syncctl metrics`: Prometheus can read it, and it says what has happened.
@Suite struct MetricsTests {
  private func metrics(_ chain: Chain, _ node: Node, _ words: String...) throws -> MetricsText {
    let answer = try chain.syncctl(node, words: ["metrics"] + words)
    try chain.expectDone(answer)
    return try MetricsText(answer.output)
  }

  @Test func whatAChainHasDone() throws {
    let chain = try Chain(stores: [1, 2])
    try chain.expectDone(chain.importing(["id,name", "7,Ann", "8,Bob"], as: "member", into: chain.stores[0]))
    try chain.inSync()
    let hq = try metrics(chain, chain.hq)
    #expect(try hq.value("storesync_stores{state=\"connected\"}") == 2)
    #expect(try hq.value("storesync_stores_in_sync") == 2)
    #expect(try hq.value("storesync_received_groups_total{result=\"applied\"}") == 2)
    #expect(try hq.value("storesync_received_records_total{result=\"new\"}") == 2)
    #expect(try hq.value("storesync_backlog_age_seconds{direction=\"out\",lane=\"normal\"}") == 0)
    #expect(try hq.value("storesync_links_opened_total") == 2)
    #expect(try hq.value("storesync_node_starts_total") >= 1)
    #expect(try hq.value("storesync_conflicts{kind=\"field\",status=\"open\"}") == 0)
    #expect(try hq.value("process_resident_memory_bytes") > 1_000_000)
    #expect(try hq.value("process_open_fds") > 3)
    let now = Date().timeIntervalSince1970
    #expect(abs(try hq.value("process_start_time_seconds") - now) < 600)
    #expect(try hq.value("storesync_disk_free_bytes") > 0)
    #expect(hq.values["storesync_disk_full_seconds"] == nil, "nothing is known yet")
    #expect(!hq.values.keys.contains { $0.contains("store=\"") }, "stores are labels only where they are named")
    let store = try metrics(chain, chain.stores[0])
    #expect(try store.value("storesync_hq_connected") == 1)
    #expect(try store.value("storesync_commits_total{result=\"committed\"}") == 2)
    #expect(try store.value("storesync_commit_duration_seconds_count") >= 1)
    #expect(try store.value("storesync_database_commit_duration_seconds_count") >= 1)
    #expect(try store.value("storesync_batches_total{direction=\"sent\",lane=\"normal\"}") >= 1)
    #expect(try store.value("storesync_log_events_total{level=\"info\",event=\"link.opened\"}") >= 1)
  }

  @Test func aStoreThatIsAwayAndOneThatIsNamed() throws {
    let chain = try Chain(stores: [1, 2])
    try chain.stores[1].stop()
    try eventually("HQ to notice") {
      try metrics(chain, chain.hq).value("storesync_stores{state=\"not_connected\"}") == 1
    }
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: chain.hq))
    try eventually("store 1 to have it") {
      try metrics(chain, chain.hq).value("storesync_backlog_groups{lane=\"normal\"}") == 1
    }
    let hq = try metrics(chain, chain.hq, "--store", "1,2")
    #expect(try hq.value("storesync_backlog_bytes{lane=\"normal\"}") > 0)
    #expect(try hq.value("storesync_store_backlog_groups{store=\"2\"}") == 1)
    #expect(try hq.value("storesync_store_connected{store=\"2\"}") == 0)
    #expect(try hq.value("storesync_store_in_sync{store=\"1\"}") == 1)
    #expect(try hq.value("storesync_links_closed_total{reason=\"peer-shutting-down\"}") == 1)
    let wrong = try chain.syncctl(chain.stores[0], "metrics", "--store", "1")
    #expect(wrong.status == 2 && wrong.problem.contains("stores are named in HQ's metrics"), "\(wrong.problem)")
    let many = try chain.syncctl(
      chain.hq, "metrics", "--store", (1...101).map(String.init).joined(separator: ","))
    #expect(many.status == 2 && many.problem.contains("expected 100 at the most"), "\(many.problem)")
  }

  @Test func overHTTP() throws {
    let chain = try Chain(stores: [1])
    try chain.hq.stop()
    chain.hqOptions = ["--http", "127.0.0.1:0"]
    try chain.startHQ()
    try chain.inSync()
    for path in ["/metrics", "/v1/metrics?stores=1"] {
      let answer = try chain.hq.http("GET", path)
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      #expect(try MetricsText(answer.text).value("storesync_stores{state=\"connected\"}") == 1)
      #expect(answer.text.contains("store=\"1\"") == path.contains("?"))
    }
    #expect(try chain.hq.http("GET", "/v1/metrics?stores=one").status == 400)
    #expect(try chain.hq.http("GET", "/metrics", token: "none").status == 401)
    let after = try MetricsText(chain.hq.http("GET", "/metrics").text)
    #expect(
      try after.value("storesync_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}") == 1)
    #expect(
      try after.value("storesync_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"401\"}") == 1)
  }

  @Test func aNodeThatDoesNotRun() throws {
    let chain = try Chain()
    _ = try chain.joinCode(3)
    let hq = try metrics(chain, chain.hq)
    #expect(try hq.value("storesync_stores{state=\"not_joined\"}") == 1)
    #expect(try hq.value("storesync_database_bytes") > 0)
  }
}
