package import Base
package import Causality
package import Merge
package import StoreModel

/// What a node remembers of itself between transactions.
package struct NodeState: Hashable, Sendable {
  package var identity: NodeIdentity
  package var clock: HybridClock
  package var head: Sequence64

  package init(identity: NodeIdentity, clock: HybridClock = HybridClock(), head: Sequence64 = 0) {
    self.identity = identity
    self.clock = clock
    self.head = head
  }

  /// Both only ever count on, and no node comes near the end of either's range but by damage.
  var canGoOn: Bool { head <= 1 << 62 && clock.last.rawValue <= UInt64.max - 1 << 40 }
}

/// Tells two states of a database apart, for as long as it is open.
package struct ContentsVersion: Hashable, Sendable {
  /// Changes with what others write.
  package var others: Int64
  /// Changes with what the backend itself writes.
  package var own: Int64

  package init(others: Int64 = 0, own: Int64) {
    self.others = others
    self.own = own
  }
}

/// A record that was purged, as it was then.
package struct PurgedDigest: Hashable, Sendable {
  package var id: RecordID
  package var digest: [UInt8]

  package init(id: RecordID, digest: [UInt8]) {
    self.id = id
    self.digest = digest
  }
}

/// The plain reads and writes of a database; `StoreEngine` gives them their meaning, the same for every backend.
///
/// Reads inside a transaction see its writes. Called from one thread at a time.
package protocol StorageBackend: AnyObject {
  var model: Model { get }

  /// Runs `body` in one transaction: durable when it returns, undone if `body` or the database fails.
  func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result
  /// Undoes what `body` wrote if it returns nil; for use inside a transaction.
  func savepoint<Result>(_ body: () throws(StoreError) -> Result?) throws(StoreError) -> Result?

  /// The same only as long as nobody has written, this backend or another on the same database; within a transaction that has
  /// not written itself, that of what it reads. Nil where nothing can tell.
  func contentsVersion() throws(StoreError) -> ContentsVersion?

  func loadNode() throws(StoreError) -> NodeState
  func saveNode(_ node: NodeState) throws(StoreError)

  func find(_ key: RecordKey) throws(StoreError) -> StoredRecord?
  func read(_ ref: RecordRef) throws(StoreError) -> StoredRecord?
  /// Writes a record that was not there, and gives its place.
  func insert(_ key: RecordKey, _ body: StoredRecord.Body, sequence: Sequence64) throws(StoreError) -> RecordRef
  /// Whether this node has, and has had, nothing at all under the key.
  func isNew(_ key: RecordKey) throws(StoreError) -> Bool
  /// Writes a fact that is new: fields ascending by tag, each set to a value of its type.
  func insert(fact write: RecordWrite, stamp: Stamp, sequence: Sequence64) throws(StoreError) -> RecordRef
  /// The same of a state under one stamp.
  func insert(fact state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef
  /// Whether none of some records of one entity, which ascend, is known here.
  func areNew(_ writes: ArraySlice<RecordWrite>) throws(StoreError) -> Bool
  /// Writes new facts of one entity, as `insert(fact:stamp:sequence:)` does, at places one after the other.
  /// - Returns: the first of the places.
  func insert(facts writes: ArraySlice<RecordWrite>, stamp: Stamp, sequence: Sequence64) throws(StoreError) -> Int64
  /// Whether none of some facts, which ascend, is known here.
  func areNew(_ facts: FactColumns, _ rows: Range<Int>) throws(StoreError) -> Bool
  /// Writes new facts at places one after the other.
  /// - Returns: the first of the places.
  func insert(
    facts: FactColumns, _ rows: Range<Int>, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> Int64
  /// Puts a state whose fields each have one value in the place of a record that shows itself, whose fields have one value
  /// each as well and show the same in `keys`, if the state has seen all of it.
  func replace(with state: RecordState, keeping keys: [FieldTag], sequence: Sequence64)
    throws(StoreError) -> Replacement
  /// Writes a record that was not there, with one value a field.
  func insert(plain state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef
  /// Replaces what stood at the record's place.
  func update(_ record: StoredRecord) throws(StoreError)
  func records(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [RecordState]
  func heldEntities() throws(StoreError) -> [EntityTag]
  func count(of entity: EntityTag) throws(StoreError) -> Int
  /// The live records of an entity that show these values in these fields; ascending, `limit` at the most.
  func records(of entity: EntityTag, showing values: [(field: FieldTag, value: Value)], limit: Int)
    throws(StoreError) -> [RecordID]
  /// The first records of a plan's page, in its order; it reads these and hardly any others.
  func records(_ plan: RecordQueryPlan, limit: Int) throws(StoreError) -> [RecordState]

  func append(_ entry: LogEntry) throws(StoreError)
  func logEntries(lane: Lane, after sequence: Sequence64, limit: Int) throws(StoreError) -> [LogEntry]
  func logEntry(_ sequence: Sequence64) throws(StoreError) -> LogEntry?
  /// Gives an entry another stamp; all else of it stays.
  func setStamp(_ stamp: Stamp, ofEntry entry: LogEntry) throws(StoreError)

  /// Notes what the entry `sequence` added to this replica's share of a counter.
  func addCounterStep(_ step: CounterStep) throws(StoreError)
  /// The steps of a record's counters in entries after `sequence`, ascending by sequence and field.
  func counterSteps(of ref: RecordRef, after sequence: Sequence64) throws(StoreError) -> [CounterStep]
  /// Forgets the steps up to an entry that HQ has.
  func dropCounterSteps(through sequence: Sequence64) throws(StoreError)
  /// Forgets the steps of a record's counters.
  func dropCounterSteps(of ref: RecordRef) throws(StoreError)

  /// The stores that a record has left, and that have not been told that it is theirs again.
  func departures(of ref: RecordRef) throws(StoreError) -> [NodeNumber]
  func setDeparted(_ isDeparted: Bool, _ node: NodeNumber, from ref: RecordRef) throws(StoreError)

  func receiveCursor(peer: NodeNumber, lane: Lane) throws(StoreError) -> ReceiveCursor?
  func setReceiveCursor(_ cursor: ReceiveCursor, peer: NodeNumber, lane: Lane) throws(StoreError)
  /// The log that a peer showed last, and where this node's own log stood when it first did.
  func peerLog(_ peer: NodeNumber) throws(StoreError) -> PeerLog?
  /// The logs that this node's own (nil) or a peer's went on from, the newest first.
  func ancestors(of peer: NodeNumber?) throws(StoreError) -> [Lineage.Ancestor]
  func setAncestors(_ ancestors: [Lineage.Ancestor], of peer: NodeNumber?) throws(StoreError)
  /// Nil if a peer may know the present epoch of this node's log; else how many of the latest that it went on from no peer
  /// can know either.
  func hiddenAncestors() throws(StoreError) -> Int?
  func setHiddenAncestors(_ count: Int?) throws(StoreError)
  /// How often records have come to show something else, or stamps to be others, without a new entry of the log.
  func feedTurn() throws(StoreError) -> UInt64
  func setFeedTurn(_ turn: UInt64) throws(StoreError)
  /// Takes from all that was let go of what it had seen, so that any state of it is taken again; not from what was purged.
  /// - Returns: whether there was any.
  func forgetStubs() throws(StoreError) -> Bool
  func clockMeasurement() throws(StoreError) -> ClockMeasurement
  func setClockMeasurement(_ measurement: ClockMeasurement) throws(StoreError)
  /// A store: nil if HQ has never let it in.
  func lastWelcome() throws(StoreError) -> LastWelcome?
  func setLastWelcome(_ welcome: LastWelcome) throws(StoreError)
  /// Entries of a peer's log that came along with batches of other lanes; their own lane's cursor may have passed them since.
  func brought(by peer: NodeNumber) throws(StoreError) -> LaneMap<[Sequence64]>
  func setBrought(_ entries: LaneMap<[Sequence64]>, by peer: NodeNumber) throws(StoreError)
  /// HQ: logs of a store of which it has had more than the store shows now, the latest first.
  func partedLogs(of peer: NodeNumber) throws(StoreError) -> [PartedLog]
  func setPartedLogs(_ logs: [PartedLog], of peer: NodeNumber) throws(StoreError)
  func setPeerLog(_ log: PeerLog, of peer: NodeNumber) throws(StoreError)
  func acknowledged(peer: NodeNumber, lane: Lane) throws(StoreError) -> Sequence64
  func setAcknowledged(_ through: Sequence64, peer: NodeNumber, lane: Lane) throws(StoreError)

  func addToBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError)
  func balance(_ name: String, keys: [Value]) throws(StoreError) -> Int64
  func balances(_ name: String) throws(StoreError) -> [Balance]
  /// Those that a query asks for, of 0 too; it reads no others.
  func balances(_ name: String, _ query: BalanceQuery) throws(StoreError) -> [Balance]
  /// Adds a balance up anew from the records.
  func recountBalance(_ name: String) throws(StoreError)

  /// Keeps with a stub that it was purged, and the digest that its record had.
  func notePurged(_ key: RecordKey, digest: [UInt8]) throws(StoreError)
  func purgedDigest(of key: RecordKey) throws(StoreError) -> [UInt8]?
  /// Of an entity's purged records with ids after `id`, ascending.
  func purgedDigests(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [PurgedDigest]
  func forgetPurged(_ key: RecordKey) throws(StoreError)
  /// What purged records add to a balance: it stays in the sum, and is added when that is made anew.
  func addToPurgedBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError)

  /// The cases of a record that are not closed.
  func conflictCases(of key: RecordKey) throws(StoreError) -> [ConflictCase]
  func conflictCase(_ subject: ConflictCase.Subject) throws(StoreError) -> ConflictCase?
  func conflictCases(includingClosed: Bool) throws(StoreError) -> [ConflictCase]
  /// Inserts the case if its number is 0, else replaces it.
  func put(_ conflictCase: ConflictCase) throws(StoreError)
  func conflictCase(number: Int64) throws(StoreError) -> ConflictCase?
  func add(_ settlement: Settlement) throws(StoreError)
  /// Of one case, the earliest first.
  func settlements(of caseNumber: Int64) throws(StoreError) -> [Settlement]

  /// Takes a case away, and what people have decided about it.
  func removeConflictCase(_ number: Int64) throws(StoreError)

  func park(_ group: ParkedGroup) throws(StoreError)
  /// Whether there may be parked groups.
  func hasParked() throws(StoreError) -> Bool
  /// Whether a parked group of this peer touches the record.
  func isBlockedByParked(_ key: RecordKey, from peer: NodeNumber) throws(StoreError) -> Bool
  func parkedGroups() throws(StoreError) -> [ParkedGroup]
  /// The same without their payloads.
  func parkedSummaries() throws(StoreError) -> [ParkedGroup]
  func parkedGroup(_ number: Int64) throws(StoreError) -> ParkedGroup?
  /// How many groups of a peer are parked, and the bytes of their payloads.
  func parkedSize(of peer: NodeNumber) throws(StoreError) -> (count: Int, bytes: Int)
  /// Replaces the code, the reason and the keys of a parked group.
  func updateParked(_ group: ParkedGroup) throws(StoreError)
  func removeParked(_ number: Int64) throws(StoreError)
  /// Replaces a parked group, its payload as well.
  func rewriteParked(_ group: ParkedGroup) throws(StoreError)

  /// Inserts it if its number is 0, else replaces it.
  func put(_ exception: PeerException) throws(StoreError)
  func removeException(_ number: Int64) throws(StoreError)
  /// Ascending by number.
  func exceptions(of peer: NodeNumber) throws(StoreError) -> [PeerException]

  func answeredRequest(scope: String, key: String) throws(StoreError) -> AnsweredRequest?
  /// Keeps an answer under a scope and key that have none.
  func keep(_ request: AnsweredRequest) throws(StoreError)
  /// Of the `limit` answers that have been kept longest, drops those that were kept outside `times`, and those beyond the
  /// latest `count`.
  func dropAnsweredRequests(keptOutside times: ClosedRange<WallTime>, beyond count: Int64, limit: Int)
    throws(StoreError)
  /// Takes the bodies away of answers that have these bytes in them; that the requests took effect stays known.
  func emptyAnswers(containing bytes: [UInt8]) throws(StoreError)
  /// Of all peers, ascending by number.
  func exceptions() throws(StoreError) -> [PeerException]

  /// What HQ has erased; ascending by key.
  func erasures() throws(StoreError) -> [Erasure]
  func erasure(of key: RecordKey) throws(StoreError) -> Erasure?
  func put(_ erasure: Erasure) throws(StoreError)
  /// Ascending by node.
  func confirmations(of key: RecordKey) throws(StoreError) -> [ErasureConfirmation]
  /// In the place of the node's last one.
  func put(_ confirmation: ErasureConfirmation, of key: RecordKey) throws(StoreError)
  /// Those in force that the present database of a node has not confirmed by itself; `limit` at the most.
  func unconfirmedErasures(by node: NodeNumber, incarnation: UInt32, limit: Int) throws(StoreError) -> [RecordKey]
  func removeConfirmation(of key: RecordKey, by node: NodeNumber) throws(StoreError)
}

/// What a backend without a quicker way does.
extension StorageBackend {
  package func isNew(_ key: RecordKey) throws(StoreError) -> Bool { try find(key) == nil }

  package func insert(
    fact write: RecordWrite, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> RecordRef {
    try insert(fact: RecordState(new: write, stamp: stamp), sequence: sequence)
  }

  package func insert(fact state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef {
    try insert(state.key, .held(state), sequence: sequence)
  }

  package func areNew(_ writes: ArraySlice<RecordWrite>) throws(StoreError) -> Bool {
    for write in writes {
      guard try isNew(RecordKey(entity: write.entity, id: write.id)) else { return false }
    }
    return true
  }

  package func insert(
    facts writes: ArraySlice<RecordWrite>, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> Int64 {
    var first: Int64?
    for write in writes {
      let ref = try insert(fact: write, stamp: stamp, sequence: sequence)
      first = first ?? ref.row
    }
    return first ?? 0
  }

  package func areNew(_ facts: FactColumns, _ rows: Range<Int>) throws(StoreError) -> Bool {
    for row in rows {
      guard try isNew(RecordKey(entity: facts.entity, id: facts.id(row))) else { return false }
    }
    return true
  }

  package func insert(
    facts: FactColumns, _ rows: Range<Int>, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> Int64 {
    var first: Int64?
    for state in facts.records(rows, stamp: stamp) {
      let ref = try insert(fact: state, sequence: sequence)
      first = first ?? ref.row
    }
    return first ?? 0
  }

  package func insert(plain state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef {
    try insert(state.key, .held(state), sequence: sequence)
  }

  package func hasParked() throws(StoreError) -> Bool { true }

  package func contentsVersion() throws(StoreError) -> ContentsVersion? { nil }
}

extension RecordState {
  /// What a write makes of a record that was not there.
  init(new write: RecordWrite, stamp: Stamp) {
    self.init(entity: write.entity, id: write.id)
    if case .write(let fields) = write.action { self.write(fields, stamp: stamp) }
  }
}
