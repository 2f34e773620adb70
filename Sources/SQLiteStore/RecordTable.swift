import Merge
import RecordStore
import StoreModel

/// The table of one entity: a row for each record that shows itself, with a column for each field.
final class RecordTable {
  let schema: EntitySchema
  private let columns: [FieldColumn]
  private let connection: SQLiteConnection
  private let replicas: ReplicaTable
  private let findByID: SQLiteStatement
  private let readByRow: SQLiteStatement
  private let insertRow: SQLiteStatement
  private let updateRow: SQLiteStatement
  /// Of the columns that an index of ours covers: SQLite writes an index again whenever a statement names its columns,
  /// changed or not, so most updates are to leave them out.
  private let indexedColumns: [Int]
  private let otherColumns: [Int]
  private let readIndexed: SQLiteStatement
  private let updateOthers: SQLiteStatement
  private let deleteRow: SQLiteStatement
  let facts: FactInsert
  /// The highest row given out; nil if it is to be looked up.
  var lastRow: Int64?
  let newer: NewerUpdate
  private let listAfter: SQLiteStatement
  private let countAll: SQLiteStatement
  private let exists: SQLiteStatement
  private let highestRow: SQLiteStatement
  private let rowsWithUnknownFields: SQLiteStatement
  /// By fields; there are as many as unique keys, and what the programs look for.
  private var searches: [[Condition]: SQLiteStatement] = [:]
  /// By their SQL; there are a few for each form of a query that the model's indexes serve.
  private var queries: [String: SQLiteStatement] = [:]

  /// A column that is to hold a certain value, or none.
  private struct Condition: Hashable {
    var column: String
    var isNull: Bool

    /// With “=”, which no NULL fulfils, an index of the records that have a value can be used.
    var sql: String { "\(quoted(column)) \(isNull ? "IS" : "=") ?" }
  }

  /// A transaction was undone.
  func forget() {
    lastRow = nil
    facts.forget()
    newer.forget()
  }

  init(
    _ schema: EntitySchema, _ connection: SQLiteConnection, _ replicas: ReplicaTable, _ comparison: NewerComparison
  ) {
    self.schema = schema
    self.connection = connection
    self.replicas = replicas
    columns = schema.fields.map(FieldColumn.init)
    let table = quoted(schema.table)
    let names = schema.fields.map { quoted($0.column) }
    let all = (["\"row\"", "id", "sequence", "meta"] + names).joined(separator: ", ")
    func statement(_ sql: String) -> SQLiteStatement { SQLiteStatement(connection, sql) }
    findByID = statement("SELECT \(all) FROM \(table) WHERE id = ?")
    readByRow = statement("SELECT \(all) FROM \(table) WHERE \"row\" = ?")
    let marks = Array(repeating: "?", count: names.count + 4).joined(separator: ", ")
    insertRow = statement("INSERT INTO \(table) (\(all)) VALUES (\(marks))")
    facts = FactInsert(schema, connection, replicas, insert: insertRow)
    func update(_ columns: [Int]) -> SQLiteStatement {
      let assignments = (["sequence", "meta"] + columns.map { names[$0] }).map { "\($0) = ?" }
      return statement("UPDATE \(table) SET \(assignments.joined(separator: ", ")) WHERE \"row\" = ?")
    }
    let indexes = schema.indexes
    let isIndexed = schema.fields.map { field in indexes.contains { $0.fields.contains(field.tag) } }
    indexedColumns = names.indices.filter { isIndexed[$0] }
    readIndexed = statement(
      "SELECT \(indexedColumns.map { names[$0] }.joined(separator: ", ")) FROM \(table) WHERE \"row\" = ?")
    otherColumns = names.indices.filter { !isIndexed[$0] }
    updateRow = update(Array(names.indices))
    updateOthers = update(otherColumns)
    newer = NewerUpdate(
      schema, connection, replicas, comparison, indexed: indexedColumns, others: otherColumns, updateAll: updateRow,
      insert: insertRow)
    deleteRow = statement("DELETE FROM \(table) WHERE \"row\" = ?")
    listAfter = statement("SELECT \(all) FROM \(table) WHERE id > ? ORDER BY id LIMIT ?")
    countAll = statement("SELECT count(*) FROM \(table)")
    exists = statement("SELECT 1 FROM \(table) LIMIT 1")
    highestRow = statement("SELECT coalesce(max(\"row\"), 0) FROM \(table)")
    rowsWithUnknownFields = statement(
      "SELECT \"row\" FROM \(table) WHERE substr(meta, 1, 1) = x'0\(MetaForm.generalWithUnknownFields.rawValue)'")
  }

