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

  /// Commits each draft whole or not at all, in order. A draft that is refused does not hold up the others.
  func commit(_ drafts: [CommitDraft], at wall: WallTime) throws(StoreError) -> [CommitResult]

  /// Applies a batch and moves the cursor, together.
  /// - Throws: `wrongCursor` if the batch does not start where the cursor stands.
  func apply(_ batch: IncomingBatch, at wall: WallTime) throws(StoreError) -> [GroupResult]

  /// Where to resume a peer's log; `through` is 0 in an epoch that is new here.
  func receiveCursors(from peer: NodeNumber, epoch: Epoch) throws(StoreError) -> LaneMap<ReceiveCursor>

  /// Takes note of the log that a peer shows, before anything is sent to it: one that comes with a new log has a new
  /// database, and is sent its own records again.
  func meet(_ peer: NodeNumber, epoch: Epoch) throws(StoreError)

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
}

package struct Balance: Hashable, Sendable {
  package var keys: [Value]
  package var sum: Int64

  package init(keys: [Value], sum: Int64) {
    self.keys = keys
    self.sum = sum
  }
}
