import Foundation
import Interchange
import Testing

/// Databases that were put back to an earlier state, or copied, while the chain went on.
@Suite struct RestoreTests {
  @Test("FC-25 a store restored from yesterday's backup that has sold since: nothing of either is lost")
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
    let selling = try chain.importing([sale(2)], as: "sale", into: store)
    try chain.expectDone(selling)
    try chain.start(store)
    try chain.inSync()
    for node in [chain.hq, store] { #expect(try node.receipts() == ["R1", "R2"], "\(node.name)") }
    #expect(try chain.hq.salesTotals() == Node.totals(2))
  }

  @Test("FC-25 a whole machine that went back to a snapshot and sold on: HQ tells it, before anything is sent")
  func rolledBackStore() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    try store.backUp()
    try chain.start(store)
    try chain.expectDone(chain.importing([sale(2)], as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    try store.rollBack()
    try chain.expectDone(chain.importing([sale(3)], as: "sale", into: store))
    try chain.start(store)
    try eventually("what HQ has to tell") { store.log.contains("put back to an earlier state") }
    try chain.inSync()
    for node in [chain.hq, store] { #expect(try node.receipts() == ["R1", "R2", "R3"], "\(node.name)") }
    let list = try chain.syncctl(chain.hq, "store", "list", "--json")
    #expect(list.output.contains("restoredAt"), "\(list.output)")
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
    // What HQ had written and has lost, only the store still has. HQ does not take its own words from a store by itself.
    try eventually("the new one at the store") { try store.rows("SELECT id FROM members ORDER BY id") == ["8", "9"] }
    let list = try chain.syncctl(chain.hq, "parked", "list")
    #expect(list.output.contains("awaiting-author"), "\(list.output)")
    #expect(try chain.syncctl(chain.hq, "status").status == 1)
    try chain.expectDone(chain.syncctl(chain.hq, "parked", "retry", "--all", "--trust"))
    try chain.inSync()
    for node in [chain.hq, store] {
      #expect(try node.rows("SELECT id FROM members ORDER BY id") == ["8", "9"], "\(node.name)")
    }
  }

  @Test("FC-26 a whole HQ that went back to a snapshot and wrote on: the stores tell it, and nothing is lost")
  func rolledBackHQ() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing(["id,name", "7,Al"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    try chain.hq.backUp()
    try chain.startHQ()
    try chain.expectDone(chain.importing(["id,name", "8,Bo"], as: "member", into: chain.hq))
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    try chain.hq.stop()
    try chain.hq.rollBack()
    try chain.expectDone(chain.importing(["id,name", "9,Cy"], as: "member", into: chain.hq))
    try chain.startHQ()
    try eventually("the new one at the store") { try store.rows("SELECT id FROM members").count == 3 }
    try eventually("the sale at HQ") { try chain.hq.receipts() == ["R1"] }
    try chain.expectDone(chain.syncctl(chain.hq, "parked", "retry", "--all", "--trust"))
    try chain.inSync()
    for node in [chain.hq, store] {
      #expect(try node.rows("SELECT id FROM members ORDER BY id") == ["7", "8", "9"], "\(node.name)")
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

  /// As if the whole machine had gone back to the state of the backup: the same files, with what was in them then.
  fileprivate func rollBack() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
      let (path, old) = (directory + "/" + name, directory + ".backup/" + name)
      guard let contents = FileManager.default.contents(atPath: old) else {
        try FileManager.default.removeItem(atPath: path)
        continue
      }
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.truncate(atOffset: 0)
      try file.write(contentsOf: contents)
      try file.close()
    }
  }
}
