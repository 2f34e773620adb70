package import Base
package import Causality
package import Merge
package import RecordStore
package import StoreModel

/// A node's database: some backend, on a disk that may be full. It survives crashes.
///
/// Looking at it never throws, so that the checkers read plainly; what a look fails on is kept in `failure`.
package final class SimulatedDisk: StorageBackend {
  private let inner: any StorageBackend
  private let identity: NodeIdentity
  /// Writes that still succeed; nil for all.
  var writesLeft: Int?
  /// How often a write found no room.
  private(set) var fullCount = 0
  private(set) var failure: StoreError?
  /// Writes until the process ends, in the middle of what it does; nil for not at all.
  var writesToEnd: Int?
  /// Called when it does: the disk is as it lies there.
  var onEnd: (() throws(StoreError) -> Void)?

  init(_ inner: any StorageBackend) throws(StoreError) {
    self.inner = inner
    identity = try inner.loadNode().identity
  }

  /// The backend itself, for copies.
  var storage: any StorageBackend { inner }

  private func beforeWrite() throws(StoreError) {
    if let left = writesToEnd {
      writesToEnd = left - 1
      if left == 0 { try onEnd?() }
      guard left > 0 else { throw StoreError(.interrupted, "the simulated process has ended") }
    }
    guard let left = writesLeft else { return }
    guard left > 0 else {
      fullCount += 1
      throw StoreError(.diskFull, "the simulated disk is full")
    }
    writesLeft = left - 1
  }

  private func look<Found>(_ instead: Found, _ body: () throws(StoreError) -> Found) -> Found {
    do throws(StoreError) {
      return try body()
    } catch {
      failure = failure ?? error
      return instead
    }
  }

  package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    let result = try inner.transaction(body)
    if let failure { throw failure }
    return result
  }

  package func savepoint<Result>(_ body: () throws(StoreError) -> Result?) throws(StoreError) -> Result? {
    try inner.savepoint(body)
  }

  package var model: Model { inner.model }

  package func loadNode() -> NodeState {
    look(NodeState(identity: identity)) { () throws(StoreError) in try inner.loadNode() }
  }
  package func saveNode(_ node: NodeState) throws(StoreError) {
    try beforeWrite()
    try inner.saveNode(node)
  }

  package func find(_ key: RecordKey) -> StoredRecord? { look(nil) { () throws(StoreError) in try inner.find(key) } }
  package func read(_ ref: RecordRef) -> StoredRecord? { look(nil) { () throws(StoreError) in try inner.read(ref) } }
  package func insert(
    _ key: RecordKey, _ body: StoredRecord.Body, sequence: Sequence64
  ) throws(StoreError) -> RecordRef {
    try beforeWrite()
    return try inner.insert(key, body, sequence: sequence)
  }
  package func update(_ record: StoredRecord) throws(StoreError) {
    try beforeWrite()
    try inner.update(record)
  }
  package func records(of entity: EntityTag, after id: RecordID?, limit: Int) -> [RecordState] {
    look([]) { () throws(StoreError) in try inner.records(of: entity, after: id, limit: limit) }
  }
  package func heldEntities() -> [EntityTag] { look([]) { () throws(StoreError) in try inner.heldEntities() } }
  package func count(of entity: EntityTag) -> Int { look(0) { () throws(StoreError) in try inner.count(of: entity) } }
  package func records(
    of entity: EntityTag, showing values: [(field: FieldTag, value: Value)], limit: Int
  ) -> [RecordID] { look([]) { () throws(StoreError) in try inner.records(of: entity, showing: values, limit: limit) } }
  package func append(_ entry: LogEntry) throws(StoreError) {
    try beforeWrite()
    try inner.append(entry)
  }
  package func logEntries(lane: Lane, after sequence: Sequence64, limit: Int) -> [LogEntry] {
    look([]) { () throws(StoreError) in try inner.logEntries(lane: lane, after: sequence, limit: limit) }
  }
  package func logEntry(_ sequence: Sequence64) -> LogEntry? {
    look(nil) { () throws(StoreError) in try inner.logEntry(sequence) }
  }
  package func setStamp(_ stamp: Stamp, ofEntry entry: LogEntry) throws(StoreError) {
    try beforeWrite()
    try inner.setStamp(stamp, ofEntry: entry)
  }

  package func addCounterStep(_ step: CounterStep) throws(StoreError) {
    try beforeWrite()
    try inner.addCounterStep(step)
  }

  package func counterSteps(of ref: RecordRef, after sequence: Sequence64) -> [CounterStep] {
    look([]) { () throws(StoreError) in try inner.counterSteps(of: ref, after: sequence) }
  }
  package func dropCounterSteps(through sequence: Sequence64) throws(StoreError) {
    try beforeWrite()
    try inner.dropCounterSteps(through: sequence)
  }

  package func ancestors(of peer: NodeNumber?) -> [Lineage.Ancestor] {
    look([]) { () throws(StoreError) in try inner.ancestors(of: peer) }
  }
  package func setAncestors(_ ancestors: [Lineage.Ancestor], of peer: NodeNumber?) throws(StoreError) {
    try beforeWrite()
    try inner.setAncestors(ancestors, of: peer)
  }

  package func hiddenAncestors() -> Int? { look(nil) { () throws(StoreError) in try inner.hiddenAncestors() } }
  package func setHiddenAncestors(_ count: Int?) throws(StoreError) {
    try beforeWrite()
    try inner.setHiddenAncestors(count)
  }

  package func notePurged(_ key: RecordKey, digest: [UInt8]) throws(StoreError) {
    try beforeWrite()
    try inner.notePurged(key, digest: digest)
  }
  package func purgedDigest(of key: RecordKey) -> [UInt8]? {
    look(nil) { () throws(StoreError) in try inner.purgedDigest(of: key) }
  }
  package func purgedDigests(of entity: EntityTag, after id: RecordID?, limit: Int) -> [PurgedDigest] {
    look([]) { () throws(StoreError) in try inner.purgedDigests(of: entity, after: id, limit: limit) }
  }
  package func forgetPurged(_ key: RecordKey) throws(StoreError) {
    try beforeWrite()
    try inner.forgetPurged(key)
  }
  package func addToPurgedBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError) {
    try beforeWrite()
    try inner.addToPurgedBalance(name, keys: keys, difference: difference)
  }

  package func feedTurn() -> UInt64 { look(0) { () throws(StoreError) in try inner.feedTurn() } }
  package func setFeedTurn(_ turn: UInt64) throws(StoreError) {
    try beforeWrite()
    try inner.setFeedTurn(turn)
  }

  package func forgetStubs() throws(StoreError) -> Bool {
    try beforeWrite()
    return try inner.forgetStubs()
  }
  package func clockMeasurement() -> ClockMeasurement {
    look(ClockMeasurement()) { () throws(StoreError) in try inner.clockMeasurement() }
  }
  package func setClockMeasurement(_ measurement: ClockMeasurement) throws(StoreError) {
    try beforeWrite()
    try inner.setClockMeasurement(measurement)
  }
  package func lastWelcome() -> LastWelcome? {
    look(nil) { () throws(StoreError) in try inner.lastWelcome() }
  }
  package func setLastWelcome(_ welcome: LastWelcome) throws(StoreError) {
    try beforeWrite()
    try inner.setLastWelcome(welcome)
  }

  package func brought(by peer: NodeNumber) -> LaneMap<[Sequence64]> {
    look(LaneMap(repeating: [])) { () throws(StoreError) in try inner.brought(by: peer) }
  }
  package func setBrought(_ entries: LaneMap<[Sequence64]>, by peer: NodeNumber) throws(StoreError) {
    try beforeWrite()
    try inner.setBrought(entries, by: peer)
  }

  package func partedLogs(of peer: NodeNumber) -> [PartedLog] {
    look([]) { () throws(StoreError) in try inner.partedLogs(of: peer) }
  }
  package func setPartedLogs(_ logs: [PartedLog], of peer: NodeNumber) throws(StoreError) {
    try beforeWrite()
    try inner.setPartedLogs(logs, of: peer)
  }

  package func contentsVersion() -> ContentsVersion? {
    look(nil) { () throws(StoreError) in try inner.contentsVersion() }
  }

  package func departures(of ref: RecordRef) -> [NodeNumber] {
    look([]) { () throws(StoreError) in try inner.departures(of: ref) }
  }
  package func setDeparted(_ isDeparted: Bool, _ node: NodeNumber, from ref: RecordRef) throws(StoreError) {
    try beforeWrite()
    try inner.setDeparted(isDeparted, node, from: ref)
  }

  package func receiveCursor(peer: NodeNumber, lane: Lane) -> ReceiveCursor? {
    look(nil) { () throws(StoreError) in try inner.receiveCursor(peer: peer, lane: lane) }
  }
  package func setReceiveCursor(_ cursor: ReceiveCursor, peer: NodeNumber, lane: Lane) throws(StoreError) {
    try beforeWrite()
    try inner.setReceiveCursor(cursor, peer: peer, lane: lane)
  }
  package func peerLog(_ peer: NodeNumber) -> PeerLog? {
    look(nil) { () throws(StoreError) in try inner.peerLog(peer) }
  }
  package func setPeerLog(_ log: PeerLog, of peer: NodeNumber) throws(StoreError) {
    try beforeWrite()
    try inner.setPeerLog(log, of: peer)
  }

  package func acknowledged(peer: NodeNumber, lane: Lane) -> Sequence64 {
    look(0) { () throws(StoreError) in try inner.acknowledged(peer: peer, lane: lane) }
  }
  package func setAcknowledged(_ through: Sequence64, peer: NodeNumber, lane: Lane) throws(StoreError) {
    try beforeWrite()
    try inner.setAcknowledged(through, peer: peer, lane: lane)
  }

  package func recountBalance(_ name: String) throws(StoreError) {
    try beforeWrite()
    try inner.recountBalance(name)
  }

  package func addToBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError) {
    try beforeWrite()
    try inner.addToBalance(name, keys: keys, difference: difference)
  }
  package func balance(_ name: String, keys: [Value]) -> Int64 {
    look(0) { () throws(StoreError) in try inner.balance(name, keys: keys) }
  }
  package func balances(_ name: String) -> [Balance] { look([]) { () throws(StoreError) in try inner.balances(name) } }
  package func balances(_ name: String, _ query: BalanceQuery) -> [Balance] {
    look([]) { () throws(StoreError) in try inner.balances(name, query) }
  }
  package func conflictCases(of key: RecordKey) -> [ConflictCase] {
    look([]) { () throws(StoreError) in try inner.conflictCases(of: key) }
  }
  package func conflictCase(_ subject: ConflictCase.Subject) -> ConflictCase? {
    look(nil) { () throws(StoreError) in try inner.conflictCase(subject) }
  }
  package func conflictCases(includingClosed: Bool) -> [ConflictCase] {
    look([]) { () throws(StoreError) in try inner.conflictCases(includingClosed: includingClosed) }
  }
  package func put(_ conflictCase: ConflictCase) throws(StoreError) {
    try beforeWrite()
    try inner.put(conflictCase)
  }

  package func park(_ group: ParkedGroup) throws(StoreError) {
    try beforeWrite()
    try inner.park(group)
  }
  package func isBlockedByParked(_ key: RecordKey, from peer: NodeNumber) -> Bool {
    look(true) { () throws(StoreError) in try inner.isBlockedByParked(key, from: peer) }
  }
  package func parkedGroups() -> [ParkedGroup] { look([]) { () throws(StoreError) in try inner.parkedGroups() } }
  package func parkedSummaries() -> [ParkedGroup] { look([]) { () throws(StoreError) in try inner.parkedSummaries() } }
  package func parkedGroup(_ number: Int64) -> ParkedGroup? {
    look(nil) { () throws(StoreError) in try inner.parkedGroup(number) }
  }
  package func parkedSize(of peer: NodeNumber) -> (count: Int, bytes: Int) {
    look((0, 0)) { () throws(StoreError) in try inner.parkedSize(of: peer) }
  }
  package func updateParked(_ group: ParkedGroup) throws(StoreError) {
    try beforeWrite()
    try inner.updateParked(group)
  }
  package func removeParked(_ number: Int64) throws(StoreError) {
    try beforeWrite()
    try inner.removeParked(number)
  }

  package func conflictCase(number: Int64) -> ConflictCase? {
    look(nil) { () throws(StoreError) in try inner.conflictCase(number: number) }
  }
  package func add(_ settlement: Settlement) throws(StoreError) {
    try beforeWrite()
    try inner.add(settlement)
  }
  package func settlements(of caseNumber: Int64) -> [Settlement] {
    look([]) { () throws(StoreError) in try inner.settlements(of: caseNumber) }
  }
  package func put(_ exception: PeerException) throws(StoreError) {
    try beforeWrite()
    try inner.put(exception)
  }
  package func removeException(_ number: Int64) throws(StoreError) {
    try beforeWrite()
    try inner.removeException(number)
  }
  package func exceptions(of peer: NodeNumber) -> [PeerException] {
    look([]) { () throws(StoreError) in try inner.exceptions(of: peer) }
  }
  package func records(_ plan: RecordQueryPlan, limit: Int) -> [RecordState] {
    look([]) { () throws(StoreError) in try inner.records(plan, limit: limit) }
  }
  package func answeredRequest(scope: String, key: String) -> AnsweredRequest? {
    look(nil) { () throws(StoreError) in try inner.answeredRequest(scope: scope, key: key) }
  }
  package func keep(_ request: AnsweredRequest) throws(StoreError) {
    try beforeWrite()
    try inner.keep(request)
  }
  package func dropAnsweredRequests(
    keptOutside times: ClosedRange<WallTime>, beyond count: Int64, limit: Int
  ) throws(StoreError) {
    try beforeWrite()
    try inner.dropAnsweredRequests(keptOutside: times, beyond: count, limit: limit)
  }
  package func exceptions() -> [PeerException] { look([]) { () throws(StoreError) in try inner.exceptions() } }
}

