import Interchange
import JSON
import Testing

/// Processes that end as in a power cut.
@Suite struct KillTests {
  @Test("FC-1, FC-9 HQ is killed after commit, before its acknowledgement: applied once, every sale whole")
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
        let now = try chain.hq.wholeSales()
        return now > held || now == count
      }
      try round == 3 ? chain.hq.stop() : chain.hq.kill()
      let kept = try chain.hq.wholeSales()
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

  @Test("FC-2 the store ends in the middle of an import: nothing is lost, run again it adds nothing twice")
  func endedStore() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let count = 2_000
    let file = try chain.scratch.file("many.jsonl", (0..<count).map { sale($0) })
    var held = 0
    for end in [store.kill, store.stop] {
      let importing = try chain.beginImport(file, as: "sale", into: store)
      try eventually("the store to hold more than \(held) sales") {
        let now = try store.wholeSales()
        return now > held || now == count
      }
      try end()
      held = try store.wholeSales()
      // Unless this test came late, and the import was through.
      let status = try importing.status()
      #expect(status == 3 && importing.errors.contains("Running it again is safe") || held == count)
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

  @Test("FC-44 a first load that is cut resumes, and changes made meanwhile are not lost")
  func cutFirstLoad() throws {
    let chain = try Chain()
    let count = 3_000
    let members = (1...count).map { "\($0),Member \($0)" }
    try chain.expectDone(chain.importing(["id,name"] + members, as: "member", into: chain.hq))
    try chain.startHQ()
    let store = try chain.addStore(1)
    var held = 0
    for round in 1...3 {
      try chain.start(store)
      try eventually("more than \(held) members at the store, in round \(round)") {
        let now = try store.memberCount()
        return now > held || now == count
      }
      if round == 2 {
        try chain.hq.kill()
        try store.stop()
        try chain.startHQ()
      } else {
        try store.kill()
      }
      let kept = try store.memberCount()
      #expect(kept >= held, "what has come is there after the power cut")
      held = kept
      try chain.expectDone(chain.importing(["id,name", "\(round),Renamed"], as: "member", into: chain.hq))
    }
    try chain.start(store)
    try chain.inSync()
    let digest = "SELECT count(*), sum(name = 'Renamed'), min(name), max(name) FROM members"
    #expect(try store.rows(digest) == ["\(count)|3|Member 10|Renamed"])
    #expect(try chain.hq.rows(digest) == ["\(count)|3|Member 10|Renamed"])
    #expect(try chain.conflicts(at: chain.hq).count == 0)
  }

  @Test("FC-44 a first load brings the prices before all else, and the till is usable from then on")
  func pricesFirst() throws {
    let chain = try Chain()
    let members = (1...1_000).map { "\($0),Member \($0)" }
    let products = (1...300).map { "p\($0),Product \($0)" }
    try chain.expectDone(chain.importing(["id,name"] + members, as: "member", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name"] + products, as: "product", into: chain.hq))
    let code = try chain.joinCode(1)
    // Last of all at HQ.
    let prices = (1...300).map { "1,p\($0),\($0)" }
    try chain.expectDone(chain.importing(["store,product,price"] + prices, as: "listing", into: chain.hq))
    try chain.startHQ()
    let store = try chain.addStore(1, code: code)
    try chain.start(store)
    try eventually("the prices") { try store.rows("SELECT count(*) FROM listings") == ["300"] }
    let sold = try chain.importing([sale(1)], as: "sale", into: store)
    #expect(sold.status == 0 || sold.problem.contains("own record has not come"), "\(sold.errors)")
    try chain.inSync()
    // The store's log has all in the order in which it came.
    #expect(
      try store.rows(
        "SELECT max(l.sequence) < (SELECT min(sequence) FROM members), count(*) FROM listings l") == ["1|300"])
    #expect(try store.memberCount() == 1_000)
  }

  @Test("FC-30 a damaged database: the node fails closed, and says what to do")
  func damagedDatabase() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try store.stop()
    _ = try chain.scratch.file("store-1/storesync.db", [String(repeating: "no database ", count: 2_000)])
    let run = try chain.run("store-node", ["run", "--data", store.directory])
    let status = try chain.syncctl(store, "status")
    for finished in [run, status] {
      #expect(finished.status == 4)
      #expect(finished.problem.contains("not a database") && finished.problem.contains("is left as it is"))
      #expect(finished.output == "")
    }
  }
}

extension Node {
  /// How many receipts there are; each with all that belongs to it, in the state that a reader sees at any moment.
  func wholeSales(sourceLocation: SourceLocation = #_sourceLocation) throws -> Int {
    let totals = try salesTotals()
    let count = Int(totals.prefix { $0 != "|" }) ?? 0
    #expect(count == 0 || totals == Node.totals(count), sourceLocation: sourceLocation)
    return count
  }

  func memberCount() throws -> Int {
    Int(try rows("SELECT count(*) FROM members").first ?? "") ?? 0
  }
}
