import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// How two nodes know each other's logs again, however often they have started since.
@Suite struct LineageTests {
  private let one = NodeNumber(1)
  private let starts = UInt64(StoreLimits.toldAncestorCount) * 3

  private func hello(of store: TestNode) throws -> Lineage {
    try store.store.noteLogShown()
    return Lineage(epoch: store.epoch, ancestors: try store.store.toldAncestors(knowing: nil))
  }

  /// Greeting, welcome, and all that either has for the other.
  private func link(_ store: TestNode, _ hq: TestNode) throws {
    let atHQ = try hq.store.meet(one, hello(of: store), resumingAt: nil)
    let known = try store.store.knownLog(of: .hq)
    try hq.store.noteLogShown()
    let log = Lineage(epoch: hq.epoch, ancestors: try hq.store.toldAncestors(knowing: known.log?.epoch))
    _ = try store.store.meet(.hq, log, resumingAt: hq.store.resumption(of: known.cursors, in: known.log))
    _ = try store.store.repairClock(
      sent: atHQ.coverage, offset: 0, correction: 0, now: store.wall, spareIncarnation: 7)
    try exchange(store, hq)
  }

  private func start(_ node: TestNode, _ epoch: UInt64) throws {
    try node.mustCommit(.note("start \(epoch)", store: 1))
    try node.store.begin(Epoch(rawValue: epoch), incarnation: nil)
  }

  @Test(
    "FC-1 HQ knows a store again whose greetings it has not answered for many starts", arguments: BackendKind.allCases)
  func unansweredGreetings(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.note("a", store: 1))
    try link(store, hq)
    for number in 1...starts {
      _ = try hello(of: store)
      try start(store, 100 + number)
    }
    let log = try hello(of: store)
    #expect(log.ancestors.count == StoreLimits.toldAncestorCount)
    let standing = try hq.store.standing(of: one, in: log, resumingAt: nil)
    #expect(!standing.hasLost)
    #expect(standing.cursors.normal == 1, "what it has had of the store")
  }

  @Test("FC-25 HQ knows a backup of a store again that is many starts old", arguments: BackendKind.allCases)
  func oldBackup(_ kind: BackendKind) throws {
    let (hq, store, backup) = (try TestNode(kind, 0), try TestNode(kind, 1), try TestNode(kind, 1))
    let twin = try TestNode(kind, 0)
    for (store, hq) in [(store, hq), (backup, twin)] {
      try store.mustCommit(.note("a", store: 1))
      try link(store, hq)
    }
    for number in 1...starts {
      try start(store, 100 + number)
      try link(store, hq)
    }
    try backup.store.begin(Epoch(rawValue: 99), incarnation: nil)
    try backup.mustCommit(.note("new", store: 1))
    let standing = try hq.store.standing(of: one, in: hello(of: backup), resumingAt: nil)
    #expect(standing.hasLost)
    #expect(standing.cursors.normal == 1, "what both have")
  }

  @Test("FC-31 a store knows HQ's log again after many starts of HQ", arguments: BackendKind.allCases)
  func absentStore(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("a", store: 1))
    try link(store, hq)
    for number in 1...starts {
      try hq.store.noteLogShown()
      try start(hq, 200 + number)
    }
    let known = try store.store.knownLog(of: .hq)
    let told = Lineage(epoch: known.log?.epoch ?? hq.epoch, ancestors: known.log?.told(keeping: nil) ?? [])
    #expect(try hq.store.resumption(of: known.cursors, in: told).normal == 1)
    let log = Lineage(epoch: hq.epoch, ancestors: try hq.store.toldAncestors(knowing: told.epoch))
    #expect(log.ancestors.count == StoreLimits.toldAncestorCount)
    let meeting = try store.store.meet(.hq, log, resumingAt: nil)
    #expect(!meeting.hasLost)
    #expect(meeting.cursors.normal == 1)
  }

  @Test("what is known of a peer's log goes on where what it tells ends, up to a bound")
  func remembering() {
    func lineage(_ epoch: UInt64, _ ancestors: [(UInt64, UInt64)]) -> Lineage {
      Lineage(
        epoch: Epoch(rawValue: epoch),
        ancestors: ancestors.map { Lineage.Ancestor(epoch: Epoch(rawValue: $0.0), end: $0.1) })
    }
    let known = lineage(9, [(7, 70), (5, 50), (3, 30)])
    #expect(
      lineage(11, [(10, 95), (9, 90)]).remembering(known)
        == lineage(11, [(10, 95), (9, 90), (7, 70), (5, 50), (3, 30)]))
    #expect(lineage(9, []).remembering(known) == known)
    #expect(
      lineage(6, [(5, 45)]).remembering(known) == lineage(6, [(5, 45), (3, 30)]), "a backup: not what came after it")
    #expect(lineage(11, [(9, 90), (3, 30)]).remembering(known) == lineage(11, [(9, 90), (7, 70), (5, 50), (3, 30)]))
    #expect(lineage(2, [(1, 10)]).remembering(known) == lineage(2, [(1, 10)]), "another log")
    let most = StoreLimits.ancestorCount
    let long = lineage(1, (0..<UInt64(most)).map { (1_000_000 - $0, 1_000_000 - $0) })
    #expect(lineage(2, [(1, 2_000_000)]).remembering(long).ancestors.count == most)
  }
}
