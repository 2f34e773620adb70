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
      identity: identity, head: 0, clock: WallTime(milliseconds: 0), cursors: LaneMap(repeating: 0))
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

  @Test func theLimitsFitEachOther() {
    #expect(SessionLimits.silenceMilliseconds > 3 * SessionLimits.keepaliveMilliseconds)
    #expect(SessionLimits.chainBytes + ModelLimits.groupBytes < WireLimits.maximumContentsBytes)
    #expect(SessionLimits.windowSlackBytes >= UInt64(WireLimits.maximumFrameBytes))
    #expect(WireLimits.maximumContentsBytes < WireLimits.maximumFrameBytes)
    #expect(UInt64(SessionLimits.batchBytes) <= SessionLimits.windowBytes)
    #expect(SessionLimits.reasonBytes <= WireLimits.maximumTextBytes)
  }
}
