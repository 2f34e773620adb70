import Testing

/// HQ's key and a store's credential change while the chain works, and nobody is locked out, whatever is killed in between.
@Suite struct KeyTests {
  private static func status(_ chain: Chain) throws -> Finished { try chain.syncctl(chain.hq, "key", "status") }

  @Test("HQ's key changes: stores hear of the next one, HQ goes over to it, the last one goes")
  func hqKey() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    let first = try Self.status(chain)
    #expect(first.status == 0 && first.output.contains("all 2 stores know these keys"), "\(first.output)")
    try two.stop()
    let rotated = try chain.syncctl(chain.hq, "key", "rotate")
    #expect(rotated.status == 1 && rotated.output.contains("it will show"), "\(rotated.output)\(rotated.errors)")
    try eventually("the connected one to know") {
      try Self.status(chain).output.contains("1 of 2 stores know these keys; not yet:\n  store 2 (Store 2)")
    }
    let early = try chain.syncctl(chain.hq, "key", "switch")
    #expect(early.status == 2 && early.problem.contains("store 2 would not know HQ any more"), "\(early.errors)")
    try chain.start(two)
    try eventually("both to know") { try Self.status(chain).status == 0 }
    let switched = try chain.syncctl(chain.hq, "key", "switch")
    #expect(
      switched.status <= 1 && switched.output.contains("stores still take"), "\(switched.output)\(switched.errors)")
    try eventually("both to know that it is switched") { try Self.status(chain).status == 0 }
    // Each comes in by the new key, HQ restarted or not, and a store that was killed.
    try two.kill()
    try chain.start(two)
    try chain.inSync()
    try chain.hq.kill()
    try chain.startHQ()
    try chain.inSync()
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: one))
    try chain.inSync()
    _ = try chain.syncctl(chain.hq, "key", "drop")
    try eventually("both to know that the last is dropped") { try Self.status(chain).status == 0 }
    #expect(try !Self.status(chain).output.contains("stores still take"))
    try two.stop()
    try chain.start(two)
    try chain.inSync()
    // A store that joins now is given the new key.
    try chain.start(try chain.addStore(3))
    try chain.inSync()
  }

  @Test("a store that was away for all of it is told the key by hand")
  func byHand() throws {
    let chain = try Chain(stores: [1])
    let one = chain.stores[0]
    try one.stop()
    _ = try chain.syncctl(chain.hq, "key", "rotate")
    #expect(try chain.syncctl(chain.hq, "key", "switch").status == 2)
    _ = try chain.syncctl(chain.hq, "key", "switch", "--force")
    _ = try chain.syncctl(chain.hq, "key", "drop")
    try chain.start(one)
    try eventually("the store to say what is wrong") { one.log.contains("store-node set-pin") }
    let line = try #require(
      try Self.status(chain).output.split(separator: "\n").first { $0.hasPrefix("HQ shows the key") })
    let pin = String(line.suffix(64))
    let wrong = try chain.run("store-node", ["set-pin", "12", "--data", one.directory])
    #expect(wrong.status == 2 && wrong.problem.contains("64 hexadecimal digits"), "\(wrong.errors)")
    try chain.expectDone(chain.run("store-node", ["set-pin", pin, "--data", one.directory]))
    try chain.inSync()
    try eventually("the store to have HQ's list again") { try Self.status(chain).status == 0 }
  }

  @Test("a store's credential changes over the link; killed at any moment, it comes in")
  func credential() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    func credential() throws -> String {
      try one.rows("SELECT hex(value) FROM sync_setting WHERE name = 'credential'").first ?? ""
    }
    let before = try credential()
    let asked = try chain.syncctl(chain.hq, "store", "rotate", "1")
    #expect(asked.status <= 1, "\(asked.errors)")
    try eventually("the store to have gone over to it") { try Self.status(chain).status == 0 }
    #expect(try credential() != before)
    try chain.inSync()

    // Both ends killed at whatever moment: each time it comes in, and in the end with a new one.
    for _ in 1...4 {
      let last = try credential()
      _ = try chain.syncctl(chain.hq, "store", "rotate", "--all")
      try one.kill()
      try chain.hq.kill()
      try chain.startHQ()
      try chain.start(one)
      try eventually("the store to have gone over to another") { try Self.status(chain).status == 0 }
      #expect(try credential() != last)
    }
    try chain.inSync()
    // A store that is away does it when it comes; the others need not wait.
    try two.stop()
    let away = try chain.syncctl(chain.hq, "store", "rotate", "2")
    #expect(away.status == 1 && away.output.contains("yet to go over to a new credential:\n  store 2 (Store 2)"))
    try chain.start(two)
    try eventually("the store to have gone over to it") { try Self.status(chain).status == 0 }
    #expect(try chain.syncctl(chain.hq, "store", "rotate", "9").status == 2)
    #expect(try chain.syncctl(chain.hq, "store", "rotate").status == 2)
  }

  @Test("an HQ put back to a backup of before the change knows the store by the last credential")
  func restoredHQ() throws {
    let chain = try Chain(stores: [1])
    let backup = chain.scratch.path + "/backup.db"
    try chain.expectDone(chain.syncctl(chain.hq, "backup", backup))
    _ = try chain.syncctl(chain.hq, "store", "rotate", "1")
    try eventually("the store to have gone over to it") { try Self.status(chain).status == 0 }
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.syncctl(chain.hq, "restore", backup, "--replace"))
    try chain.startHQ()
    try chain.inSync()
    _ = try chain.syncctl(chain.hq, "store", "rotate", "1")
    try eventually("the store to have gone over to another") { try Self.status(chain).status == 0 }
    try chain.inSync()
  }
}
