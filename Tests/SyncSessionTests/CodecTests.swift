import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

/// Columns go to those who have said that they read them, and to nobody else.
@Suite struct CodecTests {
  private let now = Instant(milliseconds: 0)

  private func hello(_ codecs: UInt64?) -> Hello {
    Hello(
      replica: ReplicaID(node: NodeNumber(1), incarnation: 1), credential: [], epoch: Epoch(rawValue: 1),
      clock: WallTime(milliseconds: 0), peerEpoch: nil, cursors: LaneMap(repeating: 0), window: 1_000, software: "",
      codecs: codecs)
  }

  private func readsColumns(_ effects: [SessionEffect]) -> Bool? {
    for case .load(let request) in effects { return request.readsColumns }
    return nil
  }

  private func welcome(_ effects: [SessionEffect]) -> Welcome? {
    for case .send(.welcome(let welcome)) in effects { return welcome }
    return nil
  }

  private func atHQ(_ store: UInt64?, hq: UInt64?) -> [SessionEffect] {
    var session = SyncSession(role: .hq)
    var effects: [SessionEffect] = []
    let identity = NodeIdentity(replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 2))
    let admission = Admission(
      identity: identity, head: 0, clock: WallTime(milliseconds: 0), cursors: LaneMap(repeating: 0),
      resumption: LaneMap(repeating: 0), codecs: hq)
    for event in [.opened, .received(.hello(hello(store))), .admitted(admission)] as [SessionEvent] {
      session.handle(event, at: now, into: &effects)
    }
    return effects
  }

  private func atStore(_ store: UInt64?, hq: UInt64?) -> [SessionEffect] {
    var session = SyncSession(role: .store(hello(store), head: 0))
    var effects: [SessionEffect] = []
    let welcome = Welcome(
      version: 1, replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 2),
      clock: WallTime(milliseconds: 0), cursors: LaneMap(repeating: 0), window: 1_000, software: "", codecs: hq)
    for event in [.opened, .received(.welcome(welcome))] as [SessionEvent] {
      session.handle(event, at: now, into: &effects)
    }
    return effects
  }

  @Test func bothReadColumns() {
    #expect(readsColumns(atHQ(Codec.readable, hq: Codec.readable)) == true)
    #expect(welcome(atHQ(Codec.readable, hq: Codec.readable))?.codecs == Codec.readable)
    #expect(readsColumns(atStore(Codec.readable, hq: Codec.readable)) == true)
  }

  @Test func anOlderStoreGetsRows() {
    let effects = atHQ(nil, hq: Codec.readable)
    #expect(readsColumns(effects) == false)
    #expect(welcome(effects) != nil && welcome(effects)?.codecs == nil)
  }

  @Test func anOlderHQGetsRows() {
    #expect(readsColumns(atStore(Codec.readable, hq: nil)) == false)
    #expect(readsColumns(atHQ(Codec.readable, hq: nil)) == false)
  }

  @Test func whoReadsOtherCodecsGetsRows() {
    #expect(readsColumns(atHQ(0b1_0011, hq: Codec.readable)) == false)
    #expect(readsColumns(atStore(Codec.readable, hq: 0b0111)) == false)
  }
}
