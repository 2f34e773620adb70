import Base
import Causality
import Merge
import RecordStore
import Simulation
import StoreModel

/// A record store that does all but one thing right.
final class SabotagedStore: RecordStore {
  private let engine: StoreEngine<SimulatedDisk>
  private let sabotage: SabotageTests.Sabotage
  private var groups = 0

  init(_ engine: StoreEngine<SimulatedDisk>, _ sabotage: SabotageTests.Sabotage) {
    self.engine = engine
    self.sabotage = sabotage
  }

  func apply(_ batch: IncomingBatch, at wall: WallTime) throws(StoreError) -> [GroupResult] {
    var broken = batch
    switch sabotage {
    case .dropsCommits: break
    case .dropsGroups:
      groups += batch.groups.count
      if groups % 3 == 0 { broken.groups = [] }
    case .tearsGroups, .losesEdits:
      broken.groups = batch.groups.map { group in
        guard var whole = group.group, whole.records.count > 1 || sabotage == .losesEdits else { return group }
        if sabotage == .tearsGroups {
          whole.records.removeLast()
        } else {
          for index in whole.records.indices where !whole.records[index].fields.isEmpty {
            whole.records[index].fields.removeLast()
          }
        }
        return .decoded(whole)
      }
    case .forgetsTheCursor:
      _ = try engine.apply(batch, at: wall)
      return try engine.backend.transaction { () throws(StoreError) in
        let cursor = ReceiveCursor(epoch: batch.epoch, through: batch.after)
        try engine.backend.setReceiveCursor(cursor, peer: batch.peer, lane: batch.lane)
        return batch.groups.map { _ in .applied }
      }
    }
    _ = try engine.apply(broken, at: wall)
    return batch.groups.map { _ in .applied }
  }

  func commit(_ drafts: [CommitDraft], at wall: WallTime) throws(StoreError) -> [CommitResult] {
    guard sabotage == .dropsCommits else { return try engine.commit(drafts, at: wall) }
    let stamp = Stamp(time: HybridTimestamp(wall: wall), replica: engine.identity.replica)
    return drafts.map { _ in .committed(stamp) }
  }

  var model: Model { engine.model }
  var identity: NodeIdentity { engine.identity }
  var stampAheadMilliseconds: Int64? {
    get { engine.stampAheadMilliseconds }
    set { engine.stampAheadMilliseconds = newValue }
  }
  var isHealing: Bool {
    get { engine.isHealing }
    set { engine.isHealing = newValue }
  }
  func takeTally() -> WorkTally { engine.takeTally() }

  var parkedCoding: ParkedCoding? {
    get { engine.parkedCoding }
    set { engine.parkedCoding = newValue }
  }

  func erase(
    _ key: RecordKey, reason: String, mayBeUnknown: Bool, at wall: WallTime
  ) throws(StoreError) -> EraseResult {
    try engine.erase(key, reason: reason, mayBeUnknown: mayBeUnknown, at: wall)
  }
  func liftErasure(of key: RecordKey, at wall: WallTime) throws(StoreError) -> Erasure? {
    try engine.liftErasure(of: key, at: wall)
  }
  func wipe(_ keys: [RecordKey], at wall: WallTime) throws(StoreError) -> [ErasureRemnant] {
    try engine.wipe(keys, at: wall)
  }

  func meet(
    _ peer: NodeNumber, _ log: Lineage, resumingAt resumption: LaneMap<Sequence64>?, spareIncarnation: UInt32?
  ) throws(StoreError) -> Meeting {
    try engine.meet(peer, log, resumingAt: resumption, spareIncarnation: spareIncarnation)
  }
  func knownLog(of peer: NodeNumber) throws(StoreError) -> (log: Lineage?, cursors: LaneMap<Sequence64>) {
    try engine.knownLog(of: peer)
  }
  func lineage() throws(StoreError) -> Lineage { try engine.lineage() }
  func toldAncestors(knowing known: Epoch?) throws(StoreError) -> [Lineage.Ancestor] {
    try engine.toldAncestors(knowing: known)
  }
  func begin(_ epoch: Epoch, incarnation: UInt32?) throws(StoreError) {
    try engine.begin(epoch, incarnation: incarnation)
  }
  func noteLogShown() throws(StoreError) { try engine.noteLogShown() }
  func resumption(of cursors: LaneMap<Sequence64>, in known: Lineage?) throws(StoreError) -> LaneMap<Sequence64> {
    try engine.resumption(of: cursors, in: known)
  }
  func standing(
    of peer: NodeNumber, in log: Lineage, resumingAt resumption: LaneMap<Sequence64>?
  ) throws(StoreError) -> Meeting {
    try engine.standing(of: peer, in: log, resumingAt: resumption)
  }
  func takeIncarnation(_ incarnation: UInt32) throws(StoreError) { try engine.takeIncarnation(incarnation) }
  func repairUnsent(_ repair: UnsentRepair) throws(StoreError) -> [Restamping] { try engine.repairUnsent(repair) }
  func repairClock(
    sent: LogCoverage, offset: Int64, correction: Int64, now: WallTime, spareIncarnation: UInt32
  ) throws(StoreError) -> [Restamping]? {
    try engine.repairClock(
      sent: sent, offset: offset, correction: correction, now: now, spareIncarnation: spareIncarnation)
  }
  func clockCorrection(startingAt wall: WallTime) throws(StoreError) -> Int64 {
    try engine.clockCorrection(startingAt: wall)
  }

