import Glibc
import Interchange
import Testing

/// The line between a shop and headquarters, cut and mended.
@Suite struct LinkTests {
  @Test func storeSellsWhileHQIsAway() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing((0..<5).map { sale($0) }, as: "sale", into: store))
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.importing((5..<8).map { sale($0) }, as: "sale", into: store))

    let status = try chain.syncctl(store, "status")
    #expect(status.status == 1)
    #expect(status.output.contains("store 1: NOT in sync"))
    #expect(status.output.contains("HQ is not connected"))
    #expect(status.output.contains("3 groups have not reached HQ"), "the five that HQ has taken are not pending")
    try store.stop()
    let resting = try chain.syncctl(store, "status")
    #expect(resting.status == 1)
    #expect(resting.output.contains("the node is not running"))
    #expect(resting.output.contains("3 groups have not reached HQ"))

    try chain.start(store)
    let restarted = try chain.syncctl(store, "status")
    #expect(restarted.output.contains("3 groups have not reached HQ"), "it remembers what HQ has taken")
    try chain.startHQ()
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(8))
  }

  @Test("FC-6 the first upload fails and nothing more is written: it retries by itself")
  func retriesByItself() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try store.stop()
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.start(store)
    try eventually("the first attempt to fail") { store.log.contains("link.down") }
    try chain.startHQ()
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(1))
  }

  /// HQ holds a parked group that touches the member 7, so what comes later of it parks as well.
  @Test("FC-49 what HQ has not applied stays in the status when the link comes back")
  func notAppliedIsRemembered() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try Database.change(
      chain.hq,
      "INSERT INTO sync_parked VALUES (1, 1, 1, 0, 'undecodable', 'test', x'00')",
      "INSERT INTO sync_parked_key SELECT 4, CAST('7' AS BLOB), 1, 0")
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: store))
    try chain.startHQ()
    func isTold() throws -> Bool {
      let status = try chain.syncctl(store, "status")
      return status.status == 1 && status.output.contains("HQ has not applied 1 groups")
    }
    try eventually("the store to hear of it") { try isTold() }
    try chain.hq.stop()
    try chain.startHQ()
    try eventually("the link to come back") {
      try !chain.syncctl(store, "status").output.contains("HQ is not connected")
    }
    #expect(try isTold())
  }

  /// A report, or somebody with `sqlite3`, holds the database for writing while the link works.
  @Test("FC-3 a write transaction of another program spans a sync: all waits for it, and nothing is lost or doubled")
  func foreignTransaction() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing((0..<5).map { sale($0) }, as: "sale", into: store))
    try chain.inSync()
    let lock = try Database.Lock("\(store.directory)/storesync.db")
    try chain.expectDone(
      chain.importing(["store,product,price", "1,apple,125"], as: "listing", into: chain.hq))
    let file = try chain.scratch.file("waiting.jsonl", (5..<9).map { sale($0) })
    let importing = try chain.beginImport(file, as: "sale", into: store)
    #expect(try store.salesTotals() == Node.totals(5), "readers go on, and see what was before")
    #expect(try store.rows("SELECT count(*) FROM listings") == ["0"])
    try lock.end()
    // Whoever has waited too long says so, and loses nothing.
    _ = try importing.status()
    try chain.expectDone(chain.syncctl(store, "import", file, "--entity", "sale", "--json"))
    try chain.inSync()
    for node in [chain.hq, store] {
      #expect(try node.salesTotals() == Node.totals(9), "\(node.name)")
      #expect(try node.rows("SELECT store, price FROM listings") == ["1|125"], "\(node.name)")
    }
  }

  @Test func changesArePushedBothWays() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(
      chain.importing(["store,product,price", "1,apple,125", "2,apple,130"], as: "listing", into: chain.hq))
    let price = "SELECT store, price FROM listings"
    try eventually("the first price") { try one.rows(price) == ["1|125"] && two.rows(price) == ["2|130"] }
    try chain.expectDone(chain.importing(["store,product,price", "1,apple,99"], as: "listing", into: chain.hq))
    try eventually("the new price") { try one.rows(price) == ["1|99"] }
    #expect(try two.rows(price) == ["2|130"], "another store's price is not its business")

    try chain.expectDone(chain.importing(["id,name,phone", "7,Ann,+12125550131"], as: "member", into: one))
    let member = "SELECT id, name, phone FROM members"
    for node in [chain.hq, two] {
      try eventually("the new member at \(node.name)") { try node.rows(member) == ["7|Ann|+12125550131"] }
    }
    try chain.expectDone(chain.importing(["id,phone", "7,+12125550199"], as: "member", into: two))
    for node in [chain.hq, one] {
      try eventually("the new phone at \(node.name)") { try node.rows(member) == ["7|Ann|+12125550199"] }
    }
    try chain.inSync()
  }

  @Test func daemonsEndCleanlyWithAPeerConnected() throws {
    let chain = try Chain(stores: [1, 2])
    for (node, signal) in [(chain.stores[0], SIGTERM), (chain.hq, SIGTERM), (chain.stores[1], SIGINT)] {
      let daemon = try #require(node.daemon)
      let begin = milliseconds()
      try daemon.send(signal: signal)
      #expect(try daemon.status() == 0)
      #expect(milliseconds() - begin < 3_000, "it takes a tenth of a second; a loaded machine some more")
    }
  }

  @Test func storeWithTheCodeOfAnotherHQ() throws {
    let ours = try Chain()
    let theirs = try Chain()
    _ = try ours.joinCode(1)
    let code = try theirs.joinCode(1)
    let directory = "\(ours.scratch.path)/other"
    let joined = try ours.join(directory, code: code)
    #expect(joined.status == 3 && joined.problem.contains("key"), "\(joined.errors)")
    #expect(access(directory, F_OK) != 0)
    // One that has joined at the right place and is sent to the wrong one.
    let store = try ours.adopt("store-1") { try theirs.join($0, code: code) }
    try ours.startHQ()
    try ours.start(store)
    try eventually("a word about the key") { store.log.contains("key") }
    let status = try ours.syncctl(store, "status")
    #expect(status.status == 1)
    #expect(status.output.contains("HQ is not connected"))
    #expect(status.output.contains("key"), "\(status.output)")
    let atHQ = try ours.syncctl(ours.hq, "status", "--json")
    #expect(atHQ.status == 1)
    #expect(!atHQ.output.contains("\"isConnected\":true"))
  }

  @Test func aSecondCodeMakesTheFirstWorthless() throws {
    let chain = try Chain()
    let first = try chain.joinCode(1)
    let second = try chain.joinCode(1)
    try chain.startHQ()
    let directory = "\(chain.scratch.path)/other"
    let refused = try chain.join(directory, code: first)
    #expect(refused.status == 2 && refused.problem.contains("not the last one"), "\(refused.errors)")
    #expect(access(directory, F_OK) != 0)
    let old = try chain.addStore(1, code: second)
    try chain.start(old)
    try chain.inSync()

    // Once it has joined, a new code must be meant; then it is told at once that it is out.
    let again = try chain.syncctl(chain.hq, "store", "add", "1", "--again")
    try chain.expectDone(again)
    try eventually("HQ to refuse") { old.log.contains("wrong-credential") }
    try eventually("the status to say so") {
      let status = try chain.syncctl(old, "status")
      return status.status == 1 && status.output.lowercased().contains("join it again")
    }
    try chain.remove(old)
    try chain.start(chain.addStore(1, code: again.output))
    try chain.inSync()
  }
}
