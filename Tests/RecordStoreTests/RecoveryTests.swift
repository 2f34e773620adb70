import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

extension [Restamping] {
  fileprivate var times: [HybridTimestamp] { flatMap(\.names.keys).sorted() }
}

/// Databases that were put back to an earlier state, and clocks that were wrong.
///
/// Where a test speaks of a restored node, it makes a second one by the same steps up to the backup: the same identity,
/// the same stamps.
@Suite struct RecoveryTests {
  private let one = NodeNumber(1)

  /// What the first greeting of a link does at both ends.
  private func meet(_ store: TestNode, _ hq: TestNode) throws -> (atHQ: Meeting, atStore: Meeting) {
    try store.store.noteLogShown()
    try hq.store.noteLogShown()
    let known = try store.store.knownLog(of: .hq)
    let atHQ = try hq.store.meet(store.number, store.store.lineage(), resumingAt: nil)
    let resumption = try hq.store.resumption(of: known.cursors, in: known.log)
    let atStore = try store.store.meet(.hq, hq.store.lineage(), resumingAt: resumption)
    return (atHQ, atStore)
  }

  private func link(_ store: TestNode, _ hq: TestNode) throws {
    _ = try meet(store, hq)
    try exchange(store, hq)
  }

  private func expectEqual(
    _ nodes: TestNode..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for node in nodes.dropFirst() {
      for entity in Shop.model.entities {
        let left = try nodes[0].store.records(of: entity.tag, after: nil, limit: 1_000)
        let right = try node.store.records(of: entity.tag, after: nil, limit: 1_000)
        #expect(left == right, sourceLocation: sourceLocation)
      }
      #expect(try nodes[0].store.balances("account_sum") == node.store.balances("account_sum"))
    }
  }

  private func visit(_ id: String, _ count: Int64) -> RecordWrite {
    RecordWrite(entity: Shop.note, id: RecordID(key: id), .write([FieldWrite(Note.count, .add(count))]))
  }

  /// A store until its backup, and HQ after what it has heard of the store until then.
  private func untilBackup(_ kind: BackendKind, with hq: TestNode?) throws -> TestNode {
    let store = try TestNode(kind, 1)
    let twin = try hq ?? TestNode(kind, 0)
    try store.mustCommit(.note("a", store: 1, text: "one"), .entry("e1", store: 1, "cash", 100))
    try store.mustCommit(visit("a", 1))
    try link(store, twin)
    try store.mustCommit(.entry("e2", store: 1, "cash", 20))
    try store.mustCommit(visit("a", 2))
    return store
  }

  @Test(
    "FC-25 a restored store that knows it: what it lost comes back, what it writes is new",
    arguments: BackendKind.allCases)
  func restoredAndNoticed(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let lost = try untilBackup(kind, with: hq)
    try lost.mustCommit(.entry("e3", store: 1, "cash", 3), visit("a", 4))
    try lost.mustCommit(.note("a", text: "lost"))
    try link(lost, hq)
    let restored = try untilBackup(kind, with: nil)
    try restored.store.begin(Epoch(rawValue: 77), incarnation: 2)
    try restored.mustCommit(.entry("e4", store: 1, "cash", 5), visit("a", 8))
    let meeting = try meet(restored, hq)
    #expect(meeting.atHQ.hasLost)
    #expect(meeting.atHQ.cursors.normal < (try restored.store.logHead()))
    try exchange(restored, hq)
    try expectEqual(restored, hq)
    #expect(try hq.balance(1, "cash") == 128)
    #expect(try hq.shown(Shop.note, "a", Note.count) == .counter(15))
    #expect(try restored.value(Shop.note, "a", Note.text) == .text("lost"))
  }

