import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// Conflict cases.
final class CaseTable {
  private let path: String
  private let connection: SQLiteConnection
  private let insert: SQLiteStatement
  private let replace: SQLiteStatement
  private let listOfRecord: SQLiteStatement
  private let findBySubject: SQLiteStatement
  private let findByNumber: SQLiteStatement
  private let listAll: SQLiteStatement
  private let listOpen: SQLiteStatement
  private let removeOne: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    path = connection.path
    self.connection = connection
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    let contents = "kind, entity, record, detail, status, reason, opened_at, changed_at, records, candidates"
    let marks = Array(repeating: "?", count: 10).joined(separator: ", ")
    insert = statement("INSERT INTO sync_case (\(contents)) VALUES (\(marks))")
    replace = statement("INSERT OR REPLACE INTO sync_case (\(contents), number) VALUES (\(marks), ?)")
    let select = "SELECT \(contents), number FROM sync_case"
    listOfRecord = statement("\(select) WHERE entity = ? AND record = ? AND status <> 'closed' ORDER BY number")
    findBySubject = statement(
      "\(select) WHERE entity = ? AND record = ? AND kind = ? AND detail = ? ORDER BY number DESC LIMIT 1")
    findByNumber = statement("\(select) WHERE number = ?")
    listAll = statement("\(select) ORDER BY number")
    listOpen = statement("\(select) WHERE status <> 'closed' ORDER BY number")
    removeOne = statement("DELETE FROM sync_case WHERE number = ?")
  }

  func cases(of key: RecordKey) throws(StoreError) -> [ConflictCase] {
    listOfRecord.bind(key.entity.rawValue, at: 1)
    listOfRecord.bind(key.id.bytes, at: 2)
    return try listOfRecord.all { row throws(StoreError) in try read(row) }
  }

  /// The latest case of a subject, closed or not.
  func find(_ subject: ConflictCase.Subject) throws(StoreError) -> ConflictCase? {
    findBySubject.bind(subject.entity.rawValue, at: 1)
    findBySubject.bind(subject.record.bytes, at: 2)
    findBySubject.bind(subject.kind.rawValue, at: 3)
    findBySubject.bind(subject.detail, at: 4)
    return try findBySubject.first { row throws(StoreError) in try read(row) }
  }

  func find(number: Int64) throws(StoreError) -> ConflictCase? {
    findByNumber.bind(number, at: 1)
    return try findByNumber.first { row throws(StoreError) in try read(row) }
  }

  func cases(includingClosed: Bool) throws(StoreError) -> [ConflictCase] {
    try (includingClosed ? listAll : listOpen).all { row throws(StoreError) in try read(row) }
  }

  func remove(_ number: Int64) throws(StoreError) {
    removeOne.bind(number, at: 1)
    try removeOne.run()
  }

  func put(_ conflictCase: ConflictCase) throws(StoreError) {
    let statement = conflictCase.number == 0 ? insert : replace
    statement.bind(conflictCase.subject.kind.rawValue, at: 1)
    statement.bind(conflictCase.subject.entity.rawValue, at: 2)
    statement.bind(conflictCase.subject.record.bytes, at: 3)
    statement.bind(conflictCase.subject.detail, at: 4)
    statement.bind(conflictCase.status.rawValue, at: 5)
    statement.bind(conflictCase.reason, at: 6)
    statement.bind(conflictCase.openedAt.milliseconds, at: 7)
    statement.bind(conflictCase.changedAt.milliseconds, at: 8)
    statement.bind(Self.pack(conflictCase.records), at: 9)
    statement.bind(Self.pack(conflictCase.candidates), at: 10)
    if conflictCase.number != 0 { statement.bind(conflictCase.number, at: 11) }
    try statement.run()
  }

  private func read(_ row: SQLiteStatement) throws(StoreError) -> ConflictCase {
    let number = try row.integer(10)
    guard let kind = ConflictCase.Subject.Kind(rawValue: try row.text(0)),
      let status = ConflictCase.Status(rawValue: try row.text(4)),
      let records = Self.unpackRecords(try row.bytes(8)), let candidates = Self.unpackCandidates(try row.bytes(9))
    else { throw .corrupt(path, "sync_case \(number): expected a conflict case, found other contents") }
    let subject = ConflictCase.Subject(
      kind: kind, entity: EntityTag(try row.integer(1, as: UInt16.self)), record: RecordID(try row.bytes(2)),
      detail: try row.text(3))
    return ConflictCase(
      number: number, subject: subject, status: status, records: records, candidates: candidates,
      reason: try row.text(5), openedAt: WallTime(milliseconds: try row.integer(6)),
      changedAt: WallTime(milliseconds: try row.integer(7)))
  }

  // MARK: Lists in a column

  private static func pack(_ records: [RecordID]) -> [UInt8] {
    var writer = ByteWriter()
    for record in records { writer.append(counted: record.bytes) }
    return writer.bytes
  }

  private static func unpackRecords(_ bytes: [UInt8]) -> [RecordID]? {
    var reader = ByteReader(bytes)
    var records: [RecordID] = []
    do throws(ByteError) {
      while !reader.isAtEnd { records.append(RecordID(Array(try reader.readCounted()))) }
      return records
    } catch {
      return nil
    }
  }

  /// Each: shown or not, the stamp in full (cases are few), the kind of value and the value.
  private static func pack(_ candidates: [Concurrence.Candidate]) -> [UInt8] {
    var writer = ByteWriter()
    for candidate in candidates {
      writer.append(byte: candidate.isShown ? 1 : 0)
      writer.append(varint: UInt64(candidate.stamp.replica.node.rawValue))
      writer.append(bigEndian: candidate.stamp.replica.incarnation)
      writer.append(bigEndian: candidate.stamp.time.rawValue)
      writer.append(byte: candidate.value.metaKind)
      switch candidate.value {
      case .null: break
      case .integer(let integer): writer.append(signedVarint: integer)
      case .text(let text): writer.append(counted: text.utf8)
      case .bytes(let bytes): writer.append(counted: bytes)
      }
    }
    return writer.bytes
  }

  private static func unpackCandidates(_ bytes: [UInt8]) -> [Concurrence.Candidate]? {
    var reader = ByteReader(bytes)
    var candidates: [Concurrence.Candidate] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        let isShown = try reader.readByte() != 0
        guard let node = UInt32(exactly: try reader.readVarint()) else { return nil }
        let replica = ReplicaID(node: NodeNumber(node), incarnation: try reader.readBigEndianUInt32())
        let stamp = Stamp(time: HybridTimestamp(rawValue: try reader.readBigEndianUInt64()), replica: replica)
        guard let value = try readValue(&reader) else { return nil }
        candidates.append(Concurrence.Candidate(stamp: stamp, value: value, isShown: isShown))
      }
      return candidates
    } catch {
      return nil
    }
  }

  private static func readValue(_ reader: inout ByteReader) throws(ByteError) -> Value? {
    switch try reader.readByte() {
    case MetaItem.null: return .null
    case MetaItem.integer: return .integer(try reader.readSignedVarint())
    case MetaItem.text: return String(validating: try reader.readCounted(), as: UTF8.self).map(Value.text)
    case MetaItem.bytes: return .bytes(Array(try reader.readCounted()))
    default: return nil
    }
  }
}
