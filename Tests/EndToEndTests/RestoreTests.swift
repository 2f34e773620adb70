import Foundation
import Interchange
import Testing

/// Directories that were restored from a copy. Issues that are marked as known lose data silently: see the design on
/// identity and recovery.
@Suite struct RestoreTests {
  @Test("FC-25 a store restored from yesterday's backup: none of its new changes is lost, its own lost ones come back")
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
    withKnownIssue("the new group takes the old one's place in the log: HQ counts it as received") {
      try chain.inSync()
      for node in [chain.hq, store] { #expect(try node.receipts() == ["R1", "R2"], "\(node.name)") }
    }
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
      return isWhole || status.output.contains("older than what it has sent")
    }
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
