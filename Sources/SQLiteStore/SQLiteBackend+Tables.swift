package import Base
package import Causality
package import Merge
package import RecordStore
package import StoreModel

/// The calls that one table answers.
extension SQLiteBackend {
  package func loadNode() throws(StoreError) -> NodeState { try nodes.loadNode() }
  package func saveNode(_ node: NodeState) throws(StoreError) { try nodes.saveNode(node) }

  // MARK: Log

  package func append(_ entry: LogEntry) throws(StoreError) { try log.append(entry) }

  package func logEntries(lane: Lane, after sequence: Sequence64, limit: Int) throws(StoreError) -> [LogEntry] {
    try log.entries(lane, after: sequence, limit: max(limit, 0))
  }

  package func logEntry(_ sequence: Sequence64) throws(StoreError) -> LogEntry? { try log.entry(sequence) }

  package func setStamp(_ stamp: Stamp, ofEntry entry: LogEntry) throws(StoreError) {
    try log.setStamp(stamp, ofEntry: entry)
  }

  package func addCounterStep(_ step: CounterStep) throws(StoreError) { try log.add(step) }

  package func counterSteps(
    of ref: RecordRef, after sequence: Sequence64
  ) throws(StoreError) -> [CounterStep] {
    try log.counterSteps(of: ref, after: sequence)
  }

  package func dropCounterSteps(through sequence: Sequence64) throws(StoreError) {
    try log.dropCounterSteps(through: sequence)
  }

  // MARK: Lineages

  package func ancestors(of peer: NodeNumber?) throws(StoreError) -> [Lineage.Ancestor] {
    guard let bytes = try settings.value(LineageSetting.name(of: peer)) else { return [] }
    guard let ancestors = LineageSetting.unpack(bytes) else {
      throw .corrupt(connection.path, "the setting \(LineageSetting.name(of: peer)) cannot be read")
    }
    return ancestors
  }

  package func setAncestors(_ ancestors: [Lineage.Ancestor], of peer: NodeNumber?) throws(StoreError) {
    try settings.set(LineageSetting.name(of: peer), ancestors.isEmpty ? nil : LineageSetting.pack(ancestors))
  }

  package func hiddenAncestors() throws(StoreError) -> Int? {
    try settings.value(LineageSetting.hidden).map(LineageSetting.unpackHidden)
  }

  package func setHiddenAncestors(_ count: Int?) throws(StoreError) {
    try settings.set(LineageSetting.hidden, count.map(LineageSetting.packHidden))
  }

  package func feedTurn() throws(StoreError) -> UInt64 {
    guard let bytes = try settings.value(FeedTurnSetting.name) else { return 0 }
    guard let turn = FeedTurnSetting.unpack(bytes) else {
      throw .corrupt(connection.path, "the setting \(FeedTurnSetting.name) cannot be read")
    }
    return turn
  }

  package func setFeedTurn(_ turn: UInt64) throws(StoreError) {
    try settings.set(FeedTurnSetting.name, FeedTurnSetting.pack(turn))
  }

  package func forgetStubs() throws(StoreError) -> Bool { try hidden.emptyStubs() }

  package func clockMeasurement() throws(StoreError) -> ClockMeasurement {
    guard let bytes = try settings.value(ClockMeasurementSetting.name) else { return ClockMeasurement() }
    guard let measurement = ClockMeasurementSetting.unpack(bytes) else {
      throw .corrupt(connection.path, "the setting \(ClockMeasurementSetting.name) cannot be read")
    }
    return measurement
  }

  package func setClockMeasurement(_ measurement: ClockMeasurement) throws(StoreError) {
    try settings.set(ClockMeasurementSetting.name, ClockMeasurementSetting.pack(measurement))
  }

  package func lastWelcome() throws(StoreError) -> LastWelcome? {
    guard let bytes = try settings.value(LastWelcomeSetting.name) else { return nil }
    guard let welcome = LastWelcomeSetting.unpack(bytes) else {
      throw .corrupt(connection.path, "the setting \(LastWelcomeSetting.name) cannot be read")
    }
    return welcome
  }