  // MARK: Reading

  func find(_ id: RecordID) throws(StoreError) -> StoredRecord? {
    guard schema.identity.mayBeColumn(id) else { return nil }
    findByID.bind(id, schema.identity, at: 1)
    return try findByID.first { row throws(StoreError) in try read(row) }
  }

  func read(row: Int64) throws(StoreError) -> StoredRecord? {
    readByRow.bind(row, at: 1)
    return try readByRow.first { row throws(StoreError) in try read(row) }
  }

  func records(after id: RecordID?, limit: Int) throws(StoreError) -> [StoredRecord] {
    listAfter.bind(after: id, schema.identity, at: 1)
    listAfter.bind(limit, at: 2)
    // Whoever reads page by page would go round and round in an index that is out of order.
    var last = id
    return try listAfter.all { row throws(StoreError) in
      let record = try read(row)
      if let last, record.key.id <= last {
        throw .corrupt(connection.path, "\(schema.table): expected ids that ascend, found others")
      }
      last = record.key.id
      return record
    }
  }

  func count() throws(StoreError) -> Int {
    try countAll.first { row throws(StoreError) in try row.integer(0, as: Int.self) } ?? 0
  }

  func hasRecords() throws(StoreError) -> Bool {
    try exists.first { _ throws(StoreError) in true } ?? false
  }

  func maximumRow() throws(StoreError) -> Int64 {
    try highestRow.first { row throws(StoreError) in try row.integer(0) } ?? 0
  }

  /// The rows of records with a field that the model did not know when they were written.
  func rowsWithUnknown() throws(StoreError) -> [Int64] {
    try rowsWithUnknownFields.all { row throws(StoreError) in try row.integer(0) }
  }

  func records(showing values: [(field: FieldTag, value: Value)], limit: Int) throws(StoreError) -> [RecordID] {
    var expected: [(column: FieldColumn, value: Value)] = []
    for (tag, value) in values {
      guard let column = columns.first(where: { $0.field.tag == tag }) else {
        throw StoreError(.internalError, "\(schema.name) has no field \(tag) to search by")
      }
      // A column holds values of its own kind only.
      guard value.isNull || column.kind.holds(value) else { return [] }
      expected.append((column, value))
    }
    let statement = search(expected.map { Condition(column: $0.column.field.column, isNull: $0.value.isNull) })
    for (index, item) in expected.enumerated() { statement.bind(item.value, at: index + 1) }
    statement.bind(limit, at: expected.count + 1)
    return try statement.all { row throws(StoreError) in try row.id(0, schema.identity) }
  }

  func records(_ plan: RecordQueryPlan, limit: Int) throws(StoreError) -> [RecordState] {
    let query = QuerySQL(plan, limit: limit)
    let statement = queries[query.text] ?? SQLiteStatement(connection, query.text)
    queries[query.text] = statement
    query.bind(to: statement)
    return try statement.all { row throws(StoreError) in try read(row) }.compactMap(\.state)
  }

  private func search(_ conditions: [Condition]) -> SQLiteStatement {
    if let statement = searches[conditions] { return statement }
    let filter = conditions.isEmpty ? "" : " WHERE " + conditions.map(\.sql).joined(separator: " AND ")
    let statement = SQLiteStatement(
      connection, "SELECT id FROM \(quoted(schema.table))\(filter) ORDER BY id LIMIT ?")
    searches[conditions] = statement
    return statement
  }

  private func read(_ row: SQLiteStatement) throws(StoreError) -> StoredRecord {
    let key = RecordKey(entity: schema.tag, id: try row.id(1, schema.identity))
    var values: [Value] = []
    values.reserveCapacity(columns.count)
    for index in columns.indices { values.append(try row.value(index + 4)) }
    let body = try MetaDecoder.decode(
      try row.bytes(3), key, columns: RowColumns(fields: schema.fields, values: values), replicas,
      path: connection.path)
    return StoredRecord(
      ref: RecordRef(entity: schema.tag, row: try row.integer(0)), key: key, sequence: try row.bits(2), body: body)
  }

  // MARK: Writing

  /// Whether the record shows itself in SQL: not deleted, and under an id of the declared kind.
  func shows(_ state: RecordState) -> Bool {
    !state.isDeleted(schema.deletion) && schema.identity.isValid(state.id)
  }

