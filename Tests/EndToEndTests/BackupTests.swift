import CSQLite
import Foundation
import Glibc
import Interchange
import JSON
import StoreModel
import Testing

/// `syncctl backup`, `syncctl restore` and `store-node recover`, with real processes.
@Suite struct BackupTests {
  @Test("a backup while sales run holds the first of them, each whole, and restores")
  func backupWhileSelling() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let path = try chain.scratch.file("sales.jsonl", (1...1_500).map { sale($0) })
    let selling = try chain.beginImport(path, as: "sale", into: store)
    try eventually("the first sales") { try store.receipts().count > 50 }
    var counts: [Int] = []
    for number in 1...3 {
      let file = "\(chain.scratch.path)/backup-\(number).db"
      let made = try chain.syncctl(store, "backup", file, "--json")
      try chain.expectDone(made)
      #expect(try made.json()["node"] == .string("1"))
      let copy = try Database(file)
      #expect(try copy.rows("PRAGMA integrity_check") == ["ok"])
      let count = Int(try copy.rows("SELECT count(*) FROM orders")[0]) ?? -1
      counts.append(count)
      // A prefix: the receipts from the first on, none left out; and each with all that belongs to it.
      let last = try copy.rows("SELECT max(CAST(substr(receipt, 2) AS INTEGER)) FROM orders")
      #expect(last == ["\(count)"])
      let whole = try copy.rows(
        "SELECT (SELECT count(*) FROM order_lines) / 2, (SELECT count(*) FROM payments), "
          + "(SELECT count(*) FROM stock_movements) / 2")
      #expect(whole == ["\(count)|\(count)|\(count)"])
      #expect(Self.mode(of: file) == 0o600)
      for suffix in ["-wal", "-shm", "-journal", ".partial"] {
        #expect(access(file + suffix, F_OK) != 0, "\(suffix)")
      }
    }
    #expect(counts == counts.sorted() && counts[0] > 0)
    _ = try selling.rest()
    #expect(try selling.status() == 0)
    try chain.inSync()

    try store.stop()
    let file = "\(chain.scratch.path)/backup-1.db"
    let refused = try chain.syncctl(store, "restore", file)
    #expect(refused.status == 2 && refused.problem.contains("--replace"), "\(refused.errors)")
    let replica = try store.rows("SELECT incarnation FROM sync_node")
    let restored = try chain.syncctl(store, "restore", file, "--replace")
    try chain.expectDone(restored)
    #expect(restored.output.contains("aside-"), "\(restored.output)")
    #expect(try store.receipts().count == counts[0])
    #expect(try store.rows("SELECT incarnation FROM sync_node") != replica)
    #expect(try store.rows("SELECT count(*) FROM sync_setting WHERE name = 'backup'") == ["0"])
    try chain.expectDone(chain.importing([sale(1_501)], as: "sale", into: store))
    try chain.start(store)
    try chain.inSync()
    for node in [chain.hq, store] { #expect(try node.salesTotals() == Node.totals(1_501), "\(node.name)") }
  }

