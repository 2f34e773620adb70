import Interchange
import Testing

/// Processes that end as in a power cut.
@Suite struct KillTests {
  @Test("FC-1 HQ is killed after commit, before its acknowledgement: the resend is applied once")
  func killedHQ() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let count = 1_500
    let file = try chain.scratch.file("many.jsonl", (0..<count).map { sale($0) })
    let importing = try chain.beginImport(file, as: "sale", into: store)
    var held = 0
    for round in 1...4 {
      // As soon as HQ has committed more: its acknowledgement is on the way, or not even that.
      try eventually("HQ to hold more than \(held) sales, in round \(round)") {
        let now = try chain.hq.orderCount()
        return now > held || now == count
      }
      try chain.hq.kill()
      let kept = try chain.hq.orderCount()
      #expect(kept >= held, "what was committed is there after the power cut")
      held = kept
      try chain.startHQ()
    }
    #expect(try importing.status() == 0, "the store sells on: \(importing.errors)")
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(count))
    #expect(try store.salesTotals() == Node.totals(count))
    #expect(try chain.hq.rows("SELECT balance FROM stock_on_hand ORDER BY 1") == ["\(-2 * count)", "\(-count)"])
    #expect(try chain.hq.rows("SELECT * FROM sync_case") == [])
  }

  @Test(
    "FC-2 the store is killed in the middle of an import: nothing is lost, and the import run again adds nothing twice")
  func killedStore() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let count = 1_500
    let file = try chain.scratch.file("many.jsonl", (0..<count).map { sale($0) })
    var held = 0
    for _ in 1...2 {
      let importing = try chain.beginImport(file, as: "sale", into: store)
      try eventually("the store to hold more than \(held) sales") { try store.orderCount() > held }
      try store.kill()
      held = try store.orderCount()
      #expect(held < count, "the import was to be cut in the middle")
      #expect(try importing.status() == 3)
      #expect(importing.errors.contains("Running it again is safe"))
      #expect(try store.salesTotals() == Node.totals(held), "every sale whole")
      try chain.start(store)
    }
    let again = try chain.syncctl(store, "import", file, "--entity", "sale", "--json")
    try chain.expectDone(again)
    #expect(try again.json()["unchanged"] == .integer(Int64(held)))
    #expect(try again.json()["committed"] == .integer(Int64(count - held)))
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(count))
    #expect(try store.salesTotals() == Node.totals(count))
    #expect(try chain.hq.rows("SELECT * FROM sync_case") == [])
  }
}

extension Node {
  func orderCount() throws -> Int {
    Int(try rows("SELECT count(*) FROM orders").first ?? "") ?? 0
  }
}
