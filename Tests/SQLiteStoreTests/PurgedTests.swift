import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// What is left of purged records on the disk.
@Suite struct PurgedTests {
  private static let day: Int64 = 86_400_000
  private static let now = WallTime(milliseconds: 1_700_000_000_000)

  private func lines(_ document: UInt64, _ count: UInt32, daysAgo: Int64) -> CommitDraft {
    let id = RecordID(milliseconds: Self.now.milliseconds - daysAgo * Self.day, random: (document, document))
    return CommitDraft(
      (1...count).map { line in
        RecordWrite(
          OrderLine(
            order: id, line: line, store: RecordID(number: 5), product: RecordID(key: "p\(line)"), quantity: 1,
            salesAmount: 100, retailDiscount: 0, couponDiscount: 0, couponMatchDiscount: 0))
      })
  }

  private func purge(_ engine: StoreEngine<SQLiteBackend>) throws -> Int {
    let before = Self.now.advanced(byMilliseconds: -100 * Self.day)
    var request = PurgeRequest(before: before, through: LaneMap(repeating: .max))
    var count = 0
    repeat {
      let slice = try engine.purge(request) {
        [UInt8](repeating: UInt8(truncatingIfNeeded: $0.id.bytes.count), count: 16)
      }
      count += slice.dropped.values.reduce(0, +)
      request.from = slice.next
    } while request.from != nil
    return count
  }

  private func open(_ directory: Directory) throws -> StoreEngine<SQLiteBackend> {
    try StoreEngine(SQLiteBackend.open(path: directory.database, model: .retail, mode: .readWrite))
  }

  @Test("FC-34 purged records are found by their ids and their rows, also in a database that is opened again")
  func byIDAndRow() throws {
    let directory = try Directory()
    var stubs: [StoredRecord] = []
    do {
      let engine = try StoreEngine(
        SQLiteBackend.open(path: directory.database, model: .retail, mode: .create(identity)))
      // Two documents with their rows mixed, one that stays, and one that is written later.
      for draft in [lines(1, 3, daysAgo: 300), lines(2, 2, daysAgo: 200), lines(3, 2, daysAgo: 5)] {
        _ = try engine.commit([draft], at: Self.now)
      }
      for record in try engine.records(of: OrderLine.tag, after: nil, limit: 99) {
        var stored = try #require(try engine.backend.find(record.key))
        stored.body = .stub(record.vector)
        stubs.append(stored)
      }
      #expect(try purge(engine) == 5)
    }
    let engine = try open(directory)
    for stub in stubs.prefix(5) {
      #expect(try engine.backend.find(stub.key) == stub && engine.backend.read(stub.ref) == stub)
      #expect(try engine.backend.purgedDigest(of: stub.key)?.count == 16)
    }
    #expect(try engine.count(of: OrderLine.tag) == 2)
    #expect(try directory.sql("SELECT count(*) FROM sync_hidden") == ["0"])
    #expect(
      try directory.sql("SELECT entity, \"row\", count FROM sync_purged_row ORDER BY 2") == ["11|1|3", "11|4|2"])
    _ = try engine.audit { _ in true }

    // The one in the middle of its document comes back into its old row.
    let middle = stubs[1]
    try engine.backend.transaction { () throws(StoreError) in try engine.backend.forgetPurged(middle.key) }
    #expect(try engine.backend.find(middle.key) == middle && engine.backend.read(middle.ref) == middle)
    #expect(try engine.backend.purgedDigest(of: middle.key) == nil)
    for stub in stubs.prefix(5) where stub.key != middle.key {
      #expect(try engine.backend.read(stub.ref) == stub && engine.backend.purgedDigest(of: stub.key) != nil)
    }
    for first in [stubs[0], stubs[2]] {
      try engine.backend.transaction { () throws(StoreError) in try engine.backend.forgetPurged(first.key) }
    }
    #expect(try directory.sql("SELECT count(*) FROM sync_purged") == ["1"])
    #expect(try directory.sql("SELECT \"row\", count FROM sync_purged_row") == ["4|2"])
  }

  @Test("FC-34 the row of a purged record is never given to another, also if all later ones are purged")
  func rowsAreNotGivenAgain() throws {
    let directory = try Directory()
    do {
      let engine = try StoreEngine(
        SQLiteBackend.open(path: directory.database, model: .retail, mode: .create(identity)))
      _ = try engine.commit([lines(1, 4, daysAgo: 300)], at: Self.now)
      #expect(try purge(engine) == 4)
    }
    let engine = try open(directory)
    _ = try engine.commit([lines(2, 2, daysAgo: 1)], at: Self.now)
    #expect(try directory.sql("SELECT \"row\" FROM order_lines ORDER BY 1") == ["5", "6"])
    _ = try engine.audit { _ in true }
  }

  @Test("FC-34 a purge makes room: what stays of a line is less than half of it")
  func room() throws {
    let directory = try Directory()
    let engine = try StoreEngine(SQLiteBackend.open(path: directory.database, model: .retail, mode: .create(identity)))
    _ = try engine.commit((1...200 as ClosedRange<UInt64>).map { lines($0, 10, daysAgo: 300) }, at: Self.now)
    #expect(try purge(engine) == 2_000)
    let free = Int(try directory.sql("PRAGMA freelist_count")[0]) ?? 0
    let left = Int(try directory.sql("SELECT sum(length(records)) FROM sync_purged")[0]) ?? 0
    #expect(left < 2_000 * 30, "\(left) bytes are left of 2,000 lines")
    #expect(free * 4_096 > 2_000 * 40, "\(free) pages are free")
  }
}
