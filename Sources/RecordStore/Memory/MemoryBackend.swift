package import Base
package import Causality
package import Merge
package import StoreModel

/// A backend that keeps everything in memory, for tests and simulations. What a transaction wrote survives a
/// simulated crash from the moment that it returned, like SQLite's with `synchronous=FULL`.
package final class MemoryBackend: StorageBackend {
  package let model: Model
  var storage: MemoryStorage
  /// What undoes the writes of the running transaction, latest last; a journal, because a copy of everything at each
  /// transaction would make a long simulation quadratic.
  private var undo: [(inout MemoryStorage) -> Void] = []
  private var isInTransaction = false
  /// How often something was written or undone.
  private var changes: Int64 = 0

  package init(model: Model, identity: NodeIdentity) {
    self.model = model
    storage = MemoryStorage(node: NodeState(identity: identity))
  }

  /// The same as it is now, on a disk of its own.
  package init(copying other: MemoryBackend) {
    precondition(!other.isInTransaction, "a copy is made between transactions")
    model = other.model
    storage = other.storage
  }

  private init(_ storage: MemoryStorage, _ model: Model) {
    self.model = model
    self.storage = storage
  }

  /// What the next process finds, wherever the last one stopped: without the writes of a transaction that it was in.
  /// Balances of what has become known with another model are added up.
  package func reopened(_ model: Model) throws(StoreError) -> MemoryBackend {
    var committed = storage
    for step in undo.reversed() { step(&committed) }
    let next = MemoryBackend(committed, model)
    guard model.entities != self.model.entities else { return next }
    try next.transaction { () throws(StoreError) in
      for balance in model.entities.flatMap(\.balances) { next.recountBalance(balance.name) }
      next.setFeedTurn(next.feedTurn() + 1)
    }
    return next
  }

  package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    precondition(!isInTransaction, "transactions do not nest")
    isInTransaction = true
    defer {
      isInTransaction = false
      undo = []
    }
    do {
      return try body()
    } catch {
      rollBack(to: 0)
      throw error
    }
  }

  package func savepoint<Result>(_ body: () throws(StoreError) -> Result?) throws(StoreError) -> Result? {
    precondition(isInTransaction, "a savepoint lies in a transaction")
    let mark = undo.count
    do {
      if let result = try body() { return result }
    } catch {
      rollBack(to: mark)
      throw error
    }
    rollBack(to: mark)
    return nil
  }

  package func contentsVersion() -> ContentsVersion? { ContentsVersion(own: changes) }

  private func rollBack(to mark: Int) {
    changes += 1
    while undo.count > mark { undo.removeLast()(&storage) }
  }

  func write<Stored>(_ path: WritableKeyPath<MemoryStorage, Stored>, _ new: Stored) {
    precondition(isInTransaction, "writes lie in a transaction")
    changes += 1
    let old = storage[keyPath: path]
    undo.append { $0[keyPath: path] = old }
    storage[keyPath: path] = new
  }
}

extension MemoryBackend {
  package func loadNode() -> NodeState { storage.node }
  package func saveNode(_ node: NodeState) { write(\.node, node) }

  package func find(_ key: RecordKey) -> StoredRecord? { storage.refs[key].flatMap { storage.rows[$0] } }
  package func read(_ ref: RecordRef) -> StoredRecord? { storage.rows[ref] }

  package func insert(_ key: RecordKey, _ body: StoredRecord.Body, sequence: Sequence64) -> RecordRef {
    precondition(storage.refs[key] == nil, "the record is not there yet")
    write(\.lastRow, storage.lastRow + 1)
    let ref = RecordRef(entity: key.entity, row: storage.lastRow)
    write(\.refs[key], ref)
    write(\.rows[ref], StoredRecord(ref: ref, key: key, sequence: sequence, body: body))
    return ref
  }

  package func update(_ record: StoredRecord) { write(\.rows[record.ref], record) }

  private func held(_ entity: EntityTag) -> [RecordState] {
    storage.rows.values.filter { $0.key.entity == entity }.compactMap(\.state).sorted { $0.id < $1.id }
  }

  package func records(of entity: EntityTag, after id: RecordID?, limit: Int) -> [RecordState] {
    Array(held(entity).lazy.filter { record in id.map { record.id > $0 } ?? true }.prefix(limit))
  }