// MARK: - Erasures

extension SimulatedDisk {
  package func removeConflictCase(_ number: Int64) throws(StoreError) {
    try beforeWrite()
    try inner.removeConflictCase(number)
  }
  package func rewriteParked(_ group: ParkedGroup) throws(StoreError) {
    try beforeWrite()
    try inner.rewriteParked(group)
  }
  package func dropCounterSteps(of ref: RecordRef) throws(StoreError) {
    try beforeWrite()
    try inner.dropCounterSteps(of: ref)
  }
  package func emptyAnswers(containing bytes: [UInt8]) throws(StoreError) {
    try beforeWrite()
    try inner.emptyAnswers(containing: bytes)
  }
  package func erasures() -> [Erasure] { look([]) { () throws(StoreError) in try inner.erasures() } }
  package func erasure(of key: RecordKey) -> Erasure? {
    look(nil) { () throws(StoreError) in try inner.erasure(of: key) }
  }
  package func put(_ erasure: Erasure) throws(StoreError) {
    try beforeWrite()
    try inner.put(erasure)
  }
  package func confirmations(of key: RecordKey) -> [ErasureConfirmation] {
    look([]) { () throws(StoreError) in try inner.confirmations(of: key) }
  }
  package func put(_ confirmation: ErasureConfirmation, of key: RecordKey) throws(StoreError) {
    try beforeWrite()
    try inner.put(confirmation, of: key)
  }
  package func unconfirmedErasures(by node: NodeNumber, incarnation: UInt32, limit: Int) -> [RecordKey] {
    look([]) { () throws(StoreError) in
      try inner.unconfirmedErasures(by: node, incarnation: incarnation, limit: limit)
    }
  }
  package func removeConfirmation(of key: RecordKey, by node: NodeNumber) throws(StoreError) {
    try beforeWrite()
    try inner.removeConfirmation(of: key, by: node)
  }
}