  @Test func whatIsRefused() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let file = "\(chain.scratch.path)/b.db"
    try chain.expectDone(chain.syncctl(chain.hq, "backup", file))
    let again = try chain.syncctl(chain.hq, "backup", file)
    #expect(again.status == 2 && again.problem.contains("is not overwritten"), "\(again.errors)")
    let running = try chain.syncctl(chain.hq, "restore", file, "--replace")
    #expect(running.status == 3 && running.problem.contains("has it open"), "\(running.errors)")
    try store.stop()
    let other = try chain.syncctl(store, "restore", file, "--replace")
    #expect(other.status == 2 && other.problem.contains("of HQ, and"), "\(other.errors)")
    let nothing = try chain.syncctl(store, "restore", "\(file).x", "--replace")
    #expect(nothing.status == 2 && nothing.problem.contains("is not there"), "\(nothing.errors)")
    let rubbish = try chain.scratch.file("rubbish", ["no database"])
    let none = try chain.syncctl(store, "restore", rubbish, "--replace")
    #expect(none.status == 4, "\(none.errors)")
    // Nothing of that has touched the store.
    try chain.start(store)
    try chain.inSync()
  }

  @Test("FC-26 HQ restored from its backup on another machine: nothing is lost, and a joined store goes on")
  func restoredHQ() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let file = "\(chain.scratch.path)/hq.db"
    try chain.expectDone(chain.syncctl(chain.hq, "backup", file))
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.expectDone(chain.importing(["id,name", "8,Bo"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.hq.stop()
    try FileManager.default.removeItem(atPath: chain.hq.directory)
    let restored = try chain.syncctl(chain.hq, "restore", file)
    try chain.expectDone(restored)
    #expect(restored.output.contains("parked retry --all --trust"), "\(restored.output)")
    try chain.startHQ()
    try eventually("the sale at HQ") { try chain.hq.receipts() == ["R1"] }
    try eventually("HQ's own change to wait") {
      try chain.syncctl(chain.hq, "parked", "list").output.contains("awaiting-author")
    }
    try chain.expectDone(chain.syncctl(chain.hq, "parked", "retry", "--all", "--trust"))
    try chain.inSync()
    #expect(try chain.hq.rows("SELECT id FROM members") == ["8"])
  }

  @Test("FC-30 a corrupt page: the node fails closed, is rebuilt from HQ, and what was unsent is kept")
  func damagedStore() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing(["id,name", "7,Al"], as: "member", into: chain.hq))
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    try chain.hq.stop()
    try chain.expectDone(chain.importing([sale(2), sale(3)], as: "sale", into: store))
    try store.stop()
    try Database.change(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    try store.damage(pageOf: "products")
    try store.damage(pageOf: "members")
    // What cannot be opened is not opened; and what can still be read is kept.
    let recovered = try chain.run("store-node", ["recover", "--data", store.directory, "--json"])
    try #require(recovered.status == 0, "\(recovered.errors)\(recovered.output)")
    #expect(try recovered.json()["taken"] == .integer(2), "\(recovered.output)")
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    for node in [chain.hq, store] {
      #expect(try node.salesTotals() == Node.totals(3), "\(node.name)")
      #expect(try node.rows("SELECT id FROM members") == ["7"], "\(node.name)")
    }
    // Sales go on, and the kept folder gives nothing a second time.
    try store.stop()
    let old = try recovered.json()["old"]
    guard case .string(let folder) = old else { return #expect(Bool(false), "\(recovered.output)") }
    let again = try chain.run("store-node", ["recover", "--data", store.directory, "--from", folder, "--json"])
    #expect(try again.status == 0 && again.json()["taken"] == .integer(0), "\(again.errors)\(again.output)")
    try chain.expectDone(chain.importing([sale(4)], as: "sale", into: store))
    try chain.start(store)
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(4))
  }

  @Test("FC-30 damage that is met while the node runs ends it with status 4 and one line")
  func damageWhileRunning() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing((1...20).map { sale($0) }, as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    try Database.change(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    try store.damage(pageOf: "orders")
    try chain.start(store)
    let daemon = try #require(store.daemon)
    _ = try chain.importing((21...40).map { sale($0) }, as: "sale", into: store)
    #expect(try daemon.status() == 4)
    #expect(store.log.contains("store-node recover --data"), "\(store.log)")
  }

  @Test("FC-30 a database that cannot even say who it is: a join code makes the store anew")
  func headerGone() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    try Database.change(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    let file = try #require(FileHandle(forWritingAtPath: "\(store.directory)/storesync.db"))
    try file.write(contentsOf: Data(repeating: 0x5A, count: 4_096))
    try file.close()
    let failed = try chain.run("store-node", ["run", "--data", store.directory])
    #expect(failed.status == 4 && failed.problem.contains("store-node recover --data"), "\(failed.errors)")
    let asked = try chain.run("store-node", ["recover", "--data", store.directory])
    #expect(asked.status == 4 && asked.problem.contains("--again"), "\(asked.errors)")
    let code = try chain.syncctl(chain.hq, "store", "add", "1", "--again").output
    let recovered = try chain.run(
      "store-node", ["recover", "--data", store.directory, "--hq", chain.address, "-"], input: code)
    #expect(recovered.status == 1 && recovered.output.contains("Nothing of the old database"), "\(recovered.errors)")
    try chain.start(store)
    try chain.inSync()
    #expect(try store.receipts() == ["R1"])
  }

  @Test("FC-29 FC-31 a store that was retired with unsent sales joins again: they are taken, and nothing deleted rises")
  func retiredWithUnsent() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing(["id,name", "7,Al", "8,Bo"], as: "member", into: chain.hq))
    try chain.inSync()
    try store.stop()
    try chain.expectDone(chain.importing([sale(1), sale(2)], as: "sale", into: store))
    // It still holds what HQ deletes now.
    try chain.delete(Member.tag, RecordID(key: "7"), at: chain.hq)
    #expect(try store.rows("SELECT id FROM members ORDER BY id") == ["7", "8"])
    let refused = try chain.syncctl(chain.hq, "store", "retire", "1")
    #expect(refused.status == 2 && refused.problem.contains("cannot know"), "\(refused.errors)")
    try chain.expectDone(chain.syncctl(chain.hq, "store", "retire", "1", "--force"))
    try chain.start(store)
    try eventually("the store to be turned away") { store.log.contains("(retired)") }
    try chain.remove(keeping: store)
    let code = try chain.syncctl(chain.hq, "store", "add", "1", "--again").output
    let new = try chain.adopt("store-1-new") { try chain.join($0, code: code) }
    let took = try chain.run("store-node", ["recover", "--data", new.directory, "--from", store.directory, "--json"])
    #expect(try took.status == 0 && took.json()["taken"] == .integer(2), "\(took.errors)\(took.output)")
    let again = try chain.run("store-node", ["recover", "--data", new.directory, "--from", store.directory, "--json"])
    #expect(try again.status == 0 && again.json()["taken"] == .integer(0), "\(again.errors)\(again.output)")
    try chain.start(new)
    try chain.inSync()
    for node in [chain.hq, new] {
      #expect(try node.salesTotals() == Node.totals(2), "\(node.name)")
      #expect(try node.rows("SELECT id FROM members ORDER BY id") == ["8"], "\(node.name): nothing deleted rises")
    }
    #expect(try chain.hq.rows("SELECT count(*) FROM sync_case") == ["0"])
  }

  private static func mode(of path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }
}

extension Node {
  fileprivate func receipts() throws -> [String] { try rows("SELECT receipt FROM orders ORDER BY receipt") }

  /// Spoils the first page of a table in the file.
  fileprivate func damage(pageOf table: String) throws {
    let page = Int(try rows("SELECT rootpage FROM sqlite_schema WHERE name = '\(table)'")[0]) ?? 0
    let file = try #require(FileHandle(forWritingAtPath: "\(directory)/storesync.db"))
    try file.seek(toOffset: UInt64((page - 1) * 4_096))
    try file.write(contentsOf: Data(repeating: 0xFF, count: 4_096))
    try file.close()
  }
}