  @Test(
    "FC-25 a store that nothing local tells: HQ finds out, and what was never sent takes a new incarnation",
    arguments: BackendKind.allCases)
  func restoredAndNoticedAtContact(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let lost = try untilBackup(kind, with: hq)
    try lost.mustCommit(.entry("e3", store: 1, "cash", 3), visit("a", 4), .note("b", store: 1, text: "lost"))
    try lost.mustCommit(.note("a", text: "lost"))
    try link(lost, hq)
    // The machine goes back to its snapshot, and the shop sells on.
    let restored = try untilBackup(kind, with: nil)
    restored.wall = restored.wall.advanced(byMilliseconds: 3_600_000)
    try restored.store.begin(Epoch(rawValue: 78), incarnation: nil)
    try restored.mustCommit(.entry("e4", store: 1, "cash", 5), visit("a", 8))
    try restored.mustCommit(.note("a", [FieldWrite(Note.remark, .set(.text("new")))]))
    let meeting = try meet(restored, hq)
    #expect(meeting.atHQ.hasLost, "HQ has more of this log than the store")
    let count = try restored.store.repairUnsent(
      UnsentRepair(sent: meeting.atHQ.coverage, incarnation: 3, clock: nil))
    #expect(count.commitCount == 2, "what was unsent at the backup HQ has had of the one that is lost")
    #expect(restored.store.identity.replica == ReplicaID(node: one, incarnation: 3))
    try link(restored, hq)
    try expectEqual(restored, hq)
    #expect(try hq.balance(1, "cash") == 128)
    #expect(try restored.value(Shop.note, "a", Note.text) == .text("lost"), "not overwritten by what never saw it")
    #expect(try hq.value(Shop.note, "a", Note.remark) == .text("new"))
    #expect(try restored.value(Shop.note, "b", Note.text) == .text("lost"))
    try restored.mustCommit(visit("a", 16))
    try exchange(restored, hq)
    try expectEqual(restored, hq)
  }

