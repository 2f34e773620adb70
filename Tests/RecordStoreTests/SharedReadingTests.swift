import Base
import Causality
import Merge
import StoreModel
import Testing

@testable import RecordStore

/// Large groups that concern many stores are read once for all of them, and nobody sees it.
@Suite struct SharedReadingTests {
  private static let stores: ClosedRange<UInt32> = 1...5

  /// Every store's every lane, from the beginning and from somewhere, as it is read with what is kept and without.
  private func expectSame(_ hq: TestNode, from start: Sequence64, _ note: Comment) throws {
    let plain = try StoreEngine(FailingBackend(hq.backend))
    #expect(try plain.backend.contentsVersion() == nil, "the other side keeps nothing")
    for store in Self.stores {
      for lane in Lane.allCases {
        for after in [0, start] {
          let request = hq.request(for: NodeNumber(store), lane, after: after)
          let expected = try plain.outgoing(request)
          for _ in 0..<2 { #expect(try hq.store.outgoing(request) == expected, note) }
        }
      }
    }
  }

  /// A group of records of all kinds, most of which were in an earlier group, some of another store then.
  private func draft(_ generator: inout SeededGenerator) -> CommitDraft {
    let count = Int.random(in: 1...40, using: &generator)
    let ids = (0..<60).shuffled(using: &generator).prefix(count)
    let hasUrgent = Bool.random(using: &generator)
    return CommitDraft(
      ids.map { id in
        switch Int.random(in: 0..<10, using: &generator) {
        case 0 where hasUrgent: .price("p\(id)", Int64.random(in: 1...99, using: &generator))
        case 0, 1: .member("m\(id)", first: "\(Int.random(in: 0...99, using: &generator))")
        case 2: .secret("s\(id)", "\(Int.random(in: 0...99, using: &generator))")
        case 3: .delete(Shop.note, "n\(id)")
        default:
          .note(
            "n\(id)", store: Int64(UInt32.random(in: Self.stores, using: &generator)),
            text: "\(Int.random(in: 0...9, using: &generator))")
        }
      })
  }

  @Test("what is kept for others is what a reading of its own finds", arguments: BackendKind.allCases)
  func sameAsReadAlone(_ kind: BackendKind) throws {
    for round in 0..<3 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      let hq = try TestNode(kind, 0)
      for step in 0..<12 {
        hq.wall = hq.wall.advanced(byMilliseconds: 1_000)
        _ = try hq.store.commit([draft(&generator)], at: hq.wall)
        let start = UInt64.random(in: 0...(try hq.store.logHead()), using: &generator)
        try expectSame(hq, from: start, "SEED=\(Seed.value) round \(round) step \(step)")
      }
    }
  }

  @Test("a record that moved on, or to another store, between two readings", arguments: BackendKind.allCases)
  func movesBetween(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let notes = (0..<20).map { RecordWrite.note("n\($0)", store: Int64($0 % 4 + 1), text: "first") }
    _ = try hq.store.commit([CommitDraft(notes)], at: hq.wall)
    for _ in 0..<3 { #expect(try hq.stretch(for: NodeNumber(1)).groups.flatMap(\.records).count == 5) }
    try hq.mustCommit(.note("n0", store: 2))
    for _ in 0..<3 {
      let groups = try hq.stretch(for: NodeNumber(1)).groups
      #expect(groups.flatMap(\.records).count == 4)
      #expect(groups.flatMap(\.evictions).map(\.key.id) == [RecordID(key: "n0")])
      #expect(try hq.stretch(for: NodeNumber(2)).groups.flatMap(\.records).count == 6)
    }
  }

  private func kept(_ readings: SharedReadings, _ hq: TestNode, _ entry: LogEntry) throws -> SharedReading? {
    func read(_ backend: some StorageBackend) throws -> SharedReading? {
      try backend.transaction { () throws(StoreError) in
        try readings.reading(of: entry, for: NodeNumber(1), in: backend, Shop.model)
      }
    }
    return try read(hq.backend)
  }

  @Test("groups are kept from the second reading on, until somebody writes, and within their limit")
  func bounded() throws {
    let hq = try TestNode(.memory, 0)
    for group in 0..<4 {
      let notes = (0..<20).map { RecordWrite.note("n\(group)-\($0)", store: Int64($0 % 4 + 1), text: "text") }
      _ = try hq.store.commit([CommitDraft(notes)], at: hq.wall)
    }
    let entries = try hq.backend.logEntries(lane: .normal, after: 0, limit: 9)
    let one = try #require(try SharedReading(of: entries[0], in: hq.backend, Shop.model, limit: .max)).byteCount
    let readings = SharedReadings(limit: 2 * one + one / 2)
    for entry in entries {
      #expect(try kept(readings, hq, entry) == nil, "the first reading keeps nothing")
      #expect(try kept(readings, hq, entry)?.records.count == 20 || readings.byteCount == one)
      #expect(readings.byteCount <= 2 * one + one / 2)
    }
    #expect(readings.byteCount > 0)
    try hq.mustCommit(.note("another", store: 1))
    #expect(try kept(readings, hq, entries[3]) == nil, "what was read before a write counts no more")
    #expect(readings.byteCount == 0)
  }

  @Test("a group beyond the limit is read for each store by itself")
  func tooLarge() throws {
    let hq = try TestNode(.memory, 0)
    let notes = (0..<20).map { RecordWrite.note("n\($0)", store: Int64($0 % 4 + 1), text: "text") }
    _ = try hq.store.commit([CommitDraft(notes)], at: hq.wall)
    let entry = try #require(try hq.backend.logEntry(1))
    let readings = SharedReadings(limit: 10 * StoreLimits.sharedRecordBytes)
    for _ in 0..<3 { #expect(try kept(readings, hq, entry) == nil) }
    #expect(readings.byteCount == 0)
  }
}
