import Glibc
import JSON
import Testing

/// Records over HTTP with real daemons: what a till may rely on when things end in the middle.
@Suite(.serialized) struct RecordAPITests {
  @Test func aSaleOverHTTPIsOneSaleWhateverIsKilled() throws {
    let chain = try Chain()
    chain.storeOptions = ["--http", "127.0.0.1:0"]
    let store = try chain.addStore(1)
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    let sale = #"""
      {"receipt":"1001","soldAt":"2026-03-02T09:15:00Z","lines":[{"product":"tea","quantity":2,"salesCents":580}]}
      """#
    let first = try store.http("POST", "/v1/operations/sell", sale, headers: ["Idempotency-Key": "k"])
    #expect(first.status == 200)
    try store.kill()
    try chain.start(store)
    let again = try store.http("POST", "/v1/operations/sell", sale, headers: ["Idempotency-Key": "k"])
    #expect(again.body == first.body)
    let order = try #require(try first.json["order"]?.text)
    let read = try store.http("GET", "/v1/records/order/\(order)")
    #expect(read.status == 200)
    #expect(try read.json["salesTotal"] == 580)
    let etag = try #require(read.headers["etag"])
    let same = try store.http("GET", "/v1/records/order/\(order)", headers: ["If-None-Match": etag])
    #expect(same.status == 304 && same.body.isEmpty)
    try chain.inSync()
    #expect(try chain.hq.rows("SELECT receipt, sales_total FROM orders") == ["1001|580"])
    let elsewhere = try store.http("GET", "/v1/records/order?currency=EUR")
    #expect(elsewhere.status == 400)
    #expect(try elsewhere.json["code"] == "unknown-filter")
  }
}
