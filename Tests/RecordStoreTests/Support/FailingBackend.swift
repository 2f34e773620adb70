import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// A backend whose writes begin to fail, as on a full disk, at a write of the test's choice.
final class FailingBackend: StorageBackend {
  private let inner: any StorageBackend
  /// Writes that still succeed; nil for all.
  var writesLeft: Int?
  private(set) var writeCount = 0
  /// A record that the database cannot hold, by a mistake of ours: every write of it fails, and nothing else.
  var indigestible: RecordKey?

  /// Fails at the quick way of newer states, so that the engine goes the general way.
  var hasNoQuickWay = false

  init(_ inner: any StorageBackend) {
    self.inner = inner
  }

  private func countWrite() throws(StoreError) {
    writeCount += 1
    guard let left = writesLeft else { return }
    guard left > 0 else { throw StoreError(.diskFull, "the disk is full, says the test") }
    writesLeft = left - 1
  }

  private func digest(_ key: RecordKey) throws(StoreError) {
    if key == indigestible { throw StoreError(.internalError, "a mistake, says the test") }
  }

  var model: Model { inner.model }

  func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    try inner.transaction(body)
  }

  func savepoint<Result>(_ body: () throws(StoreError) -> Result?) throws(StoreError) -> Result? {
    try inner.savepoint(body)
  }

  func loadNode() throws(StoreError) -> NodeState { try inner.loadNode() }
  func saveNode(_ node: NodeState) throws(StoreError) {
    try countWrite()
    try inner.saveNode(node)
  }

  func find(_ key: RecordKey) throws(StoreError) -> StoredRecord? { try inner.find(key) }
  func read(_ ref: RecordRef) throws(StoreError) -> StoredRecord? { try inner.read(ref) }
  func insert(
    _ key: RecordKey, _ body: StoredRecord.Body, sequence: Sequence64
  ) throws(StoreError) -> RecordRef {
    try countWrite()
    try digest(key)
    return try inner.insert(key, body, sequence: sequence)
  }
  func replace(
    with state: RecordState, keeping keys: [FieldTag], sequence: Sequence64
  ) throws(StoreError) -> Replacement {
    if hasNoQuickWay { throw StoreError(.internalError, "no quick way, says the test") }
    try countWrite()
    try digest(state.key)
    return try inner.replace(with: state, keeping: keys, sequence: sequence)
  }
  func insert(plain state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef {
    try countWrite()
    try digest(state.key)
    return try inner.insert(plain: state, sequence: sequence)
  }
  func update(_ record: StoredRecord) throws(StoreError) {
    try countWrite()
    try digest(record.key)
    try inner.update(record)
  }
  func records(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [RecordState] {
    try inner.records(of: entity, after: id, limit: limit)
  }
  func heldEntities() throws(StoreError) -> [EntityTag] { try inner.heldEntities() }
  func count(of entity: EntityTag) throws(StoreError) -> Int { try inner.count(of: entity) }
  func records(
    of entity: EntityTag, showing values: [(field: FieldTag, value: Value)], limit: Int
  ) throws(StoreError) -> [RecordID] {
    try inner.records(of: entity, showing: values, limit: limit)
  }

  func append(_ entry: LogEntry) throws(StoreError) {
    try countWrite()
    try inner.append(entry)
  }
  func logEntries(lane: Lane, after sequence: Sequence64, limit: Int) throws(StoreError) -> [LogEntry] {
    try inner.logEntries(lane: lane, after: sequence, limit: limit)
  }
  func logEntry(_ sequence: Sequence64) throws(StoreError) -> LogEntry? { try inner.logEntry(sequence) }

  func setStamp(_ stamp: Stamp, ofEntry entry: LogEntry) throws(StoreError) {
    try countWrite()
    try inner.setStamp(stamp, ofEntry: entry)
  }

  func addCounterStep(_ step: CounterStep) throws(StoreError) {
    try countWrite()
    try inner.addCounterStep(step)
  }

  func counterSteps(of ref: RecordRef, after sequence: Sequence64) throws(StoreError) -> [CounterStep] {
    try inner.counterSteps(of: ref, after: sequence)
  }

  func dropCounterSteps(through sequence: Sequence64) throws(StoreError) {
    try countWrite()
    try inner.dropCounterSteps(through: sequence)
  }

  func ancestors(of peer: NodeNumber?) throws(StoreError) -> [Lineage.Ancestor] { try inner.ancestors(of: peer) }

  func partedLogs(of peer: NodeNumber) throws(StoreError) -> [PartedLog] { try inner.partedLogs(of: peer) }
  func setPartedLogs(_ logs: [PartedLog], of peer: NodeNumber) throws(StoreError) {
    try countWrite()
    try inner.setPartedLogs(logs, of: peer)
  }

  func setAncestors(_ ancestors: [Lineage.Ancestor], of peer: NodeNumber?) throws(StoreError) {
    try countWrite()
    try inner.setAncestors(ancestors, of: peer)
  }

  func hiddenAncestors() throws(StoreError) -> Int? { try inner.hiddenAncestors() }

  func setHiddenAncestors(_ count: Int?) throws(StoreError) {
    try countWrite()
    try inner.setHiddenAncestors(count)
  }

  func feedTurn() throws(StoreError) -> UInt64 { try inner.feedTurn() }
  func setFeedTurn(_ turn: UInt64) throws(StoreError) {
    try countWrite()
    try inner.setFeedTurn(turn)
  }

  func forgetStubs() throws(StoreError) -> Bool {
    try countWrite()
    return try inner.forgetStubs()
  }

  func clockMeasurement() throws(StoreError) -> ClockMeasurement { try inner.clockMeasurement() }

  func setClockMeasurement(_ measurement: ClockMeasurement) throws(StoreError) {
    try countWrite()
    try inner.setClockMeasurement(measurement)
  }

  func lastWelcome() throws(StoreError) -> LastWelcome? { try inner.lastWelcome() }

  func setLastWelcome(_ welcome: LastWelcome) throws(StoreError) {
    try countWrite()
    try inner.setLastWelcome(welcome)
  }

  func brought(by peer: NodeNumber) throws(StoreError) -> LaneMap<[Sequence64]> { try inner.brought(by: peer) }

  func setBrought(_ entries: LaneMap<[Sequence64]>, by peer: NodeNumber) throws(StoreError) {
    try countWrite()
    try inner.setBrought(entries, by: peer)
  }

  func departures(of ref: RecordRef) throws(StoreError) -> [NodeNumber] { try inner.departures(of: ref) }
  func setDeparted(_ isDeparted: Bool, _ node: NodeNumber, from ref: RecordRef) throws(StoreError) {
    try countWrite()
    try inner.setDeparted(isDeparted, node, from: ref)
  }

  func receiveCursor(peer: NodeNumber, lane: Lane) throws(StoreError) -> ReceiveCursor? {
    try inner.receiveCursor(peer: peer, lane: lane)
  }
  func setReceiveCursor(_ cursor: ReceiveCursor, peer: NodeNumber, lane: Lane) throws(StoreError) {
    try countWrite()
    try inner.setReceiveCursor(cursor, peer: peer, lane: lane)
  }
  func peerLog(_ peer: NodeNumber) throws(StoreError) -> PeerLog? { try inner.peerLog(peer) }
  func setPeerLog(_ log: PeerLog, of peer: NodeNumber) throws(StoreError) {
    try countWrite()
    try inner.setPeerLog(log, of: peer)
  }

  func acknowledged(peer: NodeNumber, lane: Lane) throws(StoreError) -> Sequence64 {
    try inner.acknowledged(peer: peer, lane: lane)
  }
  func setAcknowledged(_ through: Sequence64, peer: NodeNumber, lane: Lane) throws(StoreError) {
    try countWrite()
    try inner.setAcknowledged(through, peer: peer, lane: lane)
  }

  func addToBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError) {
    try countWrite()
    try inner.addToBalance(name, keys: keys, difference: difference)
  }
  func balance(_ name: String, keys: [Value]) throws(StoreError) -> Int64 { try inner.balance(name, keys: keys) }
  func balances(_ name: String) throws(StoreError) -> [Balance] { try inner.balances(name) }
  func balances(_ name: String, _ query: BalanceQuery) throws(StoreError) -> [Balance] {
    try inner.balances(name, query)
  }
  func recountBalance(_ name: String) throws(StoreError) { try inner.recountBalance(name) }

  func notePurged(_ key: RecordKey, digest: [UInt8]) throws(StoreError) {
    try countWrite()
    try inner.notePurged(key, digest: digest)
  }
  func purgedDigest(of key: RecordKey) throws(StoreError) -> [UInt8]? { try inner.purgedDigest(of: key) }
  func purgedDigests(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [PurgedDigest] {
    try inner.purgedDigests(of: entity, after: id, limit: limit)
  }
  func forgetPurged(_ key: RecordKey) throws(StoreError) {
    try countWrite()
    try inner.forgetPurged(key)
  }
  func addToPurgedBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError) {
    try countWrite()
    try inner.addToPurgedBalance(name, keys: keys, difference: difference)
  }

  func conflictCases(of key: RecordKey) throws(StoreError) -> [ConflictCase] { try inner.conflictCases(of: key) }
  func conflictCase(_ subject: ConflictCase.Subject) throws(StoreError) -> ConflictCase? {
    try inner.conflictCase(subject)
  }
  func conflictCases(includingClosed: Bool) throws(StoreError) -> [ConflictCase] {
    try inner.conflictCases(includingClosed: includingClosed)
  }
  func put(_ conflictCase: ConflictCase) throws(StoreError) {
    try countWrite()
    try inner.put(conflictCase)
  }

  func park(_ group: ParkedGroup) throws(StoreError) {
    try countWrite()
    try inner.park(group)
  }
  func isBlockedByParked(_ key: RecordKey, from peer: NodeNumber) throws(StoreError) -> Bool {
    try inner.isBlockedByParked(key, from: peer)
  }
  func parkedGroups() throws(StoreError) -> [ParkedGroup] { try inner.parkedGroups() }
  func parkedSummaries() throws(StoreError) -> [ParkedGroup] { try inner.parkedSummaries() }
  func parkedGroup(_ number: Int64) throws(StoreError) -> ParkedGroup? { try inner.parkedGroup(number) }
  func parkedSize(of peer: NodeNumber) throws(StoreError) -> (count: Int, bytes: Int) {
    try inner.parkedSize(of: peer)
  }
  func updateParked(_ group: ParkedGroup) throws(StoreError) {
    try countWrite()
    try inner.updateParked(group)
  }
  func removeParked(_ number: Int64) throws(StoreError) {
    try countWrite()
    try inner.removeParked(number)
  }

  func conflictCase(number: Int64) throws(StoreError) -> ConflictCase? { try inner.conflictCase(number: number) }
  func add(_ settlement: Settlement) throws(StoreError) {
    try countWrite()
    try inner.add(settlement)
  }
  func settlements(of caseNumber: Int64) throws(StoreError) -> [Settlement] {
    try inner.settlements(of: caseNumber)
  }

  func put(_ exception: PeerException) throws(StoreError) {
    try countWrite()
    try inner.put(exception)
  }
  func removeException(_ number: Int64) throws(StoreError) {
    try countWrite()
    try inner.removeException(number)
  }
  func exceptions(of peer: NodeNumber) throws(StoreError) -> [PeerException] { try inner.exceptions(of: peer) }

  func records(_ plan: RecordQueryPlan, limit: Int) throws(StoreError) -> [RecordState] {
    try inner.records(plan, limit: limit)
  }
  func answeredRequest(scope: String, key: String) throws(StoreError) -> AnsweredRequest? {
    try inner.answeredRequest(scope: scope, key: key)
  }
  func keep(_ request: AnsweredRequest) throws(StoreError) {
    try countWrite()
    try inner.keep(request)
  }
  func dropAnsweredRequests(
    keptOutside times: ClosedRange<WallTime>, beyond count: Int64, limit: Int
  ) throws(StoreError) {
    try countWrite()
    try inner.dropAnsweredRequests(keptOutside: times, beyond: count, limit: limit)
  }
  func exceptions() throws(StoreError) -> [PeerException] { try inner.exceptions() }

  func removeConflictCase(_ number: Int64) throws(StoreError) {
    try countWrite()
    try inner.removeConflictCase(number)
  }
  func rewriteParked(_ group: ParkedGroup) throws(StoreError) {
    try countWrite()
    try inner.rewriteParked(group)
  }
  func dropCounterSteps(of ref: RecordRef) throws(StoreError) {
    try countWrite()
    try inner.dropCounterSteps(of: ref)
  }
  func emptyAnswers(containing bytes: [UInt8]) throws(StoreError) {
    try countWrite()
    try inner.emptyAnswers(containing: bytes)
  }
  func erasures() throws(StoreError) -> [Erasure] { try inner.erasures() }
  func erasure(of key: RecordKey) throws(StoreError) -> Erasure? { try inner.erasure(of: key) }
  func put(_ erasure: Erasure) throws(StoreError) {
    try countWrite()
    try inner.put(erasure)
  }
  func confirmations(of key: RecordKey) throws(StoreError) -> [ErasureConfirmation] {
    try inner.confirmations(of: key)
  }
  func put(_ confirmation: ErasureConfirmation, of key: RecordKey) throws(StoreError) {
    try countWrite()
    try inner.put(confirmation, of: key)
  }
  func unconfirmedErasures(
    by node: NodeNumber, incarnation: UInt32, limit: Int
  ) throws(StoreError) -> [RecordKey] {
    try inner.unconfirmedErasures(by: node, incarnation: incarnation, limit: limit)
  }
  func removeConfirmation(of key: RecordKey, by node: NodeNumber) throws(StoreError) {
    try countWrite()
    try inner.removeConfirmation(of: key, by: node)
  }
}
