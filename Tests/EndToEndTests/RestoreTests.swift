import Foundation
import Interchange
import Testing

/// Directories that were restored from a copy. Issues that are marked as known lose data silently: see the design on
/// identity and recovery.
@Suite struct RestoreTests {
  @Test("FC-25 a store restored from yesterday's backup that has sold since: refused before anything is sent, and told")
  func restoredStore() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try store.stop()
    try store.backUp()
    try chain.start(store)
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    try store.restore()
    try chain.expectDone(chain.importing([sale(2)], as: "sale", into: store))
    try chain.start(store)
    try eventually("an account of itself") { store.log.contains("(fenced)") }
    let status = try chain.syncctl(store, "status")
    #expect(status.status == 1)
    #expect(status.output.contains("this database was restored or copied"), "\(status.output)")
    #expect(status.output.contains("`syncctl store add 1 --again`"))
    #expect(status.output.contains("groups have not reached HQ"), "the new sale is not counted as received")
    #expect(try store.receipts() == ["R2"], "it is kept")
    #expect(try chain.hq.receipts() == ["R1"])
    let atHQ = try chain.syncctl(chain.hq, "status")
    #expect(atHQ.status == 1 && atHQ.output.contains("a restored or copied database of it was turned away"))
    #expect(atHQ.output.contains("127.0.0.1"), "\(atHQ.output)")

    // The way back, until recovery does it: a new directory.
    let code = try chain.syncctl(chain.hq, "store", "add", "1", "--again")
    try chain.expectDone(code)
    try chain.remove(store)
    try chain.start(chain.addStore(1, code: code.output))
    try chain.inSync()
  }

  @Test("FC-25 a store restored from a backup that has sold less than HQ knows of: it never says that it is in sync")
  func restoredStoreBehindHQ() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try store.stop()
    try store.backUp()
    try chain.start(store)
    try chain.expectDone(chain.importing([sale(1), sale(2)], as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    try store.restore()
    try chain.start(store)
    try eventually("an account of itself") {
      let status = try chain.syncctl(store, "status")
      let isWhole = try store.receipts() == ["R1", "R2"]
      #expect(status.status == 1 || isWhole, "in sync, without what HQ has: \(status.output)")
      return isWhole || status.output.contains("this database was restored or copied")
    }
  }

  @Test("FC-27 two copies of one database: never both, and the one that is turned away is shown")
  func twoCopies() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try store.stop()
    try store.backUp()
    let copy = try chain.adopt("store-1.backup") { _ in try chain.run("store-node", ["--help"]) }
    try chain.start(store)
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try eventually("the sale at HQ") { try chain.hq.receipts() == ["R1"] }
    try chain.start(copy)
    try eventually("one of them to be turned away") { copy.log.contains("(fenced)") }
    try chain.expectDone(chain.importing([sale(2)], as: "sale", into: copy))
    try chain.expectDone(chain.importing([sale(3)], as: "sale", into: store))
    try eventually("the sale of the true one") { try chain.hq.receipts() == ["R1", "R3"] }
    #expect(try chain.syncctl(copy, "status").status == 1)
    let list = try chain.syncctl(chain.hq, "store", "list")
    #expect(list.output.contains("active, fenced a copy"), "\(list.output)")
    #expect(try chain.syncctl(chain.hq, "status").status == 1)
  }

  @Test("FC-26 HQ restored from a backup: the stores give back what it has lost of theirs")
  func restoredHQ() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try chain.hq.backUp()
    try chain.startHQ()
    try chain.expectDone(chain.importing([sale(1), sale(2)], as: "sale", into: store))
    try chain.inSync()
    try chain.hq.stop()
    try chain.hq.restore()
    try chain.startHQ()
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(2))
  }

  @Test("FC-26 HQ restored from a backup: its own lost changes come back, and its new ones reach the stores")
  func restoredHQWithChangesOfItsOwn() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try chain.hq.backUp()
    try chain.startHQ()
    try chain.expectDone(chain.importing(["id,name", "8,Bo"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    try chain.hq.restore()
    try chain.expectDone(chain.importing(["id,name", "9,Cy"], as: "member", into: chain.hq))
    try chain.startHQ()
    withKnownIssue("the new group takes the old one's place in the log: the store counts it as received") {
      try chain.inSync()
      for node in [chain.hq, store] {
        #expect(try node.rows("SELECT id FROM members ORDER BY id") == ["8", "9"], "\(node.name)")
      }
    }
  }
}

extension Node {
  fileprivate func receipts() throws -> [String] { try rows("SELECT receipt FROM orders ORDER BY receipt") }

  /// Copies the directory of the node, which does not run.
  fileprivate func backUp() throws {
    try FileManager.default.copyItem(atPath: directory, toPath: directory + ".backup")
  }

  fileprivate func restore() throws {
    try FileManager.default.removeItem(atPath: directory)
    try FileManager.default.copyItem(atPath: directory + ".backup", toPath: directory)
  }
}
