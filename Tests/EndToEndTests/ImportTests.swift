import Interchange
import JSON
import Testing

@Suite struct ImportTests {
  @Test func aBadLineIsNamedAndTheRestGoesIn() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let lines = [
      sale(1), "{\"receipt\":\"R2\"", sale(3), "{\"receipt\":\"R4\",\"soldAt\":\"noon\",\"lines\":[]}", sale(5),
    ]
    let sold = try chain.importing(lines, as: "sale", into: store)
    #expect(sold.status == 1)
    #expect(try sold.json()["committed"] == .integer(3) && sold.json()["refused"] == .integer(2))
    let told = sold.errors.split(separator: "\n")
    try #require(told.count == 2, "\(sold.errors)")
    #expect(told[0].contains(".jsonl:2:16: "), "\(told[0])")
    #expect(told[1].contains(".jsonl:4: soldAt: "), "\(told[1])")
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(3))
  }

  @Test func twiceAddsNothing() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let members = ["id,name,phone,tags", "1,Ann,+12125550131,a;b", "2,José 张,+12125550132,"]
    let sales = (0..<5).map { sale($0, member: "1") }
    for round in 1...2 {
      let joined = try chain.importing(members, as: "member", into: chain.hq)
      try chain.expectDone(joined)
      #expect(try joined.json()["committed"] == .integer(round == 1 ? 2 : 0))
      try chain.inSync()
      let head = try chain.syncctl(store, "status", "--json").json()["logHead"]
      let sold = try chain.importing(sales, as: "sale", into: store)
      try chain.expectDone(sold)
      #expect(try sold.json()["unchanged"] == .integer(round == 1 ? 0 : 5))
      try chain.inSync()
      let after = try chain.syncctl(store, "status", "--json").json()["logHead"]
      #expect((head == after) == (round == 2), "nothing is written, so nothing is sent")
    }
    #expect(try chain.hq.salesTotals() == Node.totals(5))
    #expect(try chain.hq.rows("SELECT balance FROM points_balance") == ["25"])
  }

  @Test("FC-8 the same receipt with other contents is flagged, never overwritten")
  func anotherSaleOfOneReceipt() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    _ = try chain.importing([sale(1, cents: 900)], as: "sale", into: store)
    try chain.inSync()
    for node in [store, chain.hq] {
      #expect(try node.salesTotals() == Node.totals(1))
      let conflicts = try chain.syncctl(node, "conflicts", "list", "--json")
      #expect(conflicts.output.contains("\"entity\":\"order\""), "\(node.name): \(conflicts.output)")
      let order = try #require(conflicts.output.split(separator: "\"records\":[\"").dropFirst().first)
      let id = String(order.prefix { $0 != "\"" })
      let total = try chain.syncctl(node, "explain", "order", id, "salesTotal").output
      #expect(total.contains("salesTotal = 550") && total.contains("1200"), "the other total is kept: \(total)")
    }
  }

  @Test func withoutARunningNode() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try store.stop()
    try chain.hq.stop()
    let sold = try chain.importing([sale(1), "oops"], as: "sale", into: store)
    #expect(sold.status == 1)
    #expect(try sold.json()["committed"] == .integer(1))
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: chain.hq))
    let status = try chain.syncctl(chain.hq, "status", "--json")
    #expect(status.status == 1)
    #expect(try status.json()["isRunning"] == .bool(false) && status.json()["inSync"] == .bool(false))
    let explained = try chain.syncctl(chain.hq, "explain", "member", "7", "name")
    #expect(explained.status == 0 && explained.output.contains("Ann"))
    try chain.expectDone(chain.syncctl(store, "conflicts", "list"))
    try chain.expectDone(chain.syncctl(store, "parked", "list"))

    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(1))
    #expect(try store.rows("SELECT name FROM members") == ["Ann"])
  }

  @Test func fromStandardInputAndDry() throws {
    let chain = try Chain()
    let words = ["import", "-", "--entity", "member", "--json", "--data", chain.hq.directory]
    let dry = try chain.run("syncctl", words + ["--dry-run"], input: "id,name\n7,Ann")
    try chain.expectDone(dry)
    #expect(try chain.hq.rows("SELECT * FROM members") == [])
    try chain.expectDone(chain.run("syncctl", words, input: "id,name\n7,Ann"))
    #expect(try chain.hq.rows("SELECT id, name FROM members") == ["7|Ann"])
  }
}