  @Test("a counter's sent part stays with the incarnation that sent it", arguments: BackendKind.allCases)
  func counters(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("a", store: 1), .note("b", store: 1))
    try store.mustCommit(visit("a", 5))
    try link(store, hq)
    for lane in Lane.allCases {
      try store.store.noteAcknowledged(by: .hq, lane: lane, through: store.store.logHead())
    }
    try store.mustCommit(visit("a", 7), visit("b", 1))
    try store.mustCommit(visit("a", -2))
    let sent = try meet(store, hq).atHQ.coverage
    #expect(try store.store.repairUnsent(UnsentRepair(sent: sent, incarnation: 2, clock: nil)).commitCount == 2)
    let shares = try #require(try store.state(Shop.note, "a")?.content(of: Note.count)?.shares)
    #expect(shares.map(\.sum) == [5, 5])
    #expect(shares.map(\.stamp.replica.incarnation) == [1, 2])
    try link(store, hq)
    try expectEqual(store, hq)
    #expect(try hq.shown(Shop.note, "a", Note.count) == .counter(10))
    #expect(try hq.shown(Shop.note, "b", Note.count) == .counter(1))
  }

  @Test(
    "FC-26 an HQ that was restored: stores go on from the last common point, and give back what it lost",
    arguments: BackendKind.allCases)
  func restoredHQ(_ kind: BackendKind) throws {
    func untilBackup(_ store: TestNode) throws -> TestNode {
      let hq = try TestNode(kind, 0)
      try hq.mustCommit(.price("p", 100), .note("n", store: 1, text: "from HQ"))
      try store.mustCommit(.entry("e1", store: 1, "cash", 100))
      try link(store, hq)
      return hq
    }
    let store = try TestNode(kind, 1)
    let lost = try untilBackup(store)
    try lost.store.begin(Epoch(rawValue: 50), incarnation: nil)
    try store.mustCommit(.entry("e2", store: 1, "cash", 20), .note("n", text: "from the store"))
    try lost.mustCommit(.price("q", 7))
    try link(store, lost)
    let hq = try untilBackup(TestNode(kind, 1))
    try hq.store.begin(Epoch(rawValue: 60), incarnation: 2)
    try hq.mustCommit(.price("r", 9))
    try hq.mustCommit(.price("s", 9))
    let meeting = try meet(store, hq)
    #expect(meeting.atStore.hasLost)
    #expect(meeting.atStore.cursors.urgent == 2, "not from the beginning")
    try exchange(store, hq)
    #expect(try hq.balance(1, "cash") == 120)
    #expect(try store.value(Shop.price, "r", Price.amount) == .integer(9))
    #expect(try store.value(Shop.price, "s", Price.amount) == .integer(9))
    #expect(try hq.value(Shop.note, "n", Note.text) == .text("from the store"))
  }

  @Test("an epoch that nobody was told of is not remembered, and those that are stay bounded")
  func ancestorsAreBounded() throws {
    let store = try TestNode(.sqlite, 1)
    let first = store.epoch
    try store.store.begin(Epoch(rawValue: 1), incarnation: nil)
    #expect(try store.store.lineage().ancestors.map(\.epoch) == [first], "the first may have been told")
    try store.store.begin(Epoch(rawValue: 2), incarnation: nil)
    #expect(try store.store.lineage().ancestors.map(\.epoch) == [first])
    let last = UInt64(StoreLimits.ancestorCount) + 20
    for number in 3...last {
      try store.store.noteLogShown()
      try store.mustCommit(.note("a", store: 1, text: "\(number)"))
      try store.store.begin(Epoch(rawValue: 9_000 + number), incarnation: nil)
    }
    let lineage = try store.store.lineage()
    #expect(lineage.ancestors.count == StoreLimits.ancestorCount)
    #expect(lineage.ancestors.first == Lineage.Ancestor(epoch: Epoch(rawValue: 9_000 + last - 1), end: last - 2))
    #expect(lineage.end(of: Epoch(rawValue: 9_030)) == 29)
    #expect(lineage.end(of: first) == nil)
    #expect(try store.store.toldAncestors(knowing: nil).count == StoreLimits.toldAncestorCount)
  }

  @Test("FC-21 unsent stamps of a clock that was ahead are set right, in order", arguments: BackendKind.allCases)
  func clockAhead(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("a", store: 1, text: "right"))
    try link(store, hq)
    let now = store.wall
    let year: Int64 = 365 * 86_400_000
    store.wall = now.advanced(byMilliseconds: year)
    try store.mustCommit(.note("a", text: "a year ahead"))
    try store.mustCommit(.note("a", [FieldWrite(Note.remark, .set(.text("later")))]))
    store.wall = now.advanced(byMilliseconds: 60_000)
    let meeting = try meet(store, hq)
    let repaired = try store.store.repairUnsent(
      UnsentRepair(
        sent: meeting.atHQ.coverage, incarnation: nil, clock: ClockRepair(offset: -year, now: store.wall)
      ))
    #expect(repaired.commitCount == 2)
    let stamp = try store.mustCommit(.note("a", [FieldWrite(Note.status, .set(.text("open")))]))
    #expect(stamp.time.wall == store.wall, "the clock is back as well")
    hq.wall = store.wall.advanced(byMilliseconds: 1_000)
    try hq.mustCommit(.note("a", text: "HQ's, a little later"))
    try exchange(store, hq)
    try expectEqual(store, hq)
    #expect(try store.value(Shop.note, "a", Note.text) == .text("HQ's, a little later"))
  }

  /// Were they behind it, HQ would take what it has for the later.
  @Test("FC-21 repaired stamps stay ahead of those that HQ has seen", arguments: BackendKind.allCases)
  func neverBehindWhatWasSent(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    let now = store.wall
    // Off, but not by so much that what was sent so is an offence: the replica stays.
    store.wall = now.advanced(byMilliseconds: StoreLimits.clockRepairMilliseconds - 60_000)
    let sent = try store.mustCommit(.note("a", store: 1, text: "sent"))
    try link(store, hq)
    let ahead = 2 * StoreLimits.clockRepairMilliseconds
    store.wall = now.advanced(byMilliseconds: ahead)
    try store.mustCommit(.note("a", text: "unsent"))
    try store.mustCommit(.note("a", text: "last"))
    store.wall = now.advanced(byMilliseconds: 10_000)
    let meeting = try meet(store, hq)
    let repaired = try store.store.repairClock(
      sent: meeting.atHQ.coverage, offset: -ahead, correction: 0, now: store.wall, spareIncarnation: 2)
    let names = try #require(repaired).flatMap(\.names.values)
    #expect(names.count == 2)
    #expect(names.allSatisfy { $0.time > sent.time && $0.replica == sent.replica })
    let next = try store.mustCommit(.note("a", [FieldWrite(Note.status, .set(.text("open")))]))
    #expect(names.allSatisfy { $0.time < next.time })
    try exchange(store, hq)
    try expectEqual(store, hq)
    #expect(try hq.value(Shop.note, "a", Note.text) == .text("last"))
  }

  @Test(
    "FC-21 a commit that comes back from HQ under its own stamp is not taken for unsent",
    arguments: BackendKind.allCases)
  func mergedAndSentBack(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("a", store: 1, text: "first"))
    try link(store, hq)
    try hq.mustCommit(.note("a", [FieldWrite(Note.remark, .set(.text("HQ's")))]))
    let stamp = try store.mustCommit(visit("a", 1))
    try link(store, hq)
    let sent = try meet(store, hq).atHQ.coverage
    let repaired = try store.store.repairUnsent(
      UnsentRepair(sent: sent, incarnation: nil, clock: ClockRepair(offset: 1_000_000, now: store.wall)))
    #expect(repaired.commitCount == 0, "HQ has all of it, \(stamp) too")
    try link(store, hq)
    try expectEqual(store, hq)
    #expect(try hq.shown(Shop.note, "a", Note.count) == .counter(1))
  }

  private func photo(_ id: String, part: Int, _ text: String) -> RecordWrite {
    RecordWrite(
      entity: Shop.photo, id: RecordID(key: id), .write([FieldWrite(Photo.parts[part], .set(.text(text)))]))
  }

  @Test(
    "FC-21 what another lane brought along is not taken for unsent; HQ knows it by the sender's word",
    arguments: BackendKind.allCases)
  func broughtAlong(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    _ = try meet(store, hq)
    let needed = try store.mustCommit(photo("p", part: 0, "needed by the next"))
    try store.mustCommit(.note("a", store: 1), photo("p", part: 1, "in the normal lane"), photo("q", part: 0, "x"))
    let followed = try store.mustCommit(photo("q", part: 1, "follows the one before"))
    try store.send(to: hq, lanes: [.normal])
    let meeting = try meet(store, hq)
    #expect(meeting.atHQ.cursors == LaneMap(urgent: 0, normal: 2, bulk: 0))
    #expect(meeting.atHQ.brought == LaneMap(urgent: [], normal: [], bulk: [1, 3]))
    let unsent = try store.mustCommit(photo("q", part: 2, "unsent"), visit("a", 1))
    let last = try store.mustCommit(photo("q", part: 3, "unsent, in the bulk lane"))
    let repaired = try store.store.repairUnsent(
      UnsentRepair(sent: meeting.atHQ.coverage, incarnation: 9, clock: nil))
    #expect(repaired.times == [unsent.time, last.time], "not \(needed), not \(followed)")
    try link(store, hq)
    try expectEqual(store, hq)
    #expect(try meet(store, hq).atHQ.brought.isEmpty, "its own lane has passed it")
  }

  @Test("what was brought along ends where a restored log does", arguments: BackendKind.allCases)
  func broughtBeyondTheFork(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    func untilBackup(_ peer: TestNode?) throws -> TestNode {
      let store = try TestNode(kind, 1)
      try store.mustCommit(photo("p", part: 0, "before"))
      _ = try meet(store, peer ?? TestNode(kind, 0))
      return store
    }
    let lost = try untilBackup(hq)
    try lost.store.begin(Epoch(rawValue: 50), incarnation: nil)
    try lost.mustCommit(photo("q", part: 0, "lost"))
    try lost.mustCommit(.note("a", store: 1), photo("p", part: 1, "lost"), photo("q", part: 1, "lost"))
    _ = try meet(lost, hq)
    try lost.send(to: hq, lanes: [.normal])
    #expect(try meet(lost, hq).atHQ.brought.bulk == [1, 2])
    let restored = try untilBackup(nil)
    try restored.store.begin(Epoch(rawValue: 60), incarnation: nil)
    let new = try restored.mustCommit(photo("r", part: 0, "new"))
    let meeting = try meet(restored, hq)
    #expect(meeting.atHQ.hasLost)
    #expect(meeting.atHQ.brought.bulk == [1], "2 is another commit now")
    let repaired = try restored.store.repairUnsent(
      UnsentRepair(sent: meeting.atHQ.coverage, incarnation: 9, clock: nil))
    #expect(repaired.times == [new.time])
  }

  @Test("FC-25 what comes back of another life is not taken for unsent", arguments: BackendKind.allCases)
  func ownStampFromElsewhere(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    func untilBackup(_ peer: TestNode?) throws -> TestNode {
      let store = try TestNode(kind, 1)
      try store.mustCommit(.note("a", store: 1, text: "before"))
      try link(store, peer ?? TestNode(kind, 0))
      return store
    }
    let lost = try untilBackup(hq)
    try lost.store.begin(Epoch(rawValue: 50), incarnation: nil)
    try lost.mustCommit(.note("a", [FieldWrite(Note.remark, .set(.text("lost")))]))
    try link(lost, hq)
    let restored = try untilBackup(nil)
    restored.wall = restored.wall.advanced(byMilliseconds: 100_000)
    try restored.store.begin(Epoch(rawValue: 60), incarnation: nil)
    let new = try restored.mustCommit(.note("a", text: "new"))
    let first = try meet(restored, hq)
    // HQ's record meets what is unsent here, and goes on under the stamp of the other life.
    try hq.send(to: restored)
    let repaired = try restored.store.repairUnsent(
      UnsentRepair(sent: first.atHQ.coverage, incarnation: 9, clock: nil))
    #expect(repaired.times == [new.time])
    try link(restored, hq)
    try expectEqual(restored, hq)
  }

  @Test("a counter's unsent part is told by the commits, whatever their lanes", arguments: BackendKind.allCases)
  func countersAcrossLanes(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("b", store: 1), photo("p", part: 0, "x"))
    try link(store, hq)
    for lane in Lane.allCases {
      try store.store.noteAcknowledged(by: .hq, lane: lane, through: 1)
    }
    try store.mustCommit(.note("a", store: 1), visit("a", 5))
    try store.mustCommit(photo("p", part: 1, "y"))
    try store.send(to: hq, lanes: [.bulk])
    try store.mustCommit(visit("a", 7))
    let meeting = try meet(store, hq)
    #expect(meeting.atHQ.cursors == LaneMap(urgent: 0, normal: 1, bulk: 3))
    let count = try store.store.repairUnsent(
      UnsentRepair(sent: meeting.atHQ.coverage, incarnation: 2, clock: nil)
    ).commitCount
    #expect(count == 2)
    let shares = try #require(try store.state(Shop.note, "a")?.content(of: Note.count)?.shares)
    #expect(shares.map(\.sum) == [12])
    try link(store, hq)
    try expectEqual(store, hq)
  }

  @Test("a repair that changes what a record shows changes its clash", arguments: BackendKind.allCases)
  func repairedClash(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    try hq.mustCommit(.member("m1", phone: "1"), .member("m2", phone: "2"))
    try link(store, hq)
    // The store's clock is a day ahead: its change of m2 shows as long as it is.
    let now = store.wall
    store.wall = now.advanced(byMilliseconds: 86_400_000)
    try store.mustCommit(.member("m2", phone: "3"))
    hq.wall = now.advanced(byMilliseconds: 600_000)
    try hq.mustCommit(.member("m2", phone: "1"))
    let meeting = try meet(store, hq)
    try hq.send(to: store)
    #expect(try !store.cases().contains { $0.subject.kind == .unique })
    _ = try store.store.repairUnsent(
      UnsentRepair(
        sent: meeting.atHQ.coverage, incarnation: nil, clock: ClockRepair(offset: -86_400_000, now: hq.wall)))
    #expect(try store.value(Shop.member, "m2", Member.phone) == .text("1"))
    #expect(try store.cases().contains { $0.subject.kind == .unique }, "m1 and m2 share a phone now")
  }

  @Test(
    "FC-25 one backup restored twice, the first time without a link: HQ knows what it had",
    arguments: BackendKind.allCases)
  func oneBackupTwice(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    func untilBackup() throws -> TestNode {
      let store = try TestNode(kind, 1)
      try store.store.begin(Epoch(rawValue: 5), incarnation: nil)
      try store.mustCommit(.note("a", store: 1), visit("a", 1))
      return store
    }
    let lost = try untilBackup()
    try lost.store.begin(Epoch(rawValue: 50), incarnation: nil)
    try lost.mustCommit(visit("a", 2))
    try link(lost, hq)
    let restored = try untilBackup()
    restored.wall = restored.wall.advanced(byMilliseconds: 100_000)
    try restored.store.begin(Epoch(rawValue: 60), incarnation: nil)
    let new = try restored.mustCommit(visit("a", 4))
    let meeting = try meet(restored, hq)
    #expect(meeting.atHQ.hasLost)
    let repaired = try restored.store.repairUnsent(
      UnsentRepair(sent: meeting.atHQ.coverage, incarnation: 9, clock: nil))
    #expect(repaired.times == [new.time], "HQ has had the first of the other life")
    try link(restored, hq)
    try expectEqual(restored, hq)
    #expect(try hq.shown(Shop.note, "a", Note.count) == .counter(7))
  }

  /// Two disks of one store, each with a commit of its own, and one that both have from before.
  private func twoDisks(_ kind: BackendKind, _ hq: TestNode) throws -> (first: TestNode, second: TestNode) {
    func common() throws -> TestNode {
      let store = try TestNode(kind, 1)
      try store.store.begin(Epoch(rawValue: 5), incarnation: nil)
      try store.mustCommit(.note("a", store: 1), visit("a", 1))
      return store
    }
    let first = try common()
    try link(first, hq)
    try first.store.begin(Epoch(rawValue: 50), incarnation: nil)
    try first.mustCommit(visit("a", 2))
    try link(first, hq)
    let second = try common()
    second.wall = second.wall.advanced(byMilliseconds: 100_000)
    try second.store.begin(Epoch(rawValue: 60), incarnation: 2)
    try second.mustCommit(visit("a", 4))
    try link(second, hq)
    return (first, second)
  }

  @Test(
    "FC-27 FC-28 two copies of a disk take turns: HQ knows what it has had of each, and a counter counts it once",
    arguments: BackendKind.allCases)
  func copiesTakeTurns(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let (first, second) = try twoDisks(kind, hq)
    for (turn, copy) in [first, second, first, second].enumerated() {
      copy.wall = copy.wall.advanced(byMilliseconds: 1_000_000)
      try copy.store.begin(Epoch(rawValue: UInt64(100 + turn)), incarnation: nil)
      let unsent = try copy.mustCommit(visit("a", 100))
      let meeting = try meet(copy, hq)
      #expect(meeting.atHQ.hasLost, "HQ has more of the other disk")
      let repaired = try copy.store.repairUnsent(
        UnsentRepair(sent: meeting.atHQ.coverage, incarnation: UInt32(10 + turn), clock: nil))
      #expect(repaired.times == [unsent.time], "what this disk has sent before keeps its name")
      try link(copy, hq)
      try expectEqual(copy, hq)
    }
    #expect(try hq.shown(Shop.note, "a", Note.count) == .counter(407))
  }

  @Test(
    "HQ forgets a disk that has come again with all of it, and keeps no more than it may",
    arguments: BackendKind.allCases)
  func partedLogsAreBounded(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let (first, _) = try twoDisks(kind, hq)
    #expect(try hq.backend.partedLogs(of: one).map(\.log.epoch.rawValue) == [50])
    try link(first, hq)
    #expect(try hq.backend.partedLogs(of: one).map(\.log.epoch.rawValue) == [60], "the second is away now")
    for number in 200...230 as ClosedRange<UInt64> {
      let other = try TestNode(kind, 1)
      try other.store.begin(Epoch(rawValue: number), incarnation: UInt32(number))
      try other.mustCommit(.note("n\(number)", store: 1))
      try link(other, hq)
    }
    let kept = try hq.backend.partedLogs(of: one)
    #expect(kept.count == StoreLimits.partedLogCount)
    #expect(kept.first?.log.epoch.rawValue == 229, "the latest is kept")
  }

  @Test("starts without a link do not push out the epochs that peers know")
  func hiddenAncestorsAreBounded() throws {
    let store = try TestNode(.sqlite, 1)
    try store.store.begin(Epoch(rawValue: 1), incarnation: nil)
    try store.store.noteLogShown()
    for number in 2...40 as ClosedRange<UInt64> {
      try store.mustCommit(.note("a", store: 1, text: "\(number)"))
      try store.store.begin(Epoch(rawValue: number), incarnation: nil)
    }
    let lineage = try store.store.lineage()
    #expect(lineage.end(of: Epoch(rawValue: 1)) == 1, "the last that a peer was told of")
    #expect(lineage.end(of: Epoch(rawValue: 39)) == 39)
    #expect(lineage.ancestors.count <= StoreLimits.hiddenAncestorCount + 2)
  }

  @Test("FC-21 HQ takes no stamp far ahead of its clock, but what it has already", arguments: BackendKind.allCases)
  func stampsAhead(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    hq.store.stampAheadMilliseconds = StoreLimits.stampAheadMilliseconds
    let store = try TestNode(kind, 1)
    try store.mustCommit(photo("p", part: 0, "brought along with the next"))
    try store.mustCommit(.note("a", store: 1), photo("p", part: 1, "x"))
    hq.wall = store.wall
    try store.send(to: hq, lanes: [.normal])
    // HQ's clock goes back by an hour: the bulk lane brings what HQ has.
    hq.wall = hq.wall.advanced(byMilliseconds: -3_600_000)
    try store.send(to: hq)
    #expect(try hq.store.receiveCursors(from: one, epoch: store.epoch).bulk.through == 1)
    try store.mustCommit(.note("a", text: "new"))
    #expect(throws: StoreError.self) { try store.send(to: hq) }
    #expect(try hq.store.receiveCursors(from: one, epoch: store.epoch).normal.through == 2, "it stays where it was")
    // Nor hidden in a record, under a group's stamp that is none of the store's.
    var liar = Foreign(1, at: hq.wall.milliseconds + 86_400_000)
    var lie = liar.note("lie", store: 1, text: "a day ahead")
    lie.stamp = Stamp(time: HybridTimestamp(wall: hq.wall), replica: ReplicaID(node: .hq, incarnation: 1))
    #expect(throws: StoreError.self) { try hq.receive([lie], from: one, epoch: store.epoch) }
    hq.wall = store.wall
    try store.send(to: hq)
    try expectEqual(store, hq)
  }

  @Test(
    "FC-21 what an earlier incarnation wrote with a wrong clock is set right as well", arguments: BackendKind.allCases)
  func repairsEarlierIncarnations(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    hq.store.stampAheadMilliseconds = StoreLimits.stampAheadMilliseconds
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("a", store: 1), visit("a", 1))
    try link(store, hq)
    let now = store.wall
    let year: Int64 = 365 * 86_400_000
    store.wall = now.advanced(byMilliseconds: year)
    let first = try store.mustCommit(visit("a", 2), .note("a", text: "a year ahead"))
    try store.store.begin(Epoch(rawValue: 5), incarnation: 2)
    let second = try store.mustCommit(visit("a", 4), .note("a", text: "still ahead"))
    hq.wall = now.advanced(byMilliseconds: 60_000)
    let meeting = try meet(store, hq)
    let repaired = try #require(
      try store.store.repairClock(
        sent: meeting.atHQ.coverage, offset: -year, correction: 0, now: hq.wall, spareIncarnation: 3))
    #expect(repaired.times == [first.time, second.time])
    store.wall = hq.wall
    try exchange(store, hq)
    try expectEqual(store, hq)
    #expect(try hq.shown(Shop.note, "a", Note.count) == .counter(7))
    #expect(try hq.value(Shop.note, "a", Note.text) == .text("still ahead"), "the later one of both")
    let stamps = try #require(try hq.state(Shop.note, "a")).vector.entries.map(\.time.wall)
    #expect(stamps.allSatisfy { $0 <= hq.wall.advanced(byMilliseconds: 1_000) })
  }

  @Test("FC-21 what a measured clock has stamped keeps its time", arguments: BackendKind.allCases)
  func measuredOnce(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let store = try TestNode(kind, 1)
    let day: Int64 = 86_400_000
    let now = store.wall
    func repair(offset: Int64, at true_: WallTime) throws -> [HybridTimestamp] {
      let sent = try meet(store, hq).atHQ.coverage
      return try store.store.repairClock(sent: sent, offset: offset, correction: 0, now: true_, spareIncarnation: 9)?
        .times ?? []
    }
    // The raw clock is a day behind; what it stamps before it is measured is set right once.
    store.wall = now.advanced(byMilliseconds: -day)
    let raw = try store.mustCommit(.note("a", store: 1, text: "raw"))
    #expect(try repair(offset: day, at: now) == [raw.time])
    // Corrected from now on: nothing is left to be set right, neither now nor after a restart.
    store.wall = now
    let right = try store.mustCommit(.note("b", store: 1, text: "corrected"))
    #expect(try repair(offset: 0, at: store.wall).isEmpty)
    try store.store.begin(Epoch(rawValue: 8), incarnation: nil)
    store.wall = now.advanced(byMilliseconds: -day)
    let again = try store.mustCommit(.note("c", store: 1, text: "raw again"))
    #expect(again.time > right.time, "the order stays, whatever the clock says")
    #expect(try repair(offset: day, at: now.advanced(byMilliseconds: 60_000)) == [again.time])
    let stamps = try ["a", "b", "c"].map { id in
      let state = try store.state(Shop.note, id)
      return try #require(state).vector.entries[0].time.wall
    }
    #expect(stamps == stamps.sorted())
    for stamp in stamps { #expect(abs(stamp.milliseconds(since: now)) <= 120_000) }
    hq.wall = now
    try exchange(store, hq)
    try expectEqual(store, hq)
  }

  @Test(
    "FC-26 a restored HQ counts as a store's again what the store has let go of: it comes back, under another incarnation",
    arguments: BackendKind.allCases)
  func letGoBeforeTheLoss(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    func untilBackup(_ peer: TestNode) throws -> TestNode {
      let hq = try TestNode(kind, 0)
      try hq.mustCommit(.note("n", store: 1, text: "x"), .price("p", 1))
      try link(peer, hq)
      return hq
    }
    let lost = try untilBackup(store)
    try lost.store.begin(Epoch(rawValue: 50), incarnation: nil)
    // The store hands the record over, and lets go of it; then HQ's database is put back.
    try store.mustCommit(.note("n", store: 2))
    try lost.mustCommit(.price("q", 7))
    try link(store, lost)
    #expect(try store.state(Shop.note, "n") == nil)
    let hq = try untilBackup(TestNode(kind, 1))
    try hq.store.begin(Epoch(rawValue: 60), incarnation: 2)
    try hq.mustCommit(.note("n", text: "edited since"))
    try store.store.noteLogShown()
    try hq.store.noteLogShown()
    let known = try store.store.knownLog(of: .hq)
    _ = try hq.store.meet(one, store.store.lineage(), resumingAt: nil)
    let meeting = try store.store.meet(
      .hq, hq.store.lineage(), resumingAt: hq.store.resumption(of: known.cursors, in: known.log), spareIncarnation: 7)
    #expect(meeting.hasLost)
    #expect(store.store.identity.replica.incarnation == 7)
    try exchange(store, hq)
    #expect(try store.value(Shop.note, "n", Note.text) == .text("edited since"))
    try store.mustCommit(.note("n", [FieldWrite(Note.remark, .set(.text("and at the store")))]))
    try exchange(store, hq)
    #expect(try store.state(Shop.note, "n") == hq.state(Shop.note, "n"))
    #expect(try store.store.meet(.hq, hq.store.lineage(), resumingAt: nil, spareIncarnation: 8).hasLost == false)
    #expect(store.store.identity.replica.incarnation == 7, "only once")
  }
}
