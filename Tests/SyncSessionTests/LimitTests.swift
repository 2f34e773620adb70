import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

/// What a session sends, the other side must be able to read, whatever the store said.
@Suite struct LimitTests {
  /// The acknowledgement of one batch with these results, as the peer reads it.
  private func acknowledgement(of results: [GroupResult]) throws -> Acknowledgement? {
    var session = SyncSession(role: .hq)
    var effects: [SessionEffect] = []
    let now = Instant(milliseconds: 0)
    let hello = Hello(
      replica: ReplicaID(node: NodeNumber(1), incarnation: 1), credential: [], epoch: Epoch(rawValue: 1),
      clock: WallTime(milliseconds: 0), peerEpoch: nil, cursors: LaneMap(repeating: 0), window: 1_000, software: "")
    let identity = NodeIdentity(replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 2))
    let admission = Admission(
      identity: identity, head: 0, clock: WallTime(milliseconds: 0), cursors: LaneMap(repeating: 0),
      resumption: LaneMap(repeating: 0))
    let batch = Batch(
      lane: .normal, after: 0, through: 1, incompleteUntil: 0, codec: 0, groupCount: UInt64(results.count),
      contentsBytes: 0, payload: [])
    let events: [SessionEvent] = [
      .opened, .received(.hello(hello)), .admitted(admission), .received(.batch(batch)),
      .stored(lane: .normal, results: results),
    ]
    for event in events { session.handle(event, at: now, into: &effects) }
    guard case .send(let message) = effects.last else { return nil }
    let bytes = message.encoded()
    #expect(bytes.count <= WireLimits.maximumFrameBytes)
    guard case .acknowledgement(let found) = try Message(decoding: bytes) else { return nil }
    return found
  }

  @Test func aLongReasonIsClippedByItsBytes() throws {
    // One character of a thousand bytes each.
    let character = "e" + String(repeating: "\u{301}", count: 500)
    let reason = String(repeating: character, count: 400)
    let found = try #require(try acknowledgement(of: [.parked(code: reason, reason: reason), .applied]))
    #expect(found.exceptions.count == 1)
    #expect(found.exceptions[0].reason.utf8.count <= SessionLimits.reasonBytes)
  }

  @Test func aShortReasonIsToldWhole() throws {
    let found = try acknowledgement(of: [.applied, .refused(code: "not-allowed", reason: "später")])
    #expect(
      found?.exceptions == [
        Acknowledgement.Exception(index: 1, outcome: .refused, code: "not-allowed", reason: "später")
      ])
  }

  /// As many poisonous groups as a batch may hold, with the longest of reasons.
  @Test func manyReasonsFitAFrame() throws {
    let result = GroupResult.parked(
      code: String(repeating: "c", count: 5_000), reason: String(repeating: "r", count: 5_000))
    let results = [GroupResult](repeating: result, count: WireLimits.maximumBatchGroups)
    #expect(try acknowledgement(of: results)?.exceptions.count == results.count)
  }

  private func linked(_ cursor: Sequence64 = 0, head: Sequence64 = 0) -> SyncSession {
    var session = SyncSession(role: .hq)
    var effects: [SessionEffect] = []
    let hello = Hello(
      replica: ReplicaID(node: NodeNumber(1), incarnation: 1), credential: [], epoch: Epoch(rawValue: 1),
      clock: WallTime(milliseconds: 0), peerEpoch: nil, cursors: LaneMap(repeating: 0), window: 1_000, software: "")
    let identity = NodeIdentity(replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 2))
    let admission = Admission(
      identity: identity, head: head, clock: WallTime(milliseconds: 0), cursors: LaneMap(repeating: 0),
      resumption: LaneMap(repeating: 0))
    for event in [.opened, .received(.hello(hello)), .admitted(admission)] as [SessionEvent] {
      session.handle(event, at: Instant(milliseconds: 0), into: &effects)
    }
    return session
  }

  /// Empty batches weigh nothing in the window, and each waits for the database.
  @Test func emptyBatchesOnTheirWayAreBounded() {
    var session = linked()
    var effects: [SessionEffect] = []
    let most = 3 * SessionLimits.windowBatches
    for number in 0...UInt64(most) where !session.isClosed {
      effects = []
      let batch = Batch(
        lane: .normal, after: number, through: number + 1, incompleteUntil: 0, codec: 0, groupCount: 0,
        contentsBytes: 0, payload: [])
      session.handle(.received(.batch(batch)), at: Instant(milliseconds: 0), into: &effects)
      #expect(session.isClosed == (number == UInt64(most)))
    }
    guard case .close(.refusedByUs(let refusal)) = effects.last else {
      Issue.record("expected a refusal, found \(effects)")
      return
    }
    #expect(refusal.code == Refusal.Code.protocolError.rawValue)
  }

  /// The other side of it: a sender waits at that many, however small they are.
  @Test func aSenderHoldsToTheBatchesOfTheWindow() {
    var session = linked(head: 10_000)
    var effects: [SessionEffect] = []
    func answer(_ event: SessionEvent) -> OutgoingRequest? {
      effects = []
      session.handle(event, at: Instant(milliseconds: 0), into: &effects)
      for case .load(let request) in effects { return request }
      return nil
    }
    func nothing(_ lane: Lane) -> SessionEvent {
      .loaded(LoadedStretch(lane: lane, after: 0, through: 0, hasMore: false, skipped: 0, batch: nil))
    }
    var request = answer(nothing(.urgent))
    var sent = 0 as UInt64
    while let next = request, next.lane == .normal, sent < 1_000 {
      let batch = Batch(
        lane: .normal, after: sent, through: sent + 1, incompleteUntil: 0, codec: 0, groupCount: 0, contentsBytes: 0,
        payload: [])
      let stretch = LoadedStretch(
        lane: .normal, after: sent, through: sent + 1, hasMore: true, skipped: 0, batch: batch)
      sent += 1
      request = answer(.loaded(stretch))
    }
    #expect(sent == UInt64(SessionLimits.windowBatches))
    #expect(request?.lane == .bulk, "the other lanes go on")
    #expect(answer(nothing(.bulk)) == nil)
    let acknowledgement = Acknowledgement(lane: .normal, through: 1, exceptions: [])
    #expect(answer(.received(.acknowledgement(acknowledgement)))?.lane == .normal)
  }

  @Test func theLimitsFitEachOther() {
    #expect(SessionLimits.silenceMilliseconds > 3 * SessionLimits.keepaliveMilliseconds)
    #expect(SessionLimits.chainBytes + ModelLimits.groupBytes < WireLimits.maximumContentsBytes)
    #expect(SessionLimits.windowSlackBytes >= UInt64(WireLimits.maximumFrameBytes))
    #expect(WireLimits.maximumContentsBytes < WireLimits.maximumFrameBytes)
    #expect(UInt64(SessionLimits.batchBytes) <= SessionLimits.windowBytes)
    #expect(SessionLimits.reasonBytes <= WireLimits.maximumTextBytes)
  }
}