  func insert(_ state: RecordState, row: Int64, sequence: Sequence64) throws(StoreError) {
    let values = schema.columnValues(columns, of: state)
    let meta = try encode(state, values)
    insertRow.bind(row, at: 1)
    insertRow.bind(state.id, schema.identity, at: 2)
    insertRow.bind(sequence, at: 3)
    insertRow.bind(meta, at: 4)
    for (index, value) in values.enumerated() { insertRow.bind(value, at: index + 5) }
    try insertRow.run()
    facts.forget()
  }

  /// False if the record has no row here.
  func update(_ state: RecordState, row: Int64, sequence: Sequence64) throws(StoreError) -> Bool {
    let values = schema.columnValues(columns, of: state)
    let meta = try encode(state, values)
    let keepsIndexed = indexedColumns.isEmpty ? false : try hasIndexed(values, row: row)
    let statement = keepsIndexed ? updateOthers : updateRow
    let columns = keepsIndexed ? otherColumns : Array(values.indices)
    statement.bind(sequence, at: 1)
    statement.bind(meta, at: 2)
    for (index, column) in columns.enumerated() { statement.bind(values[column], at: index + 3) }
    statement.bind(row, at: columns.count + 3)
    try statement.run()
    return connection.changedRows > 0
  }

  /// Whether a row's indexed columns hold these values already.
  private func hasIndexed(_ values: [Value], row: Int64) throws(StoreError) -> Bool {
    readIndexed.bind(row, at: 1)
    return try readIndexed.first { row throws(StoreError) in
      for (index, column) in indexedColumns.enumerated() where try row.value(index) != values[column] { return false }
      return true
    } ?? false
  }

  /// False if the record has no row here.
  func delete(row: Int64) throws(StoreError) -> Bool {
    deleteRow.bind(row, at: 1)
    try deleteRow.run()
    return connection.changedRows > 0
  }

  private func encode(_ state: RecordState, _ values: [Value]) throws(StoreError) -> [UInt8] {
    try MetaEncoder.encode(state, columns: RowColumns(fields: schema.fields, values: values), replicas)
  }
}

extension Identity {
  /// Whether an id can equal one in a column: cheaper than `isValid`, for looking up.
  func mayBeColumn(_ id: RecordID) -> Bool {
    if case .number = self { id.bytes.count == 4 } else { true }
  }
}

extension SQLiteStatement {
  /// An id in the storage class of `Identity.value(of:)`.
  func bind(_ id: RecordID, _ identity: Identity, at index: Int) {
    switch identity {
    case .uuid, .composed: bind(id.bytes, at: index)
    case .key: bind(utf8: id.bytes, at: index)
    case .number: bind(id.bytes.reduce(0) { $0 << 8 | Int64($1) }, at: index)
    }
  }

  func bind(_ id: RecordID, _ identity: Identity, at index: Int, in buffer: BindingBuffer) {
    switch identity {
    case .uuid, .composed: bind(id.bytes, at: index, in: buffer)
    case .key: id.bytes.withUnsafeBytes { bind(utf8: $0, at: index, in: buffer) }
    case .number: bind(id, identity, at: index)
    }
  }

  /// The bound of `id > ?`, which any bytes may be.
  func bind(after id: RecordID?, _ identity: Identity, at index: Int) {
    switch identity {
    case .uuid, .composed: bind(id?.bytes ?? [], at: index)
    case .key: bind(utf8: id?.bytes ?? [], at: index)
    case .number:
      // The largest number whose four bytes do not come after these.
      guard let bytes = id?.bytes else { return bind(-1, at: index) }
      let padded = bytes.prefix(4) + [UInt8](repeating: 0, count: max(0, 4 - bytes.count))
      let number = padded.reduce(0) { $0 << 8 | Int64($1) }
      bind(bytes.count < 4 ? number - 1 : number, at: index)
    }
  }

  func id(_ column: Int, _ identity: Identity) throws(StoreError) -> RecordID {
    let id: RecordID
    switch identity {
    case .uuid, .composed: id = RecordID(try bytes(column))
    case .key: id = RecordID(try utf8(column))
    case .number: id = RecordID(number: try integer(column, as: UInt32.self))
    }
    guard identity.isValid(id) else {
      throw .corrupt(connection.path, "an id: expected \(identity.expectation), found other bytes")
    }
    return id
  }
}
