import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What goes into the change log, and what a peer gets of it.
@Suite struct LogTests {
  private let one = NodeNumber(1)
  private let two = NodeNumber(2)

  private func ids(_ stretch: OutgoingStretch) -> [[String]] {
    stretch.groups.map { group in group.records.map { String(decoding: $0.id.bytes, as: UTF8.self) } }
  }

  @Test(arguments: BackendKind.allCases) func aCommitIsOneEntryInItsMostUrgentLane(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let stamp = try hq.mustCommit(.photo("f", "x"), .note("n", store: 1), .price("p", 1))
    try hq.mustCommit(.photo("g", "x"), .note("m", store: 1))
    try hq.mustCommit(.photo("h", "x"))
    #expect(try hq.store.logHead() == 3)
    let entries = try Lane.allCases.map { try hq.backend.logEntries(lane: $0, after: 0, limit: 9) }
    #expect(entries.map { $0.map(\.sequence) } == [[1], [2], [3]])
    #expect(entries[0][0].stamp == stamp)
    #expect(entries[0][0].records.count == 3)
    #expect(try hq.backend.logEntry(1) == entries[0][0])
    #expect(try hq.backend.logEntry(9) == nil)
  }

  @Test(arguments: BackendKind.allCases) func theAudienceIsTheNarrowest(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .entry("e", store: 1, "cash", 1))
    try hq.mustCommit(.note("b", store: 1), .note("c", store: 2))
    try hq.mustCommit(.secret("s", "x"))
    try hq.mustCommit(.secret("t", "x"), .note("d", store: 2))
    try hq.mustCommit(.member("m", phone: "1"))
    try hq.mustCommit(.note("a", store: 2))
    try hq.mustCommit(.note("f", store: 1), .note("g", store: 2), .note("h", store: 3))
    let audiences = try hq.backend.logEntries(lane: .normal, after: 0, limit: 9).map(\.audience)
    #expect(audiences == [.store(one), .pair(one, two), .hq, .store(two), .mixed, .pair(one, two), .mixed])
  }

  @Test(arguments: BackendKind.allCases) func eachStoreGetsItsScope(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .note("b", store: 2), .secret("s", "x"))
    try hq.mustCommit(.note("c", store: 2))
    try hq.mustCommit(.member("m"), .secret("t", "x"))
    let first = try hq.stretch(for: one)
    #expect(ids(first) == [["a"], ["m"]])
    #expect((first.through, first.skipped, first.hasMore, first.incompleteUntil) == (3, 1, false, 0))
    #expect(try ids(hq.stretch(for: two)) == [["b"], ["c"], ["m"]])
  }

  @Test(arguments: BackendKind.allCases) func aStoreSendsHQEverything(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("a", store: 1), .note("b", store: 2), .secret("s", "x"))
    #expect(try ids(store.stretch(for: .hq)) == [["a", "b", "s"]])
  }

  @Test(arguments: BackendKind.allCases) func aRecordIsSentOnceInItsLatestGroup(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1, text: "1"))
    try hq.mustCommit(.note("b", store: 1))
    try hq.mustCommit(.note("a", text: "2"))
    let stretch = try hq.stretch(for: one)
    #expect(ids(stretch) == [["b"], ["a"]])
    #expect(stretch.through == 3)
  }

  @Test(arguments: BackendKind.allCases) func whatAPeerSentIsNotEchoed(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.note("a", store: 1, text: "x"), .member("m", phone: "1"))
    try store.send(to: hq)
    let back = try hq.stretch(for: one)
    #expect((back.groups, back.through, back.skipped) == ([], 1, 1))
    #expect(try ids(hq.stretch(for: two)) == [["m"]])
  }

  @Test(arguments: BackendKind.allCases) func aMergedResultIsSentBack(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("a", store: 1, text: "x"))
    try exchange(hq, store)
    try hq.mustCommit(.note("a", text: "from HQ"))
    try store.mustCommit(.note("a", [FieldWrite(Note.remark, .set(.text("from the store")))]))
    try store.send(to: hq)
    let after = try store.store.receiveCursors(from: .hq, epoch: hq.epoch).normal.through
    #expect(try ids(hq.stretch(for: one, after: after)) == [["a"]])
    try exchange(hq, store)
    #expect(try hq.state(Shop.note, "a") == store.state(Shop.note, "a"))
    #expect(try store.value(Shop.note, "a", Note.text) == .text("from HQ"), "FC-18 both edits survive")
    #expect(try hq.value(Shop.note, "a", Note.remark) == .text("from the store"))
  }

  @Test("FC-30 a store that comes with a new database is sent its own records again", arguments: BackendKind.allCases)
  func aNewLogIsFilledFromZero(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    _ = try hq.store.meet(one, Lineage(epoch: Epoch(rawValue: 7)), resumingAt: nil)
    try hq.receive([store.note("a", store: 1, text: "sent"), store.note("b", store: 1, text: "sent")], from: one)
    #expect(try ids(hq.stretch(for: one)) == [], "it has them")
    _ = try hq.store.meet(one, Lineage(epoch: Epoch(rawValue: 8)), resumingAt: nil)
    #expect(try ids(hq.stretch(for: one)) == [["a"], ["b"]])
    _ = try hq.store.meet(one, Lineage(epoch: Epoch(rawValue: 8)), resumingAt: nil)
    try hq.receive([store.note("c", store: 1, text: "anew")], from: one, epoch: Epoch(rawValue: 8))
    #expect(try ids(hq.stretch(for: one)) == [["a"], ["b"]], "what it sent from the new log is not sent back")
  }

  @Test("FC-9 FC-11 a stretch ends only where its groups are whole", arguments: BackendKind.allCases)
  func chainsTravelTogether(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .note("b", store: 1))
    try hq.mustCommit(.note("c", store: 1))
    try hq.mustCommit(.note("b", text: "again"), .note("d", store: 1))
    try hq.mustCommit(.note("e", store: 1))
    let stretch = try hq.stretch(for: one, budget: 1)
    #expect(ids(stretch) == [["a"], ["c"], ["b", "d"]])
    #expect((stretch.through, stretch.incompleteUntil, stretch.hasMore) == (3, 0, true))
    let rest = try hq.stretch(for: one, after: stretch.through, budget: 1)
    #expect(ids(rest) == [["e"]])
  }

  @Test("FC-9 FC-11 a group in another lane that took a record along is pulled in", arguments: BackendKind.allCases)
  func chainsAcrossLanes(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .note("b", store: 1))
    try hq.mustCommit(.note("b", text: "again"), .price("p", 1))
    let normal = try hq.stretch(for: one)
    #expect(ids(normal) == [["a"], ["b", "p"]])
    #expect((normal.through, normal.incompleteUntil) == (1, 0))
    var sent = LaneMap<Sequence64>(repeating: 0)
    sent.urgent = 2
    #expect(try ids(hq.stretch(for: one, sent: sent)) == [["a"]], "the urgent lane has brought it already")
    #expect(try ids(hq.stretch(for: one, .urgent)) == [["b", "p"], ["a"]], "what b belonged to before comes along")
    sent.normal = 1
    #expect(try ids(hq.stretch(for: one, .urgent, sent: sent)) == [["b", "p"]], "it was sent already")
    // Both lanes in turn: the repetition changes nothing.
    let store = try TestNode(kind, 1)
    try hq.send(to: store, lanes: [.normal, .urgent])
    #expect(try store.store.count(of: Shop.note) == 2)
    #expect(try store.store.logHead() == 2)
  }

  @Test(
    "FC-9 FC-11 what finds no room is awaited, and the other lane's cursor says so", arguments: BackendKind.allCases)
  func awaited(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .note("b", store: 1))
    try hq.mustCommit(.note("b", text: "again"), .price("p", 1))
    let stretch = try hq.stretch(for: one, .urgent, chain: 1)
    #expect(ids(stretch) == [["b", "p"]])
    #expect(stretch.awaited == LaneMap(urgent: 0, normal: 1, bulk: 0))
    let store = try TestNode(kind, 1)
    try store.receive(
      stretch.groups, from: .hq, epoch: hq.epoch, lane: .urgent, after: 0, through: stretch.through,
      awaited: stretch.awaited)
    #expect(try store.store.receiveCursors(from: .hq, epoch: hq.epoch).normal.isIncomplete)
    try hq.send(to: store)
    #expect(try !store.store.receiveCursors(from: .hq, epoch: hq.epoch).normal.isIncomplete)
    #expect(try store.store.count(of: Shop.note) == 2)
  }

  @Test("what was brought along stays bounded: the latest of each lane") func broughtIsBounded() {
    let many = LaneMap<[Sequence64]>(urgent: [], normal: Array(1...1_500), bulk: [7])
    let more = LaneMap<[Sequence64]>(urgent: [3], normal: [1_500, 2_000], bulk: [])
    let kept = many.union(more, limit: StoreLimits.broughtCount)
    #expect(kept.normal == Array(502...1_500) + [2_000])
    #expect((kept.urgent, kept.bulk) == ([3], [7]))
    let beyond = kept.beyond(LaneMap(urgent: 3, normal: 1_499, bulk: 0), through: 1_999)
    #expect(beyond == LaneMap(urgent: [], normal: [1_500], bulk: [7]))
  }

  @Test("FC-9 FC-11 groups that came in one batch go on in one stretch", arguments: BackendKind.allCases)
  func batchMatesTravelTogether(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.price("before", 1))
    var store = Foreign(2)
    let batch = [store.group((Shop.member, "m1", [])), store.group((Shop.member, "m2", []))]
    #expect(try hq.receive(batch, from: NodeNumber(2)) == [.applied, .applied])
    try hq.mustCommit(.member("m3"))
    let stretch = try hq.stretch(for: one, budget: 1)
    #expect((ids(stretch), stretch.through, stretch.incompleteUntil) == ([["m1"], ["m2"]], 3, 0))
    #expect(try ids(hq.stretch(for: one, after: 3, budget: 1)) == [["m3"]])
    let cut = try hq.stretch(for: one, budget: 1, chain: 1)
    #expect((ids(cut), cut.through, cut.incompleteUntil) == ([["m1"]], 2, 3))
    // A later urgent group on one of them brings the whole batch.
    try hq.mustCommit(.member("m2", phone: "1"), .price("p", 1))
    #expect(try Set(ids(hq.stretch(for: one, .urgent, after: 1)).flatMap(\.self)) == ["m1", "m2", "p"])
  }

  @Test(arguments: BackendKind.allCases) func aChainBeyondTheLimitIsMarked(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("a", store: 1), .note("last", store: 1))
    for number in 0..<4 { try hq.mustCommit(.note("n\(number)", store: 1, text: String(repeating: "x", count: 500))) }
    try hq.mustCommit(.note("last", text: "end"))
    let stretch = try hq.stretch(for: one, budget: 1, chain: 600)
    #expect(stretch.through < 6)
    #expect(stretch.incompleteUntil == 6)
    let store = try TestNode(kind, 1)
    var after: Sequence64 = 0
    var marks: [Bool] = []
    while after < 6 {
      let next = try hq.stretch(for: one, after: after, budget: 1, chain: 600)
      try store.receive(
        next.groups, from: .hq, epoch: hq.epoch, after: after, through: next.through,
        incompleteUntil: next.incompleteUntil)
      after = next.through
      marks.append(try store.store.receiveCursors(from: .hq, epoch: hq.epoch).normal.isIncomplete)
    }
    #expect(
      marks.dropLast().allSatisfy { $0 }, "the first group is not whole before its last record has come: \(marks)")
    #expect(marks.last == false)
  }

  @Test(arguments: BackendKind.allCases) func pulledGroupsStayWithinTheChainLimit(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    // One group whose records each moved on with something bulky.
    let names = (0..<8).map { "n\($0)" }
    _ = try hq.store.commit([CommitDraft(names.map { .note($0, store: 1) } + [.note("x", store: 1)])], at: hq.wall)
    for name in names {
      try hq.mustCommit(
        .note(name, text: "moved"), .price("p-\(name)", 1), .photo("f-\(name)", "x", bytes: 100_000))
    }
    let stretch = try hq.stretch(for: one, chain: 250_000)
    let bytes = stretch.groups.flatMap(\.records).reduce(0) { $0 + $1.approximateByteCount }
    #expect(bytes < 250_000 + 120_000, "the largest group may come on top, no more; found \(bytes)")
  }

  @Test(arguments: BackendKind.allCases) func theBudgetEndsAStretch(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    for number in 0..<10 {
      try hq.mustCommit(.note("n\(number)", store: 1, text: String(repeating: "x", count: 1_000)))
    }
    let stretch = try hq.stretch(for: one, budget: 2_500)
    #expect(stretch.groups.count == 3, "a stretch ends as soon as the budget is reached")
    #expect((stretch.through, stretch.hasMore) == (3, true))
  }

  @Test(arguments: BackendKind.allCases) func theScanLimitEndsAStretch(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    for number in 0..<150 { try hq.mustCommit(.note("n\(number)", store: 2)) }
    try hq.mustCommit(.note("mine", store: 1))
    let first = try hq.stretch(for: one, scan: 100)
    #expect((first.groups.count, first.through, first.skipped, first.hasMore) == (0, 100, 100, true))
    let second = try hq.stretch(for: one, after: first.through, scan: 100)
    #expect((second.groups.count, second.through, second.skipped) == (1, 151, 50))
    let third = try hq.stretch(for: one, after: second.through)
    #expect((third.groups.count, third.through, third.hasMore) == (0, 151, false))
  }

  @Test(arguments: BackendKind.allCases) func acknowledgementsAreKeptByLane(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    #expect(try hq.store.acknowledged(by: one) == LaneMap(repeating: 0))
    try hq.store.noteAcknowledged(by: one, lane: .bulk, through: 4)
    try hq.store.noteAcknowledged(by: one, lane: .urgent, through: 2)
    try hq.store.noteAcknowledged(by: two, lane: .bulk, through: 9)
    #expect(try hq.store.acknowledged(by: one) == LaneMap(urgent: 2, normal: 0, bulk: 4))
  }
}
