import Base
import Causality
import RecordStore
import StoreModel

/// The change log: one row a commit group.
final class LogTable {
  private let path: String
  private let replicas: ReplicaTable
  private let insert: SQLiteStatement
  private let listAfter: SQLiteStatement
  private let findBySequence: SQLiteStatement
  private let restamp: SQLiteStatement
  private let addStep: SQLiteStatement
  private let listSteps: SQLiteStatement
  private let dropSteps: SQLiteStatement
  private let dropStepsOfRecord: SQLiteStatement
  private let listLastTimes: SQLiteStatement

  init(_ connection: SQLiteConnection, _ replicas: ReplicaTable) {
    path = connection.path
    self.replicas = replicas
    let all = "lane, sequence, time, replica, origin, audience, records, links"
    insert = SQLiteStatement(connection, "INSERT INTO sync_log (\(all)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    listAfter = SQLiteStatement(
      connection, "SELECT \(all) FROM sync_log WHERE lane = ? AND sequence > ? ORDER BY sequence LIMIT ?")
    let lanes = Lane.allCases.map { String($0.rawValue) }.joined(separator: ", ")
    findBySequence = SQLiteStatement(
      connection, "SELECT \(all) FROM sync_log WHERE lane IN (\(lanes)) AND sequence = ?")
    restamp = SQLiteStatement(connection, "UPDATE sync_log SET time = ?, replica = ? WHERE lane = ? AND sequence = ?")
    addStep = SQLiteStatement(
      connection,
      "INSERT INTO sync_counter_step (sequence, entity, \"row\", field, difference) VALUES (?, ?, ?, ?, ?)")
    listSteps = SQLiteStatement(
      connection,
      """
      SELECT sequence, field, difference FROM sync_counter_step WHERE sequence > ? AND entity = ? AND "row" = ?
      ORDER BY sequence, field
      """)
    listLastTimes = SQLiteStatement(
      connection,
      "SELECT replica, max(time) FROM sync_log WHERE lane = ? AND sequence <= ? GROUP BY replica ORDER BY replica")
    dropSteps = SQLiteStatement(connection, "DELETE FROM sync_counter_step WHERE sequence <= ?")
    dropStepsOfRecord = SQLiteStatement(connection, "DELETE FROM sync_counter_step WHERE entity = ? AND \"row\" = ?")
  }

  func setStamp(_ stamp: Stamp, ofEntry entry: LogEntry) throws(StoreError) {
    restamp.bind(stamp.time.rawValue, at: 1)
    restamp.bind(try replicas.index(of: stamp.replica), at: 2)
    restamp.bind(entry.lane.rawValue, at: 3)
    restamp.bind(Int64(clamping: entry.sequence), at: 4)
    try restamp.run()
  }

  func add(_ step: CounterStep) throws(StoreError) {
    addStep.bind(step.sequence, at: 1)
    addStep.bind(step.ref.entity.rawValue, at: 2)
    addStep.bind(step.ref.row, at: 3)
    addStep.bind(step.field.rawValue, at: 4)
    addStep.bind(step.difference, at: 5)
    try addStep.run()
  }

  func counterSteps(of ref: RecordRef, after sequence: Sequence64) throws(StoreError) -> [CounterStep] {
    listSteps.bind(Int64(clamping: sequence), at: 1)
    listSteps.bind(ref.entity.rawValue, at: 2)
    listSteps.bind(ref.row, at: 3)
    return try listSteps.all { row throws(StoreError) in
      CounterStep(
        sequence: try row.bits(0), ref: ref, field: FieldTag(try row.integer(1, as: UInt16.self)),
        difference: try row.integer(2))
    }
  }

  func dropCounterSteps(of ref: RecordRef) throws(StoreError) {
    dropStepsOfRecord.bind(ref.entity.rawValue, at: 1)
    dropStepsOfRecord.bind(ref.row, at: 2)
    try dropStepsOfRecord.run()
  }

  func dropCounterSteps(through sequence: Sequence64) throws(StoreError) {
    dropSteps.bind(Int64(clamping: sequence), at: 1)
    try dropSteps.run()
  }

  func append(_ entry: LogEntry) throws(StoreError) {
    let replica = try replicas.index(of: entry.stamp.replica)
    insert.bind(entry.lane.rawValue, at: 1)
    insert.bind(entry.sequence, at: 2)
    insert.bind(entry.stamp.time.rawValue, at: 3)
    insert.bind(replica, at: 4)
    if let origin = entry.origin {
      insert.bind(origin.rawValue, at: 5)
    } else if entry.isReceived {
      insert.bind(Self.receivedAndChanged, at: 5)
    } else {
      insert.bindNull(at: 5)
    }
    insert.bind(entry.audience.number, at: 6)
    insert.bind(Self.pack(entry.records), at: 7)
    if let links = Self.packLinks(entry) { insert.bind(links, at: 8) } else { insert.bindNull(at: 8) }
    try insert.run()
  }

  func entries(_ lane: Lane, after sequence: Sequence64, limit: Int) throws(StoreError) -> [LogEntry] {
    listAfter.bind(lane.rawValue, at: 1)
    listAfter.bind(Int64(clamping: sequence), at: 2)
    listAfter.bind(limit, at: 3)
    // Whoever reads page by page would go round and round in an index that is out of order.
    var last = sequence
    return try listAfter.all { row throws(StoreError) in
      let entry = try read(row)
      guard entry.sequence > last else { throw .corrupt(path, "sync_log: expected entries that ascend, found others") }
      last = entry.sequence
      return entry
    }
  }