  package func setLastWelcome(_ welcome: LastWelcome) throws(StoreError) {
    try settings.set(LastWelcomeSetting.name, LastWelcomeSetting.pack(welcome))
  }

  package func brought(by peer: NodeNumber) throws(StoreError) -> LaneMap<[Sequence64]> {
    guard let bytes = try settings.value(BroughtSetting.name(of: peer)) else { return LaneMap(repeating: []) }
    guard let entries = BroughtSetting.unpack(bytes) else {
      throw .corrupt(connection.path, "the setting \(BroughtSetting.name(of: peer)) cannot be read")
    }
    return entries
  }

  package func setBrought(_ entries: LaneMap<[Sequence64]>, by peer: NodeNumber) throws(StoreError) {
    try settings.set(BroughtSetting.name(of: peer), entries.isEmpty ? nil : BroughtSetting.pack(entries))
  }

  package func partedLogs(of peer: NodeNumber) throws(StoreError) -> [PartedLog] {
    guard let bytes = try settings.value(PartedLogSetting.name(of: peer)) else { return [] }
    guard let logs = PartedLogSetting.unpack(bytes) else {
      throw .corrupt(connection.path, "the setting \(PartedLogSetting.name(of: peer)) cannot be read")
    }
    return logs
  }

  package func setPartedLogs(_ logs: [PartedLog], of peer: NodeNumber) throws(StoreError) {
    try settings.set(PartedLogSetting.name(of: peer), logs.isEmpty ? nil : PartedLogSetting.pack(logs))
  }

  // MARK: Peers

  /// SQLite counts what other connections have written, and apart from that what this one has.
  package func contentsVersion() throws(StoreError) -> ContentsVersion? {
    let others = try dataVersion.first { row throws(StoreError) in try row.integer(0) as Int64 }
    return others.map { ContentsVersion(others: $0, own: connection.totalChanges) }
  }

  package func departures(of ref: RecordRef) throws(StoreError) -> [NodeNumber] { try peers.departures(of: ref) }

  package func setDeparted(_ isDeparted: Bool, _ node: NodeNumber, from ref: RecordRef) throws(StoreError) {
    try peers.setDeparted(isDeparted, node, from: ref)
  }

  package func receiveCursor(peer: NodeNumber, lane: Lane) throws(StoreError) -> ReceiveCursor? {
    try peers.receiveCursor(peer: peer, lane: lane)
  }

  package func setReceiveCursor(_ cursor: ReceiveCursor, peer: NodeNumber, lane: Lane) throws(StoreError) {
    try peers.setReceiveCursor(cursor, peer: peer, lane: lane)
  }

  package func peerLog(_ peer: NodeNumber) throws(StoreError) -> PeerLog? { try peers.log(of: peer) }
  package func setPeerLog(_ log: PeerLog, of peer: NodeNumber) throws(StoreError) { try peers.setLog(log, of: peer) }

  package func acknowledged(peer: NodeNumber, lane: Lane) throws(StoreError) -> Sequence64 {
    try peers.acknowledged(peer: peer, lane: lane)
  }

  package func setAcknowledged(_ through: Sequence64, peer: NodeNumber, lane: Lane) throws(StoreError) {
    try peers.setAcknowledged(through, peer: peer, lane: lane)
  }

  // MARK: Balances

  private func balanceTable(_ name: String) throws(StoreError) -> BalanceTable {
    guard let table = balanceTables[name] else {
      throw StoreError(.internalError, "the model declares no balance “\(name)”")
    }
    return table
  }