  package func heldEntities() -> [EntityTag] {
    Set(storage.rows.values.filter { $0.state != nil }.map(\.key.entity)).sorted()
  }

  package func count(of entity: EntityTag) -> Int {
    held(entity).count { state in !(model.entity(entity).map { state.isDeleted($0.deletion) } ?? false) }
  }

  package func records(
    of entity: EntityTag, showing values: [(field: FieldTag, value: Value)], limit: Int
  ) -> [RecordID] {
    guard let schema = model.entity(entity) else { return [] }
    let matches = held(entity).lazy.filter { state in
      !state.isDeleted(schema.deletion)
        && values.allSatisfy { field, value in
          schema.field(field).map { state.shown($0, schema) == .value(value) } ?? false
        }
    }
    return Array(matches.map(\.id).prefix(limit))
  }

  package func records(_ plan: RecordQueryPlan, limit: Int) -> [RecordState] {
    let found = held(plan.schema.tag).compactMap { state in
      plan.position(of: state).map { (position: $0, state: state) }
    }
    let rest = found.filter { item in plan.after.map { plan.precedes($0, item.position) } ?? true }
    return rest.sorted { plan.precedes($0.position, $1.position) }.prefix(limit).map(\.state)
  }

  package func append(_ entry: LogEntry) {
    write(\.log[entry.sequence], entry)
    write(\.laneSequences[entry.lane], (storage.laneSequences[entry.lane] ?? []) + [entry.sequence])
  }

  package func logEntries(lane: Lane, after sequence: Sequence64, limit: Int) -> [LogEntry] {
    let sequences = storage.laneSequences[lane, default: []]
    let start = sequences.firstIndex { $0 > sequence } ?? sequences.endIndex
    return sequences[start...].prefix(limit).compactMap { storage.log[$0] }
  }

  package func logEntry(_ sequence: Sequence64) -> LogEntry? { storage.log[sequence] }

  package func setStamp(_ stamp: Stamp, ofEntry entry: LogEntry) {
    var entry = entry
    entry.stamp = stamp
    write(\.log[entry.sequence], entry)
  }

  package func addCounterStep(_ step: CounterStep) { write(\.counterSteps, storage.counterSteps + [step]) }

  package func counterSteps(of ref: RecordRef, after sequence: Sequence64) -> [CounterStep] {
    storage.counterSteps.filter { $0.ref == ref && $0.sequence > sequence }
      .sorted { ($0.sequence, $0.field) < ($1.sequence, $1.field) }
  }

  package func dropCounterSteps(through sequence: Sequence64) {
    write(\.counterSteps, storage.counterSteps.filter { $0.sequence > sequence })
  }

  package func ancestors(of peer: NodeNumber?) -> [Lineage.Ancestor] { storage.ancestors[peer] ?? [] }

  package func setAncestors(_ ancestors: [Lineage.Ancestor], of peer: NodeNumber?) {
    write(\.ancestors[peer], ancestors)
  }

  package func hiddenAncestors() -> Int? { storage.hiddenAncestors }
  package func setHiddenAncestors(_ count: Int?) { write(\.hiddenAncestors, count) }

  package func feedTurn() -> UInt64 { storage.feedTurn }
  package func setFeedTurn(_ turn: UInt64) { write(\.feedTurn, turn) }

  package func forgetStubs() -> Bool {
    var found = false
    for (ref, stored) in storage.rows {
      guard case .stub(let vector) = stored.body, !vector.isEmpty, storage.purged[stored.key] == nil else { continue }
      var emptied = stored
      emptied.body = .stub(VersionVector())
      write(\.rows[ref], emptied)
      found = true
    }
    return found
  }

  package func clockMeasurement() -> ClockMeasurement { storage.clockMeasurement }
  package func setClockMeasurement(_ measurement: ClockMeasurement) { write(\.clockMeasurement, measurement) }

  package func lastWelcome() -> LastWelcome? { storage.lastWelcome }
  package func setLastWelcome(_ welcome: LastWelcome) { write(\.lastWelcome, welcome) }

  package func brought(by peer: NodeNumber) -> LaneMap<[Sequence64]> {
    storage.brought[peer] ?? LaneMap(repeating: [])
  }
  package func setBrought(_ entries: LaneMap<[Sequence64]>, by peer: NodeNumber) { write(\.brought[peer], entries) }