  /// The time of each replica's latest commit up to an entry.
  func lastTimes(
    _ lane: Lane, through sequence: Sequence64
  ) throws(StoreError) -> [(replica: ReplicaID, time: HybridTimestamp)] {
    listLastTimes.bind(lane.rawValue, at: 1)
    listLastTimes.bind(Int64(clamping: sequence), at: 2)
    return try listLastTimes.all { row throws(StoreError) in
      (try replicas.replica(at: try row.bits(0)), HybridTimestamp(rawValue: try row.bits(1)))
    }
  }

  func entry(_ sequence: Sequence64) throws(StoreError) -> LogEntry? {
    findBySequence.bind(Int64(clamping: sequence), at: 1)
    return try findBySequence.first { row throws(StoreError) in try read(row) }
  }

  private func read(_ row: SQLiteStatement) throws(StoreError) -> LogEntry {
    let sequence = try row.bits(1)
    guard let lane = Lane(rawValue: try row.integer(0, as: UInt8.self)),
      let audience = Audience(number: try row.integer(5))
    else { throw .corrupt(path, "sync_log \(sequence): expected a known lane and audience, found others") }
    let stamp = Stamp(
      time: HybridTimestamp(rawValue: try row.bits(2)), replica: try replicas.replica(at: try row.bits(3)))
    let number: Int64? = row.isNull(4) ? nil : try row.integer(4)
    let origin = number == Self.receivedAndChanged ? nil : number.map { UInt32(exactly: $0) }
    if case .some(nil) = origin {
      throw .corrupt(path, "sync_log \(sequence): expected a node's number as the origin, found another")
    }
    guard let records = Self.unpack(try row.bytes(6)) else {
      throw .corrupt(path, "sync_log \(sequence): expected packed records, found other bytes")
    }
    var entry = LogEntry(
      sequence: sequence, lane: lane, stamp: stamp, origin: origin.flatMap(\.self).map(NodeNumber.init),
      audience: audience, records: records, isReceived: number != nil)
    if !row.isNull(7), !Self.unpackLinks(try row.bytes(7), into: &entry) {
      throw .corrupt(path, "sync_log \(sequence): expected packed links, found other bytes")
    }
    return entry
  }

  /// The origin of an entry that came from a peer, and that this node had something to add to. Older databases have none
  /// there.
  private static let receivedAndChanged: Int64 = -1

  /// How far back the batch began, then the needed entries, each as the difference to the one before; nil for the most
  /// common entry, new records written alone.
  static func packLinks(_ entry: LogEntry) -> [UInt8]? {
    guard !entry.needs.isEmpty || entry.batchStart != entry.sequence else { return nil }
    var writer = ByteWriter(reserving: 4)
    writer.append(varint: entry.sequence &- entry.batchStart)
    // From the latest back: what a record belonged to before is mostly not long ago.
    var previous = entry.sequence
    for needed in entry.needs.reversed() {
      writer.append(varint: previous &- needed)
      previous = needed
    }
    return writer.bytes
  }

  static func unpackLinks(_ bytes: [UInt8], into entry: inout LogEntry) -> Bool {
    var reader = ByteReader(bytes)
    do throws(ByteError) {
      entry.batchStart = entry.sequence &- (try reader.readVarint())
      var needs: [Sequence64] = []
      var previous = entry.sequence
      while !reader.isAtEnd {
        previous &-= try reader.readVarint()
        needs.append(previous)
      }
      entry.needs = needs.reversed()
      return true
    } catch {
      return false
    }
  }

  /// Runs of one entity: its tag, how many, and the difference of each row to the one before. Order is kept.
  static func pack(_ records: [RecordRef]) -> [UInt8] {
    var writer = ByteWriter(reserving: records.count + 8)
    var rest = records[...]
    while let first = rest.first {
      let run = rest.prefix { $0.entity == first.entity }
      writer.append(varint: UInt64(first.entity.rawValue))
      writer.append(varint: UInt64(run.count))
      var previous: Int64 = 0
      for record in run {
        writer.append(signedVarint: record.row &- previous)
        previous = record.row
      }
      rest = rest.dropFirst(run.count)
    }
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> [RecordRef]? {
    var reader = ByteReader(bytes)
    var records: [RecordRef] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        guard let entity = UInt16(exactly: try reader.readVarint()) else { return nil }
        let count = try reader.readCount(limit: reader.remaining)
        records.reserveCapacity(records.count + count)
        var row: Int64 = 0
        for _ in 0..<count {
          row &+= try reader.readSignedVarint()
          records.append(RecordRef(entity: EntityTag(entity), row: row))
        }
      }
      return records
    } catch {
      return nil
    }
  }
}

extension Audience {
  /// 0 mixed, 1 HQ, a store's number and 2; negative are two stores: the higher's number in the bits from 32 on, the
  /// lower's below.
  fileprivate var number: Int64 {
    switch self {
    case .mixed: 0
    case .hq: 1
    case .store(let node): Int64(node.rawValue) + 2
    // A number that takes the sign's bit has no place there; such a store looks at the records.
    case .pair(let first, let second):
      second.rawValue >> 31 == 0 ? .min | Int64(second.rawValue) << 32 | Int64(first.rawValue) : 0
    }
  }

  fileprivate init?(number: Int64) {
    switch number {
    case 0: self = .mixed
    case 1: self = .hq
    case ..<0:
      self = .pair(
        NodeNumber(UInt32(truncatingIfNeeded: number)),
        NodeNumber(UInt32(truncatingIfNeeded: number >> 32) & 0x7FFF_FFFF))
    default:
      guard number >= 2, let node = UInt32(exactly: number - 2) else { return nil }
      self = .store(NodeNumber(node))
    }
  }
}