  package func addToBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError) {
    try balanceTable(name).add(difference, to: keys)
  }

  package func balance(_ name: String, keys: [Value]) throws(StoreError) -> Int64 {
    try balanceTable(name).balance(keys)
  }

  package func balances(_ name: String) throws(StoreError) -> [Balance] { try balanceTable(name).balances() }

  package func balances(_ name: String, _ query: BalanceQuery) throws(StoreError) -> [Balance] {
    try balanceTable(name).balances(query)
  }

  package func recountBalance(_ name: String) throws(StoreError) {
    let table = try balanceTable(name)
    try table.recount()
    for balance in try purged.balances(name) { try table.add(balance.sum, to: balance.keys) }
  }

  // MARK: Purged records

  package func notePurged(_ key: RecordKey, digest: [UInt8]) throws(StoreError) {
    guard let stub = try hidden.find(key), try hidden.delete(stub.ref) else {
      throw StoreError(.internalError, "\(connection.path): expected a stub of \(key), found none")
    }
    try purged.add(PurgedTables.Item(stored: stub, digest: digest))
  }

  package func purgedDigest(of key: RecordKey) throws(StoreError) -> [UInt8]? { try purged.find(key)?.digest }

  package func forgetPurged(_ key: RecordKey) throws(StoreError) {
    if let item = try purged.remove(key) { try hidden.put(item.stored) }
  }

  package func purgedDigests(
    of entity: EntityTag, after id: RecordID?, limit: Int
  ) throws(StoreError) -> [PurgedDigest] {
    try purged.digests(of: entity, after: id, limit: max(limit, 0))
  }

  package func addToPurgedBalance(_ name: String, keys: [Value], difference: Int64) throws(StoreError) {
    try purged.add(difference, to: name, keys)
  }

  // MARK: Conflict cases and parked groups

  package func conflictCases(of key: RecordKey) throws(StoreError) -> [ConflictCase] { try cases.cases(of: key) }

  package func conflictCase(_ subject: ConflictCase.Subject) throws(StoreError) -> ConflictCase? {
    try cases.find(subject)
  }

  package func conflictCases(includingClosed: Bool) throws(StoreError) -> [ConflictCase] {
    try cases.cases(includingClosed: includingClosed)
  }

  package func put(_ conflictCase: ConflictCase) throws(StoreError) { try cases.put(conflictCase) }
  package func park(_ group: ParkedGroup) throws(StoreError) { try parked.park(group) }
  package func hasParked() throws(StoreError) -> Bool { try !parked.isEmpty() }
  package func isBlockedByParked(_ key: RecordKey, from peer: NodeNumber) throws(StoreError) -> Bool {
    try parked.blocks(key, from: peer)
  }
  package func parkedGroups() throws(StoreError) -> [ParkedGroup] { try parked.groups() }
  package func parkedSummaries() throws(StoreError) -> [ParkedGroup] { try parked.summaries() }
  package func parkedGroup(_ number: Int64) throws(StoreError) -> ParkedGroup? { try parked.group(number) }
  package func parkedSize(of peer: NodeNumber) throws(StoreError) -> (count: Int, bytes: Int) {
    try parked.size(of: peer)
  }
  package func updateParked(_ group: ParkedGroup) throws(StoreError) { try parked.update(group) }
  package func removeParked(_ number: Int64) throws(StoreError) { try parked.remove(number) }

  package func conflictCase(number: Int64) throws(StoreError) -> ConflictCase? { try cases.find(number: number) }
  package func add(_ settlement: Settlement) throws(StoreError) { try judgements.add(settlement) }
  package func settlements(of caseNumber: Int64) throws(StoreError) -> [Settlement] {
    try judgements.settlements(of: caseNumber)
  }

  package func put(_ exception: PeerException) throws(StoreError) { try judgements.put(exception) }
  package func removeException(_ number: Int64) throws(StoreError) { try judgements.removeException(number) }
  package func exceptions(of peer: NodeNumber) throws(StoreError) -> [PeerException] {
    try judgements.exceptions(of: peer)
  }

  // MARK: Answered requests

  package func answeredRequest(scope: String, key: String) throws(StoreError) -> AnsweredRequest? {
    try requests.find(scope: scope, key: key)
  }
  package func keep(_ request: AnsweredRequest) throws(StoreError) { try requests.keep(request) }
  package func dropAnsweredRequests(
    keptOutside times: ClosedRange<WallTime>, beyond count: Int64, limit: Int
  ) throws(StoreError) {
    try requests.drop(keptOutside: times, beyond: count, limit: limit)
  }
}