  package func partedLogs(of peer: NodeNumber) -> [PartedLog] { storage.partedLogs[peer] ?? [] }
  package func setPartedLogs(_ logs: [PartedLog], of peer: NodeNumber) { write(\.partedLogs[peer], logs) }

  package func departures(of ref: RecordRef) -> [NodeNumber] { storage.departures[ref] ?? [] }

  package func setDeparted(_ isDeparted: Bool, _ node: NodeNumber, from ref: RecordRef) {
    var nodes = Set(storage.departures[ref] ?? [])
    if isDeparted { nodes.insert(node) } else { nodes.remove(node) }
    write(\.departures[ref], nodes.isEmpty ? nil : nodes.sorted())
  }

  package func receiveCursor(peer: NodeNumber, lane: Lane) -> ReceiveCursor? {
    storage.cursors[MemoryStorage.LaneKey(peer: peer, lane: lane)]
  }

  package func setReceiveCursor(_ cursor: ReceiveCursor, peer: NodeNumber, lane: Lane) {
    write(\.cursors[MemoryStorage.LaneKey(peer: peer, lane: lane)], cursor)
  }

  package func peerLog(_ peer: NodeNumber) -> PeerLog? { storage.peerLogs[peer] }
  package func setPeerLog(_ log: PeerLog, of peer: NodeNumber) { write(\.peerLogs[peer], log) }

  package func acknowledged(peer: NodeNumber, lane: Lane) -> Sequence64 {
    storage.acknowledged[MemoryStorage.LaneKey(peer: peer, lane: lane)] ?? 0
  }

  package func setAcknowledged(_ through: Sequence64, peer: NodeNumber, lane: Lane) {
    write(\.acknowledged[MemoryStorage.LaneKey(peer: peer, lane: lane)], through)
  }

  package func addToBalance(_ name: String, keys: [Value], difference: Int64) {
    let key = MemoryStorage.BalanceKey(name: name, keys: keys)
    write(\.balances[key], (storage.balances[key] ?? 0).addingSaturating(difference))
  }

  package func balance(_ name: String, keys: [Value]) -> Int64 {
    storage.balances[MemoryStorage.BalanceKey(name: name, keys: keys)] ?? 0
  }

  package func balances(_ name: String) -> [Balance] {
    storage.balances.filter { $0.key.name == name && $0.value != 0 }
      .map { Balance(keys: $0.key.keys, sum: $0.value) }
      .sorted { $0.keys.lexicographicallyPrecedes($1.keys) }
  }

  package func balances(_ name: String, _ query: BalanceQuery) -> [Balance] {
    let found = storage.balances.filter { key, _ in
      key.name == name && key.keys.starts(with: query.beginning)
        && query.after.map { $0.lexicographicallyPrecedes(key.keys) } ?? true
    }
    let sorted = found.map { Balance(keys: $0.key.keys, sum: $0.value) }
      .sorted { $0.keys.lexicographicallyPrecedes($1.keys) }
    return Array(sorted.prefix(query.limit))
  }

  package func recountBalance(_ name: String) {
    write(\.balances, storage.balances.filter { $0.key.name != name })
    for schema in model.entities {
      for declaration in schema.balances where declaration.name == name {
        for state in held(schema.tag) {
          guard let part = state.contribution(to: declaration, schema) else { continue }
          addToBalance(name, keys: part.keys, difference: part.amount)
        }
      }
    }
    for (key, sum) in storage.purgedBalances where key.name == name {
      addToBalance(name, keys: key.keys, difference: sum)
    }
  }

  package func notePurged(_ key: RecordKey, digest: [UInt8]) { write(\.purged[key], digest) }
  package func purgedDigest(of key: RecordKey) -> [UInt8]? { storage.purged[key] }
  package func forgetPurged(_ key: RecordKey) { write(\.purged[key], nil) }

  package func purgedDigests(of entity: EntityTag, after id: RecordID?, limit: Int) -> [PurgedDigest] {
    let all = storage.purged.filter { item in item.key.entity == entity && id.map { item.key.id > $0 } ?? true }
    return Array(all.map { PurgedDigest(id: $0.key.id, digest: $0.value) }.sorted { $0.id < $1.id }.prefix(limit))
  }

