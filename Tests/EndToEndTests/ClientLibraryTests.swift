import StoreSyncClient
import Testing

/// The Swift library against a real node, as a till's or a web shop's programmer uses it.
@Suite(.serialized) struct ClientLibraryTests {
  @Test func aTillSellsReadsAndFollowsThroughAKilledNode() async throws {
    let (chain, store) = try runningShop()
    let shop = try client(of: store)
    let start = try await everything(of: shop, after: "").last?.next ?? ""
    let sale = Receipt.sale(
      number: "1001", soldAt: "2026-03-02T09:15:00Z", lines: [.init(product: "tea", quantity: 2, salesCents: 580)],
      payments: [.init(method: "cash", amountCents: 580)])
    let taken = try await shop.hand(in: sale)
    #expect(!taken.wasKnown)
    let order = try #require(try await shop.record("order", taken.order))
    #expect(order["receipt"] == .text("1001") && order["salesTotal"] == .integer(580))

    try store.kill()
    try chain.start(store)
    let later = try client(of: store)
    #expect(try await later.hand(in: sale).order == taken.order, "once, however often it is handed in")
    let wanted = [Filter("store", .equal, "1"), Filter("receipt", .equal, "1001")]
    let page = try await later.records("order", where: wanted)
    #expect(page.records.map(\.id) == [taken.order] && page.next == nil)
    let changes = try await everything(of: later, after: start).flatMap(\.changes)
    #expect(changes.contains { $0.entity == "order" && $0.id == taken.order && $0.kind == .put })
    #expect(Set(changes.map(\.entity)) == ["order", "orderLine", "payment", "stockMovement"])
    try chain.inSync()
    #expect(try await later.status().isInSync)
    let scraped = try store.http("GET", "/metrics").text
    #expect(scraped.contains("\nstoresync_http_connections "), "its own connection and perhaps the library's")
    #expect(try chain.hq.rows("SELECT receipt, sales_total FROM orders") == ["1001|580"])
  }

  @Test func whatOverwritesNothingSaysSo() async throws {
    let (chain, store) = try runningShop()
    defer { withExtendedLifetime(chain) {} }
    let shop = try client(of: store)
    try await shop.commit([Write(.put, "member", "100", ["name": .text("Zoë"), "phone": .text("+49301")])], key: "a")
    let read = try #require(try await shop.record("member", "100"))
    try await shop.commit(
      [Write(.patch, "member", "100", ["phone": .text("+49302")], ifVersion: read.version)], key: "b")
    let error = await #expect(throws: ClientError.self) {
      try await shop.commit(
        [Write(.patch, "member", "100", ["phone": .text("+49303")], ifVersion: read.version)], key: "c")
    }
    guard case .refused(let problem) = error else { throw Unexpected() }
    #expect(problem.code == "precondition-failed")
    #expect(try await shop.record("member", "100")?["phone"] == .text("+49302"))
    #expect(try await shop.record("member", "101") == nil)
  }

  private struct Unexpected: Error {}

  private func runningShop() throws -> (Chain, Node) {
    let chain = try Chain()
    chain.storeOptions = ["--http", "127.0.0.1:0"]
    let store = try chain.addStore(1)
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    return (chain, store)
  }

  private func client(of store: Node) throws -> StoreSyncClient {
    StoreSyncClient(url: "http://127.0.0.1:\(try store.httpPort)", token: store.localToken)
  }

  private func everything(of shop: StoreSyncClient, after start: String) async throws -> [ChangePage] {
    var pages: [ChangePage] = []
    var cursor = start
    repeat {
      pages.append(try await shop.changes(after: cursor, limit: 1_000))
      cursor = pages.last?.next ?? ""
    } while pages.last?.hasMore ?? false
    return pages
  }
}
