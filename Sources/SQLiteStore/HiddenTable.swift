import Causality
import Merge
import RecordStore
import StoreModel

/// Records that have no row in a table of their own: deleted ones, stubs, and those of entities that the model does not
/// know.
final class HiddenTable {
  private enum Kind: Int64 {
    case held = 0
    case stub = 1
  }

  private let path: String
  private let connection: SQLiteConnection
  private let replicas: ReplicaTable
  private let findByID: SQLiteStatement
  private let readByRow: SQLiteStatement
  private let putRow: SQLiteStatement
  private let emptyStub: SQLiteStatement
  private let deleteRow: SQLiteStatement
  private let listAfter: SQLiteStatement
  private let listRows: SQLiteStatement
  private let countHeld: SQLiteStatement
  private let nextEntity: SQLiteStatement
  private let highestRow: SQLiteStatement
  private let anyOfEntity: SQLiteStatement
  /// Entities of which there is none here; what a transaction that was undone has shown is forgotten.
  /// A few numbers, so that looking through them is quicker than hashing.
  private var absent: [UInt16] = []

  init(_ connection: SQLiteConnection, _ replicas: ReplicaTable) {
    path = connection.path
    self.connection = connection
    self.replicas = replicas
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    let all = "entity, \"row\", id, kind, sequence, state"
    findByID = statement("SELECT \(all) FROM sync_hidden WHERE entity = ? AND id = ?")
    readByRow = statement("SELECT \(all) FROM sync_hidden WHERE entity = ? AND \"row\" = ?")
    putRow = statement(
      """
      INSERT INTO sync_hidden (\(all)) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (entity, "row") DO UPDATE SET kind = excluded.kind, sequence = excluded.sequence,
        state = excluded.state
      """)
    emptyStub = statement("UPDATE sync_hidden SET state = ?1 WHERE kind = ?2 AND state <> ?1")
    deleteRow = statement("DELETE FROM sync_hidden WHERE entity = ? AND \"row\" = ?")
    listAfter = statement(
      "SELECT \(all) FROM sync_hidden WHERE entity = ? AND kind = 0 AND id > ? ORDER BY id LIMIT ?")
    listRows = statement("SELECT \"row\" FROM sync_hidden WHERE entity = ? ORDER BY \"row\"")
    countHeld = statement("SELECT count(*) FROM sync_hidden WHERE entity = ? AND kind = 0")
    nextEntity = statement("SELECT min(entity) FROM sync_hidden WHERE entity > ? AND kind = 0")
    anyOfEntity = statement("SELECT 1 FROM sync_hidden WHERE entity = ? LIMIT 1")
    highestRow = statement("SELECT coalesce(max(\"row\"), 0) FROM sync_hidden WHERE entity = ?")
  }

  func find(_ key: RecordKey) throws(StoreError) -> StoredRecord? {
    findByID.bind(key.entity.rawValue, at: 1)
    findByID.bind(key.id.bytes, at: 2)
    return try findByID.first { row throws(StoreError) in try read(row) }
  }

  func read(_ ref: RecordRef) throws(StoreError) -> StoredRecord? {
    readByRow.bind(ref.entity.rawValue, at: 1)
    readByRow.bind(ref.row, at: 2)
    return try readByRow.first { row throws(StoreError) in try read(row) }
  }

  func contains(_ ref: RecordRef) throws(StoreError) -> Bool {
    readByRow.bind(ref.entity.rawValue, at: 1)
    readByRow.bind(ref.row, at: 2)
    return try readByRow.first { _ throws(StoreError) in true } ?? false
  }

  func holdsNone(of entity: EntityTag) throws(StoreError) -> Bool {
    if absent.contains(entity.rawValue) { return true }
    anyOfEntity.bind(entity.rawValue, at: 1)
    guard try anyOfEntity.first({ _ throws(StoreError) in true }) == nil else { return false }
    absent.append(entity.rawValue)
    return true
  }

  func forgetEmptiness() { absent = [] }