  package func addToPurgedBalance(_ name: String, keys: [Value], difference: Int64) {
    let key = MemoryStorage.BalanceKey(name: name, keys: keys)
    write(\.purgedBalances[key], (storage.purgedBalances[key] ?? 0).addingSaturating(difference))
  }

  package func conflictCases(of key: RecordKey) -> [ConflictCase] {
    storage.cases.values
      .filter { $0.subject.entity == key.entity && $0.subject.record == key.id && $0.status != .closed }
      .sorted { $0.number < $1.number }
  }

  package func conflictCase(_ subject: ConflictCase.Subject) -> ConflictCase? { storage.cases[subject] }

  package func conflictCases(includingClosed: Bool) -> [ConflictCase] {
    storage.cases.values.filter { includingClosed || $0.status != .closed }.sorted { $0.number < $1.number }
  }

  package func put(_ conflictCase: ConflictCase) {
    var conflictCase = conflictCase
    if conflictCase.number == 0 {
      write(\.lastCase, storage.lastCase + 1)
      conflictCase.number = storage.lastCase
    }
    write(\.cases[conflictCase.subject], conflictCase)
  }

  package func park(_ group: ParkedGroup) {
    var group = group
    write(\.lastParked, storage.lastParked + 1)
    group.number = storage.lastParked
    write(\.parked, storage.parked + [group])
  }

  package func isBlockedByParked(_ key: RecordKey, from peer: NodeNumber) -> Bool {
    storage.parked.contains { $0.peer == peer && $0.keys.contains(key) }
  }
  package func parkedGroups() -> [ParkedGroup] { storage.parked }

  package func parkedSummaries() -> [ParkedGroup] {
    storage.parked.map { group in
      var group = group
      group.payload = []
      return group
    }
  }

  package func parkedGroup(_ number: Int64) -> ParkedGroup? { storage.parked.first { $0.number == number } }

  package func parkedSize(of peer: NodeNumber) -> (count: Int, bytes: Int) {
    storage.parked.reduce((0, 0)) { sum, group in
      group.peer == peer ? (sum.0 + 1, sum.1 + group.payload.count) : sum
    }
  }

  package func updateParked(_ group: ParkedGroup) {
    write(
      \.parked,
      storage.parked.map { old in
        guard old.number == group.number else { return old }
        var new = old
        new.code = group.code
        new.reason = group.reason
        new.keys = group.keys
        return new
      })
  }

  package func removeParked(_ number: Int64) { write(\.parked, storage.parked.filter { $0.number != number }) }

  package func conflictCase(number: Int64) -> ConflictCase? { storage.cases.values.first { $0.number == number } }
  package func add(_ settlement: Settlement) { write(\.settlements, storage.settlements + [settlement]) }
  package func settlements(of caseNumber: Int64) -> [Settlement] {
    storage.settlements.filter { $0.caseNumber == caseNumber }
  }

  package func put(_ exception: PeerException) {
    var exception = exception
    if exception.number == 0 {
      write(\.lastException, storage.lastException + 1)
      exception.number = storage.lastException
      return write(\.exceptions, storage.exceptions + [exception])
    }
    write(\.exceptions, storage.exceptions.map { $0.number == exception.number ? exception : $0 })
  }

  package func removeException(_ number: Int64) {
    write(\.exceptions, storage.exceptions.filter { $0.number != number })
  }

  package func exceptions(of peer: NodeNumber) -> [PeerException] { storage.exceptions.filter { $0.peer == peer } }

  package func answeredRequest(scope: String, key: String) -> AnsweredRequest? {
    storage.requests.first { $0.request.scope == scope && $0.request.key == key }
  }

  package func keep(_ request: AnsweredRequest) { write(\.requests, storage.requests + [request]) }

  package func dropAnsweredRequests(keptOutside times: ClosedRange<WallTime>, beyond count: Int64, limit: Int) {
    let spare = max(0, storage.requests.count - Int(count))
    let rest = storage.requests.enumerated().filter { place, request in
      place >= limit || place >= spare && times.contains(request.at)
    }
    write(\.requests, rest.map(\.element))
  }

  package func exceptions() -> [PeerException] { storage.exceptions }
}