  func receiveCursors(from peer: NodeNumber, epoch: Epoch) throws(StoreError) -> LaneMap<ReceiveCursor> {
    try engine.receiveCursors(from: peer, epoch: epoch)
  }
  func outgoing(_ request: OutgoingRequest) throws(StoreError) -> OutgoingStretch { try engine.outgoing(request) }
  func logHead() throws(StoreError) -> Sequence64 { try engine.logHead() }
  func noteAcknowledged(by peer: NodeNumber, lane: Lane, through: Sequence64) throws(StoreError) {
    try engine.noteAcknowledged(by: peer, lane: lane, through: through)
  }
  func acknowledged(by peer: NodeNumber) throws(StoreError) -> LaneMap<Sequence64> {
    try engine.acknowledged(by: peer)
  }
  func record(_ key: RecordKey) throws(StoreError) -> RecordState? { try engine.record(key) }
  func records(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [RecordState] {
    try engine.records(of: entity, after: id, limit: limit)
  }
  func heldEntities() throws(StoreError) -> [EntityTag] { try engine.heldEntities() }
  func count(of entity: EntityTag) throws(StoreError) -> Int { try engine.count(of: entity) }
  func balance(_ name: String, keys: [Value]) throws(StoreError) -> Int64 { try engine.balance(name, keys: keys) }
  func balances(_ name: String) throws(StoreError) -> [Balance] { try engine.balances(name) }
  func sendAgain(_ mendings: [Mending], heldBy peer: NodeNumber, at wall: WallTime) throws(StoreError) -> Int {
    try engine.sendAgain(mendings, heldBy: peer, at: wall)
  }
  func reviewConflictCases(after last: RecordKey?, at wall: WallTime) throws(StoreError) -> RecordKey? {
    try engine.reviewConflictCases(after: last, at: wall)
  }
  func recountBalances(of entities: Set<EntityTag>) throws(StoreError) { try engine.recountBalances(of: entities) }
  func conflictCases(includingClosed: Bool) throws(StoreError) -> [ConflictCase] {
    try engine.conflictCases(includingClosed: includingClosed)
  }
  func parkedGroups() throws(StoreError) -> [ParkedGroup] { try engine.parkedGroups() }
  func settle(
    _ number: Int64, _ choice: SettlementChoice, note: String?, at wall: WallTime
  ) throws(StoreError) -> SettleResult {
    try engine.settle(number, choice, note: note, at: wall)
  }
  func retryParked(
    _ number: Int64?, at wall: WallTime, trusting: Bool, decoding decode: ([UInt8]) -> IncomingGroup
  ) throws(StoreError) -> [ParkedRetry] {
    try engine.retryParked(number, at: wall, trusting: trusting, decoding: decode)
  }
  func dropParked(_ number: Int64) throws(StoreError) -> ParkedGroup? { try engine.dropParked(number) }
  func noteNotApplied(
    _ groups: [NotApplied], by peer: NodeNumber, lane: Lane, after: Sequence64, through: Sequence64, at wall: WallTime
  ) throws(StoreError) {
    try engine.noteNotApplied(groups, by: peer, lane: lane, after: after, through: through, at: wall)
  }
  func exceptions(
    of peer: NodeNumber, acknowledged: LaneMap<Sequence64>
  ) throws(StoreError) -> [PeerException] {
    try engine.exceptions(of: peer, acknowledged: acknowledged)
  }
}
