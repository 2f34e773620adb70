import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

/// From records to batches and back.
@Suite struct PerformerTests {
  private let epoch = Epoch(rawValue: 5)

  private func store() throws -> StoreEngine<MemoryBackend> {
    let identity = NodeIdentity(replica: ReplicaID(node: NodeNumber(1), incarnation: 1), epoch: epoch)
    let store = try StoreEngine(MemoryBackend(model: .retail, identity: identity))
    for line in 1...3 as ClosedRange<UInt32> {
      let movement = StockMovement(
        document: RecordID(milliseconds: 1_700_000_000_000, random: (1, 2)), line: line, store: RecordID(number: 1),
        place: StockMovement.shelf, product: RecordID(key: "4011"), quantity: -1, reason: "sale",
        movedAt: WallTime(milliseconds: 1_700_000_000_000))
      _ = try store.commit([CommitDraft([RecordWrite(movement)])], at: WallTime(milliseconds: 1_700_000_000_000))
    }
    return store
  }

  private func request(_ lane: Lane, readsColumns: Bool = false) -> OutgoingRequest {
    OutgoingRequest(
      peer: .hq, lane: lane, after: 0, sent: LaneMap(repeating: 0), budgetBytes: SessionLimits.batchBytes,
      chainBytes: SessionLimits.chainBytes, scanLimit: SessionLimits.scanEntries, readsColumns: readsColumns)
  }

  private func decode(_ batch: Batch) -> Result<IncomingBatch, BatchCodecError> {
    SessionPerformer.decode(batch, peer: NodeNumber(1), epoch: epoch, codec: IdentityCodec())
  }

  @Test func whatIsLoadedIsWhatArrives() throws {
    let store = try store()
    let loaded = try SessionPerformer.load(request(.normal), from: store, codec: IdentityCodec())
    let batch = try #require(loaded.batch)
    #expect((batch.groupCount, batch.through, loaded.hasMore) == (3, 3, false))
    let incoming = try decode(batch).get()
    let sent = try store.outgoing(request(.normal)).groups
    #expect(incoming.groups == sent.map(IncomingGroup.decoded))
    #expect((incoming.after, incoming.through, incoming.lane, incoming.peer) == (0, 3, .normal, NodeNumber(1)))
    #expect(try BatchContents.decode(incoming.payload(1)).groups.map { try $0.get() } == [sent[1]])
    #expect(try SessionPerformer.load(request(.bulk), from: store, codec: IdentityCodec()).batch == nil)
  }

  /// What is parked of it is in rows, as ever.
  @Test func whatIsLoadedInColumnsIsWhatArrives() throws {
    let store = try store()
    let loaded = try SessionPerformer.load(request(.normal, readsColumns: true), from: store, codec: IdentityCodec())
    let batch = try #require(loaded.batch)
    #expect((batch.codec, batch.groupCount, batch.through) == (UInt64(Codec.columns.rawValue), 3, 3))
    let incoming = try decode(batch).get()
    let sent = try store.outgoing(request(.normal)).groups
    #expect(incoming.groups.map(\.group) == sent)
    #expect(incoming.payload(1) == BatchContents.encode([sent[1]]))
    var changed = batch
    changed.payload[0] = 0xFF
    guard case .failure = decode(changed) else { throw ScenarioError("expected an error") }
  }

  @Test func anEmptyBatchIsABatch() throws {
    let skip = Batch(
      lane: .normal, after: 1, through: 9, incompleteUntil: 0, codec: 0, groupCount: 0, contentsBytes: 0, payload: [])
    #expect(try decode(skip).get().groups.isEmpty)
  }

  @Test func whatBreaksTheProtocolIsAnErrorInWords() throws {
    let batch = try #require(try SessionPerformer.load(request(.normal), from: store(), codec: IdentityCodec()).batch)
    func reason(_ change: (inout Batch) -> Void) -> String? {
      var changed = batch
      change(&changed)
      guard case .failure(let error) = decode(changed) else { return nil }
      return error.reason
    }
    #expect(reason { $0.groupCount = 2 } == "found 3 groups, expected 2")
    #expect(reason { $0.codec = 77 }?.contains("codec 77") == true)
    #expect(reason { $0.contentsBytes += 1 } != nil)
    #expect(reason { $0.contentsBytes = .max } != nil)
    #expect(reason { $0.payload[0] = 0xFF } != nil)
    #expect(reason { $0.payload = [] } != nil)
    #expect(reason { $0.groupCount = 0 } != nil)
  }
}