  func put(_ record: StoredRecord) throws(StoreError) {
    absent.removeAll { $0 == record.ref.entity.rawValue }
    let kind: Kind
    let bytes: [UInt8]
    switch record.body {
    case .held(let state): (kind, bytes) = (.held, try MetaEncoder.encodeWhole(state, replicas))
    case .stub(let vector): (kind, bytes) = (.stub, try MetaEncoder.encodeStub(vector, replicas))
    }
    putRow.bind(record.ref.entity.rawValue, at: 1)
    putRow.bind(record.ref.row, at: 2)
    putRow.bind(record.key.id.bytes, at: 3)
    putRow.bind(kind.rawValue, at: 4)
    putRow.bind(record.sequence, at: 5)
    putRow.bind(bytes, at: 6)
    try putRow.run()
  }

  /// - Returns: whether there was a stub that had seen anything.
  func emptyStubs() throws(StoreError) -> Bool {
    let empty = try MetaEncoder.encodeStub(VersionVector(), replicas)
    emptyStub.bind(empty, at: 1)
    emptyStub.bind(Kind.stub.rawValue, at: 2)
    try emptyStub.run()
    return connection.changedRows > 0
  }

  /// False if the record has no row here.
  func delete(_ ref: RecordRef) throws(StoreError) -> Bool {
    deleteRow.bind(ref.entity.rawValue, at: 1)
    deleteRow.bind(ref.row, at: 2)
    try deleteRow.run()
    return connection.changedRows > 0
  }

  func records(of entity: EntityTag, after id: RecordID?, limit: Int) throws(StoreError) -> [StoredRecord] {
    listAfter.bind(entity.rawValue, at: 1)
    listAfter.bind(id?.bytes ?? [], at: 2)
    listAfter.bind(limit, at: 3)
    var last = id
    return try listAfter.all { row throws(StoreError) in
      let record = try read(row)
      if let last, record.key.id <= last { throw .corrupt(path, "sync_hidden: expected ids that ascend, found others") }
      last = record.key.id
      return record
    }
  }

  /// The rows of an entity, stubs included.
  func rows(of entity: EntityTag) throws(StoreError) -> [Int64] {
    listRows.bind(entity.rawValue, at: 1)
    return try listRows.all { row throws(StoreError) in try row.integer(0) }
  }

  func count(of entity: EntityTag) throws(StoreError) -> Int {
    countHeld.bind(entity.rawValue, at: 1)
    return try countHeld.first { row throws(StoreError) in try row.integer(0, as: Int.self) } ?? 0
  }

  /// Jumps from one entity to the next, past however many records each has.
  func heldEntities() throws(StoreError) -> [EntityTag] {
    var entities: [EntityTag] = []
    while true {
      nextEntity.bind(entities.last.map { Int64($0.rawValue) } ?? -1, at: 1)
      let next = try nextEntity.first { row throws(StoreError) in
        row.isNull(0) ? nil : EntityTag(try row.integer(0, as: UInt16.self))
      }
      guard let next, let entity = next else { return entities }
      if let last = entities.last, entity <= last {
        throw .corrupt(path, "sync_hidden: expected entities that ascend, found others")
      }
      entities.append(entity)
    }
  }

  func maximumRow(of entity: EntityTag) throws(StoreError) -> Int64 {
    highestRow.bind(entity.rawValue, at: 1)
    return try highestRow.first { row throws(StoreError) in try row.integer(0) } ?? 0
  }

  private func read(_ row: SQLiteStatement) throws(StoreError) -> StoredRecord {
    let entity = EntityTag(try row.integer(0, as: UInt16.self))
    let key = RecordKey(entity: entity, id: RecordID(try row.bytes(2)))
    let kind = Kind(rawValue: try row.integer(3))
    let body = try MetaDecoder.decode(try row.bytes(5), key, columns: nil, replicas, path: path)
    switch (kind, body) {
    case (.held, .held), (.stub, .stub): break
    default: throw .corrupt(path, "sync_hidden: record \(key): expected a state of its kind, found another")
    }
    return StoredRecord(
      ref: RecordRef(entity: entity, row: try row.integer(1)), key: key, sequence: try row.bits(4), body: body)
  }
}
