import Interchange
import JSON
import Testing

/// Shops and headquarters as real processes: what a chain lives by.
@Suite struct SaleTests {
  @Test func saleCrossesWhole() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing(["id,name,department", "apple,Apple,FRUIT"], as: "product", into: chain.hq))
    try chain.expectDone(
      chain.importing(["store,product,price,available", "1,apple,125,true"], as: "listing", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name,homeStore", "7,José 张,1"], as: "member", into: chain.hq))
    try chain.inSync()
    #expect(try store.rows("SELECT product, price FROM listings") == ["apple|125"])
    #expect(try store.rows("SELECT id, name, home_store FROM members") == ["7|José 张|1"])

    let sold = try chain.importing([sale(1, member: "7"), sale(2)], as: "sale", into: store)
    try chain.expectDone(sold)
    #expect(try sold.json()["committed"] == .integer(2))
    try chain.inSync()

    #expect(try chain.hq.salesTotals() == Node.totals(2))
    #expect(
      try chain.hq.rows(
        "SELECT store, receipt, member, business_day, currency, line_count FROM orders ORDER BY receipt")
        == ["1|R1|7|20170821|USD|2", "1|R2|–|20170821|USD|2"])
    #expect(
      try chain.hq.rows(
        """
        SELECT line, product, quantity, sales_amount, l.retail_discount FROM order_lines l JOIN orders o ON l."order" = o.id
        WHERE receipt = 'R1' ORDER BY line
        """) == ["1|apple|2|250|0", "2|bread|1|300|50"])
    #expect(try chain.hq.rows("SELECT method, amount, currency FROM payments") == ["cash|550|USD", "cash|550|USD"])
    #expect(try chain.hq.rows("SELECT member, points, home_store FROM points_entries") == ["7|5|1"])
    #expect(try chain.hq.rows("SELECT member, balance FROM points_balance") == ["7|5"])
    #expect(
      try chain.hq.rows("SELECT store, product, balance FROM stock_on_hand ORDER BY product")
        == ["1|apple|-4", "1|bread|-2"])
    for node in [chain.hq, store] {
      let status = try chain.syncctl(node, "status")
      #expect(status.status == 0 && status.output.contains(": in sync\n"))
    }
  }
}
