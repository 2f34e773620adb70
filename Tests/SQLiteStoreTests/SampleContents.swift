import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel

/// Something in every table, and what every call then gives.
struct SampleContents: Equatable {
  var node: NodeState
  var records: [StoredRecord?]
  var listed: [[RecordState]]
  var log: [[LogEntry]]
  var departures: [NodeNumber]
  var cursor: ReceiveCursor?
  var acknowledged: [Sequence64]
  var balances: [Balance]
  var cases: [ConflictCase]
  var parked: [ParkedGroup]

  static let keys = [
    thing(1, [:]).key, thing(2, [:]).key, thing(3, [:]).key, entry("a", "p", 1, 1).key,
    RecordKey(entity: EntityTag(77), id: RecordID([1])),
  ]

  static let node = NodeState(
    identity: NodeIdentity(replica: hq, epoch: Epoch(rawValue: 3)),
    clock: HybridClock(last: HybridTimestamp(rawValue: .max)), head: 12)

  static func logEntry(_ sequence: Sequence64, _ lane: Lane, _ audience: Audience, _ rows: [Int64]) -> LogEntry {
    LogEntry(
      sequence: sequence, lane: lane, stamp: stamp(Int64(sequence), lane == .bulk ? hq : store),
      origin: lane == .urgent ? nil : NodeNumber(UInt32(sequence)), audience: audience,
      records: rows.map { RecordRef(entity: $0 < 0 ? Entry.tag : Thing.tag, row: abs($0)) },
      needs: Array(1..<sequence), batchStart: max(sequence, 2) - 1)
  }

  static func conflict(_ number: Int64, _ status: ConflictCase.Status, _ record: RecordID) -> ConflictCase {
    ConflictCase(
      number: number,
      subject: ConflictCase.Subject(kind: .field, entity: Thing.tag, record: record, detail: "parent"),
      status: status, records: [record, uuid(9)],
      candidates: [
        Concurrence.Candidate(stamp: stamp(1), value: .null, isShown: false),
        Concurrence.Candidate(stamp: stamp(2, hq), value: .integer(-5), isShown: true),
        Concurrence.Candidate(stamp: stamp(3), value: .text("x"), isShown: false),
        Concurrence.Candidate(stamp: stamp(4), value: .bytes([]), isShown: false),
      ],
      reason: "the latest write", openedAt: WallTime(milliseconds: 5), changedAt: WallTime(milliseconds: -6))
  }

  static func parkedGroup(_ number: Int64, _ keys: [RecordKey]) -> ParkedGroup {
    ParkedGroup(
      number: number, peer: NodeNumber(4), lane: .bulk, receivedAt: WallTime(milliseconds: 1), code: "invalid-value",
      reason: "", keys: keys, payload: [0, 1, 2])
  }

  static func write(to backend: SQLiteBackend) throws(StoreError) -> SampleContents {
    try backend.transaction { () throws(StoreError) in
      try backend.saveNode(node)
      try backend.insert(thing(2, [.name: .text("two"), .store: .integer(1)]), sequence: 1)
      var deleted = thing(1, [.name: .text("one")])
      deleted.delete(stamp: stamp(5))
      try backend.insert(deleted, sequence: 2)
      _ = try backend.insert(keys[2], .stub(VersionVector(stamp(1, hq))), sequence: 3)
      try backend.insert(entry("a", "p", 1, 8))
      try backend.insert(RecordState(entity: EntityTag(77), id: RecordID([1]), vector: VersionVector(stamp(1))))
      try backend.append(logEntry(1, .urgent, .mixed, [1, 2, 3, -7, -6, 5]))
      try backend.append(logEntry(2, .bulk, .hq, [.max, 1]))
      try backend.append(logEntry(3, .normal, .store(NodeNumber(.max)), []))
      try backend.append(logEntry(4, .urgent, .store(.hq), [-1]))
      let ref = RecordRef(entity: Thing.tag, row: 1)
      for number in [9, 3, 9] { try backend.setDeparted(true, NodeNumber(UInt32(number)), from: ref) }
      try backend.setDeparted(true, NodeNumber(8), from: ref)
      try backend.setDeparted(false, NodeNumber(8), from: ref)
      let cursor = ReceiveCursor(epoch: Epoch(rawValue: .max), through: 4, incompleteUntil: 9)
      try backend.setReceiveCursor(ReceiveCursor(epoch: Epoch(rawValue: 1), through: 1), peer: .hq, lane: .bulk)
      try backend.setReceiveCursor(cursor, peer: .hq, lane: .bulk)
      try backend.setAcknowledged(3, peer: .hq, lane: .urgent)
      try backend.setAcknowledged(5, peer: .hq, lane: .urgent)
      try backend.addToBalance("stock_on_hand", keys: [.text("p"), .integer(1)], difference: 8)
      try backend.addToBalance("stock_on_hand", keys: [.text("p"), .integer(1)], difference: -3)
      try backend.addToBalance("stock_on_hand", keys: [.text("b"), .integer(2)], difference: 1)
      try backend.addToBalance("stock_on_hand", keys: [.text("a"), .integer(2)], difference: 4)
      try backend.addToBalance("stock_on_hand", keys: [.text("a"), .integer(2)], difference: -4)
      try backend.put(conflict(0, .open, uuid(1)))
      try backend.put(conflict(0, .closed, uuid(2)))
      try backend.put(conflict(0, .open, uuid(3)))
      try backend.put(conflict(3, .decided, uuid(3)))
      try backend.park(parkedGroup(0, [keys[3], keys[0]]))
      try backend.park(parkedGroup(0, []))
    }
    return try read(from: backend)
  }

  static func read(from backend: SQLiteBackend) throws(StoreError) -> SampleContents {
    var records: [StoredRecord?] = []
    for key in keys { records.append(try backend.find(key)) }
    var listed: [[RecordState]] = []
    for entity in try backend.heldEntities() {
      listed.append(try backend.records(of: entity, after: nil, limit: 10))
    }
    var log: [[LogEntry]] = []
    for lane in Lane.allCases { log.append(try backend.logEntries(lane: lane, after: 0, limit: 10)) }
    var acknowledged: [Sequence64] = []
    for lane in Lane.allCases { acknowledged.append(try backend.acknowledged(peer: .hq, lane: lane)) }
    return SampleContents(
      node: try backend.loadNode(), records: records, listed: listed, log: log,
      departures: try backend.departures(of: RecordRef(entity: Thing.tag, row: 1)),
      cursor: try backend.receiveCursor(peer: .hq, lane: .bulk), acknowledged: acknowledged,
      balances: try backend.balances("stock_on_hand"), cases: try backend.conflictCases(includingClosed: true),
      parked: try backend.parkedGroups())
  }
}
