package import Base
package import Causality
package import Merge
package import StoreModel

/// What became of a local commit.
package enum CommitResult: Hashable, Sendable {
  /// Durable, under this stamp.
  case committed(Stamp)
  /// Every write was already so.
  case unchanged
  /// Nothing of it was written.
  case refused(ModelError)
}

/// What a session and the operations need of storage. Every call that writes is one transaction (or less: several
/// drafts share one), and what it did is durable when it returns.
package protocol RecordStore: AnyObject {
  var model: Model { get }
  var identity: NodeIdentity { get }
  /// HQ refuses stamps of stores further ahead of its clock than this; nil for any.
  var stampAheadMilliseconds: Int64? { get set }
  /// HQ was put back to an earlier state, and has not heard of all its stores since.
  var isHealing: Bool { get set }

  /// What the writing transactions have done since this was asked for last.
  func takeTally() -> WorkTally

  /// Commits each draft whole or not at all, in order. A draft that is refused does not hold up the others.
  func commit(_ drafts: [CommitDraft], at wall: WallTime) throws(StoreError) -> [CommitResult]

  /// Applies a batch and moves the cursor, together.
  /// - Throws: `wrongCursor` if the batch does not start where the cursor stands.
  func apply(_ batch: IncomingBatch, at wall: WallTime) throws(StoreError) -> [GroupResult]
  /// The same for several, one after the other, in one transaction if none of them fails.
  /// - Returns: an outcome for each; a failure has left nothing of its batch.
  func apply(_ batches: [IncomingBatch], at wall: WallTime) -> [Result<[GroupResult], StoreError>]

  /// Where to resume a peer's log; `through` is 0 in an epoch that is new here.
  func receiveCursors(from peer: NodeNumber, epoch: Epoch) throws(StoreError) -> LaneMap<ReceiveCursor>

  /// Takes note of the log that a peer shows, before anything is sent to it, and finds where this node stands in it. A
  /// peer that no longer has what it has sent is sent its own records again.
  /// - Parameters:
  ///   - resumption: where the peer says that it will go on, if it does; it lies not beyond this node's cursors.
  ///   - spareIncarnation: what a store goes on as if HQ has lost something and the store has let go of records.
  func meet(
    _ peer: NodeNumber, _ log: Lineage, resumingAt resumption: LaneMap<Sequence64>?, spareIncarnation: UInt32?
  ) throws(StoreError) -> Meeting
  /// A peer's log as far as it is known here, and where this node stands in it.
  func knownLog(of peer: NodeNumber) throws(StoreError) -> (log: Lineage?, cursors: LaneMap<Sequence64>)

  /// This node's log, and the ones that it went on from.
  func lineage() throws(StoreError) -> Lineage
  /// What a greeting tells a peer of the logs that this node's went on from, if it names one of them.
  func toldAncestors(knowing known: Epoch?) throws(StoreError) -> [Lineage.Ancestor]
  /// A node starts: its log goes on under a new epoch, and, where it is known to have been restored or copied, its writes
  /// under a new incarnation.
  func begin(_ epoch: Epoch, incarnation: UInt32?) throws(StoreError)
  /// To be durable before a peer is told of the present epoch.
  func noteLogShown() throws(StoreError)
  /// Where a peer goes on in this node's log, which it has taken so far as it was when it last heard of it.
  func resumption(of cursors: LaneMap<Sequence64>, in known: Lineage?) throws(StoreError) -> LaneMap<Sequence64>
  /// Where this node stands in the log that a peer shows; nothing is noted.
  func standing(
    of peer: NodeNumber, in log: Lineage, resumingAt resumption: LaneMap<Sequence64>?
  ) throws(StoreError) -> Meeting
  /// Begins to write as another incarnation, without a new log.
  func takeIncarnation(_ incarnation: UInt32) throws(StoreError)
  /// Gives the commits that nobody has seen new stamps, in order.
  func repairUnsent(_ repair: UnsentRepair) throws(StoreError) -> [Restamping]
  /// Sets right what HQ has not seen, if this node's clock was wrong.
  /// - Returns: which commits got new stamps; nil if all was well.
  func repairClock(sent: LogCoverage, offset: Int64, correction: Int64, now: WallTime, spareIncarnation: UInt32)
    throws(StoreError) -> [Restamping]?
  /// What a store adds to the machine's clock from its start until the clock is measured, in milliseconds.
  func clockCorrection(startingAt wall: WallTime) throws(StoreError) -> Int64

  func outgoing(_ request: OutgoingRequest) throws(StoreError) -> OutgoingStretch

  /// The sequence of the log's last entry; 0 if there is none.
  func logHead() throws(StoreError) -> Sequence64

  /// Remembers how far a peer has durably taken this log. It may lag behind after a crash, never run ahead.
  func noteAcknowledged(by peer: NodeNumber, lane: Lane, through: Sequence64) throws(StoreError)
  func acknowledged(by peer: NodeNumber) throws(StoreError) -> LaneMap<Sequence64>

  /// The record's state, deleted or not; nil if the node does not hold it.
  func record(_ key: RecordKey) throws(StoreError) -> RecordState?
  /// The states of an entity's records with ids after `id`, ascending, deleted ones included, stubs not.
  func records(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [RecordState]
  /// The entities of which the node holds records, those that the model does not know included; ascending.
  func heldEntities() throws(StoreError) -> [EntityTag]
  func count(of entity: EntityTag) throws(StoreError) -> Int

  func balance(_ name: String, keys: [Value]) throws(StoreError) -> Int64
  /// All balances of a name that are not zero, ascending by keys.
  func balances(_ name: String) throws(StoreError) -> [Balance]

  /// Ascending by number.
  func conflictCases(includingClosed: Bool) throws(StoreError) -> [ConflictCase]
  func parkedGroups() throws(StoreError) -> [ParkedGroup]

  /// Logs records once more, so that they are sent again.
  func sendAgain(_ mendings: [Mending], heldBy peer: NodeNumber, at wall: WallTime) throws(StoreError) -> Int
  /// Opens the conflict cases that the present model calls for in what an older one has stored, some records at a time.
  /// - Returns: where to go on; nil if all have been looked at.
  func reviewConflictCases(after last: RecordKey?, at wall: WallTime) throws(StoreError) -> RecordKey?
  /// Adds up the balances of entities anew.
  func recountBalances(of entities: Set<EntityTag>) throws(StoreError)

  /// Does with a conflict case what a person has chosen.
  func settle(_ number: Int64, _ choice: SettlementChoice, note: String?, at wall: WallTime) throws(StoreError)
    -> SettleResult
  /// How parked groups are read and written; nil where what they hold of an erased record need not be taken out.
  var parkedCoding: ParkedCoding? { get set }
  /// HQ erases a record for good: see `Erasure`. Asked again, it takes away what is left.
  /// - Parameter mayBeUnknown: also one that HQ does not hold; a store that is away may.
  func erase(_ key: RecordKey, reason: String, mayBeUnknown: Bool, at wall: WallTime) throws(StoreError) -> EraseResult
  /// From now on the id of an erased record may be used again.
  func liftErasure(of key: RecordKey, at wall: WallTime) throws(StoreError) -> Erasure?
  /// Takes away what this node keeps beside records, as far as they are erased here.
  func wipe(_ keys: [RecordKey], at wall: WallTime) throws(StoreError) -> [ErasureRemnant]

  /// Tries parked groups again: all, or one with those of the same records that came before or after it.
  func retryParked(_ number: Int64?, at wall: WallTime, trusting: Bool, decoding decode: ([UInt8]) -> IncomingGroup)
    throws(StoreError) -> [ParkedRetry]
  /// Drops a parked group for good: what it would have written never comes, unless its writer writes it again.
  func dropParked(_ number: Int64) throws(StoreError) -> ParkedGroup?

  /// Writes down that a peer has not applied groups of this node's log.
  func noteNotApplied(
    _ groups: [NotApplied], by peer: NodeNumber, lane: Lane, after: Sequence64, through: Sequence64, at wall: WallTime
  ) throws(StoreError)
  /// What is not applied between this node and a peer, either way.
  func exceptions(of peer: NodeNumber, acknowledged: LaneMap<Sequence64>) throws(StoreError) -> [PeerException]
}

/// A page of the balances of one name, ascending by keys.
package struct BalanceQuery: Hashable, Sendable {
  /// What their first keys are.
  package var beginning: [Value]
  /// All keys of the last balance of the page before.
  package var after: [Value]?
  package var limit: Int

  package init(_ beginning: [Value], after: [Value]? = nil, limit: Int) {
    self.beginning = beginning
    self.after = after
    self.limit = limit
  }
}

package struct Balance: Hashable, Sendable {
  package var keys: [Value]
  package var sum: Int64

  package init(keys: [Value], sum: Int64) {
    self.keys = keys
    self.sum = sum
  }
}

extension RecordStore {
  package func retryParked(
    _ number: Int64?, at wall: WallTime, decoding decode: ([UInt8]) -> IncomingGroup
  ) throws(StoreError) -> [ParkedRetry] {
    try retryParked(number, at: wall, trusting: false, decoding: decode)
  }
}

extension RecordStore {
  package func meet(
    _ peer: NodeNumber, _ log: Lineage, resumingAt resumption: LaneMap<Sequence64>?
  ) throws(StoreError) -> Meeting {
    try meet(peer, log, resumingAt: resumption, spareIncarnation: nil)
  }
}

extension RecordStore {
  /// Each in a transaction of its own.
  package func apply(_ batches: [IncomingBatch], at wall: WallTime) -> [Result<[GroupResult], StoreError>] {
    batches.map { batch in
      do throws(StoreError) { return .success(try apply(batch, at: wall)) } catch { return .failure(error) }
    }
  }
}
