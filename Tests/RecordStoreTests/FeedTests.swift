import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What those who follow a node from outside are told.
@Suite struct FeedTests {
  @Test(arguments: BackendKind.allCases) func recordsComeInTheOrderOfTheirLastChange(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.photo("f", "bulk"))
    try hq.mustCommit(.note("a", store: 1, text: "1"), .note("b", store: 1))
    try hq.mustCommit(.price("p", 1))
    try hq.mustCommit(.note("a", text: "2"))
    var consumer = Consumer(hq)
    #expect(try !consumer.take())
    #expect(consumer.words == ["put f", "put b", "put p", "put a"], "all lanes together, each record once")
    #expect(consumer.pages[0].items.map(\.sequence) == [1, 2, 3, 4])
    try hq.mustCommit(.delete(Shop.note, "b"))
    #expect(try !consumer.take())
    #expect(consumer.words == ["delete b"])
    #expect(try !consumer.take())
    #expect(consumer.words == [])
  }

  @Test(arguments: BackendKind.allCases) func aGroupIsInOnePage(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let first = try hq.mustCommit(.note("a", store: 1), .note("b", store: 1), .note("c", store: 1))
    let second = try hq.mustCommit(.price("p", 1), .price("q", 1))
    var consumer = Consumer(hq)
    #expect(try consumer.take(limit: 1))
    #expect(consumer.words == ["put a", "put b", "put c"])
    #expect(consumer.pages[0].items.map(\.stamp) == [first, first, first])
    #expect(try !consumer.take(limit: 1))
    #expect(consumer.pages[1].items.map(\.stamp) == [second, second])
    // Whoever ends within a group is told all of it again.
    let cursors = consumer.pages[0].items.map(\.cursor) + consumer.pages[1].items.map(\.cursor)
    #expect(cursors.map(\.sequence) == [0, 0, 1, 1, 2])
    for (index, cursor) in cursors.enumerated() {
      var other = Consumer(hq)
      other.goBack(to: cursor)
      try other.takeAll()
      #expect(other.words.count == [5, 5, 2, 2, 0][index])
    }
  }

  @Test(arguments: BackendKind.allCases) func pagesAreBoundedInBytesAndInLooks(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    for number in 0..<20 { try hq.mustCommit(.photo("f\(number)", "x", bytes: 2_000)) }
    var consumer = Consumer(hq)
    #expect(try consumer.take(budget: 5_000))
    #expect(consumer.words.count == 3)
    for number in 0..<300 { try hq.mustCommit(.note("n", store: 1, text: "\(number)")) }
    try consumer.takeAll()
    #expect(consumer.words.count == 18, "a record that changes all the time comes once")
    var fresh = Consumer(hq, entities: [Shop.note])
    #expect(try fresh.take(looks: 50))
    #expect(fresh.words == [], "an empty page that leads on")
    #expect(fresh.cursor.map { (1...50).contains($0.sequence) } == true)
    while try fresh.take(looks: 50) {}
    #expect(fresh.words == ["put n"])
  }

  @Test(arguments: BackendKind.allCases) func someEntitiesOnly(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .price("p", 1))
    try hq.mustCommit(.member("m", phone: "1"))
    try hq.mustCommit(.price("q", 1))
    var consumer = Consumer(hq, entities: [Shop.price, Shop.member])
    try consumer.takeAll()
    #expect(consumer.words == ["put p", "put m", "put q"])
    #expect(consumer.pages[0].items.map(\.cursor.sequence) == [1, 2, 3], "the last of a group as far as is asked for")
    #expect(try consumer.records == hq.liveRecords([Shop.price, Shop.member]))
  }

  @Test(arguments: BackendKind.allCases) func whatLeavesTheScopeIsRemoved(_ kind: BackendKind) throws {
    let (hq, one) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "x"), .note("m", store: 1))
    try exchange(hq, one)
    var consumer = Consumer(one)
    try consumer.takeAll()
    #expect(consumer.words == ["put n", "put m"])
    try hq.mustCommit(.note("n", store: 2))
    try exchange(hq, one)
    try consumer.takeAll()
    #expect(consumer.words == ["removed n left-scope"])
    #expect(try one.store.logHead() == 2)
    try exchange(hq, one)
    #expect(try one.store.logHead() == 2, "said twice, it is still gone")
    #expect(try one.stretch(for: .hq).groups == [], "HQ hears nothing of it")
    var late = Consumer(one)
    try late.takeAll()
    #expect(late.words == ["put m", "removed n left-scope"])
    try hq.mustCommit(.note("n", store: 1))
    try exchange(hq, one)
    try consumer.takeAll()
    #expect(consumer.words == ["put n"], "and back again")
    #expect(try consumer.records == one.liveRecords())
    #expect(try audit(one.backend).records == 2, "the log names each record where it stands")
  }

  @Test(arguments: BackendKind.allCases) func aRestartKeepsTheCursor(_ kind: BackendKind) throws {
    let one = try TestNode(kind, 1)
    try one.mustCommit(.note("a", store: 1))
    var consumer = Consumer(one)
    try consumer.takeAll()
    for epoch in 50..<90 as Range<UInt64> {
      try one.store.begin(Epoch(rawValue: epoch), incarnation: nil)
      try one.mustCommit(.note("b", store: 1, text: "\(epoch)"))
    }
    try consumer.takeAll()
    #expect(consumer.words == ["put b"])
    #expect(try one.backend.feedEnd() == consumer.cursor)
    #expect(try one.backend.feedLag(of: try #require(consumer.cursor)) == .success(0))
    try one.mustCommit(.note("c", store: 1))
    #expect(try one.backend.feedLag(of: try #require(consumer.cursor)) == .success(1))
  }

  @Test(arguments: BackendKind.allCases) func aRestoredLogIsAnother(_ kind: BackendKind) throws {
    let one = try TestNode(kind, 1)
    try one.mustCommit(.note("a", store: 1))
    let cursors = [try one.backend.feedEnd(), FeedCursor(log: try one.backend.feedEnd().log, sequence: 0, check: 0)]
    try one.store.begin(Epoch(rawValue: 50), incarnation: 2)
    for cursor in cursors {
      #expect(try one.backend.changes(FeedRequest(after: cursor, limit: 9)) == .failure(.anotherLog))
      #expect(try one.backend.feedLag(of: cursor) == .failure(.anotherLog))
    }
    try one.store.takeIncarnation(3)
    #expect(try one.backend.changes(FeedRequest(after: one.backend.feedEnd(), limit: 9)).get().items == [])
  }

  @Test("a machine that went back to a snapshot, before anyone noticed", arguments: BackendKind.allCases)
  func rolledBack(_ kind: BackendKind) throws {
    func untilSnapshot() throws -> TestNode {
      let node = try TestNode(kind, 1)
      try node.mustCommit(.note("a", store: 1))
      return node
    }
    let lost = try untilSnapshot()
    try lost.mustCommit(.note("b", store: 1))
    try lost.mustCommit(.note("c", store: 1))
    let seen = try lost.backend.feedEnd()
    let restored = try untilSnapshot()
    restored.wall = restored.wall.advanced(byMilliseconds: 60_000)
    #expect(try restored.backend.changes(FeedRequest(after: seen, limit: 9)) == .failure(.beyondEnd))
    for id in ["d", "e", "f"] { try restored.mustCommit(.note(id, store: 1)) }
    #expect(try restored.backend.changes(FeedRequest(after: seen, limit: 9)) == .failure(.anotherEntry))
    let common = try lost.backend.changes(FeedRequest(after: nil, limit: 1)).get().next
    #expect(try restored.backend.changes(FeedRequest(after: common, limit: 9)).get().items.count == 3)
  }

  @Test(arguments: BackendKind.allCases) func commitsThatAreStampedAnewBeginTheFeedAnew(_ kind: BackendKind) throws {
    let one = try TestNode(kind, 1)
    try one.mustCommit(.note("a", store: 1))
    var consumer = Consumer(one)
    try consumer.takeAll()
    let repair = UnsentRepair(
      sent: LogCoverage(cursors: LaneMap(repeating: 0)), incarnation: nil,
      clock: ClockRepair(offset: -3_600_000, now: one.wall.advanced(byMilliseconds: -3_600_000)))
    #expect(try one.store.repairUnsent(repair).commitCount == 1)
    #expect(try one.backend.changes(FeedRequest(after: consumer.cursor, limit: 9)) == .failure(.anotherLog))
    // Nothing was renamed: nobody has to begin anew.
    let end = try one.backend.feedEnd()
    let idle = UnsentRepair(sent: LogCoverage(cursors: LaneMap(repeating: 9)), incarnation: nil, clock: nil)
    _ = try one.store.repairUnsent(idle)
    #expect(try one.backend.feedEnd() == end)
  }

  @Test(arguments: BackendKind.allCases) func whatNobodyHereKnowsIsNotTold(_ kind: BackendKind) throws {
    let one = try TestNode(kind, 1, model: Shop.olderModel)
    var hq = Foreign(0)
    try one.receive(
      [hq.group((Shop.photo, "f", [(Photo.title, .text("x"))])), hq.note("n", store: 1, text: "x")], from: .hq)
    var consumer = Consumer(one)
    try consumer.takeAll()
    #expect(consumer.words == ["put n"])
  }

  @Test func cursorsHaveOneText() throws {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      let replica = ReplicaID(node: NodeNumber(generator.next32), incarnation: generator.next32)
      let log = FeedLog(replica: replica, turn: generator.next() >> UInt64.random(in: 0...63, using: &generator))
      let cursor = FeedCursor(
        log: log, sequence: generator.next() >> UInt64.random(in: 0...63, using: &generator), check: generator.next32)
      #expect(FeedCursor(cursor.text) == cursor)
      #expect(cursor.text.utf8.count <= 60)
      for text in [cursor.text + "A", String(cursor.text.dropLast()), cursor.text + "=", " " + cursor.text] {
        #expect(FeedCursor(text) == nil)
      }
    }
    #expect(FeedCursor("") == nil)
    #expect(FeedCursor(String(repeating: "A", count: 1_000_000)) == nil)
    // The varint of the turn in two bytes where one would do.
    let long: [UInt8] = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0, 1, 0, 0, 0, 0]
    #expect(FeedCursor(Base64.encodeForAddress(long)) == nil)
  }
}

extension SeededGenerator {
  fileprivate var next32: UInt32 { mutating get { UInt32(truncatingIfNeeded: next()) } }
}

private func audit(_ backend: some StorageBackend) throws -> Audit {
  try StoreEngine(backend).audit { _ in true }
}
