import CSQLite
import Merge
import RecordStore
import StoreModel

/// The table of one declared balance: its keys, as the entity's columns hold them, and the sum.
///
/// A balance covers the records whose keys and sum are of the declared kind, as their columns show them. Others come
/// from a version that contradicts this one, and can't be summed by anyone.
final class BalanceTable {
  /// `SQLITE_CONSTRAINT_CHECK`, a macro of macros that does not import.
  private static let constraintCheck = SQLITE_CONSTRAINT | 1 << 8

  let declaration: BalanceDeclaration<FieldTag>
  private let entity: EntitySchema
  private let keys: [FieldColumn]
  private let sum: FieldColumn
  private let connection: SQLiteConnection
  private let add: SQLiteStatement
  private let set: SQLiteStatement
  private let load: SQLiteStatement
  private let list: SQLiteStatement
  /// By their SQL; one for each number of first keys, with and without a place to go on from.
  private var pages: [String: SQLiteStatement] = [:]

  init(_ declaration: BalanceDeclaration<FieldTag>, _ entity: EntitySchema, _ connection: SQLiteConnection)
    throws(StoreError)
  {
    let keys = declaration.keys.compactMap(entity.field).map(FieldColumn.init)
    guard let sum = entity.field(declaration.sum), keys.count == declaration.keys.count, !keys.isEmpty else {
      throw StoreError(
        .internalError, "the model: the balance “\(declaration.name)” names fields that “\(entity.name)” does not have")
    }
    self.keys = keys
    self.declaration = declaration
    self.entity = entity
    self.connection = connection
    self.sum = FieldColumn(sum)
    let table = quoted(declaration.name)
    let names = keys.map { quoted($0.field.column) }
    let all = names.joined(separator: ", ")
    let marks = Array(repeating: "?", count: names.count).joined(separator: ", ")
    let conditions = names.map { "\($0) = ?" }.joined(separator: " AND ")
    let upsert = "INSERT INTO \(table) (\(all), balance) VALUES (\(marks), ?) ON CONFLICT (\(all)) DO UPDATE SET "
    add = SQLiteStatement(connection, upsert + "balance = balance + excluded.balance")
    set = SQLiteStatement(connection, upsert + "balance = excluded.balance")
    load = SQLiteStatement(connection, "SELECT balance FROM \(table) WHERE \(conditions)")
    list = SQLiteStatement(connection, "SELECT \(all), balance FROM \(table) WHERE balance <> 0 ORDER BY \(all)")
  }

  /// What the table was made for: another definition makes it anew.
  var definition: String {
    let keys = keys.map { "\($0.field.column) \($0.kind.rawValue)" }.joined(separator: ", ")
    return "\(entity.table)(\(keys)) \(sum.field.column)"
  }

  var creation: String {
    let columns = keys.map { "\(quoted($0.field.column)) \($0.kind.rawValue) NOT NULL" }.joined(separator: ", ")
    let names = keys.map { quoted($0.field.column) }.joined(separator: ", ")
    // A sum beyond 64 bits would become a floating-point number: the check turns it into an error that `add` handles.
    return """
      CREATE TABLE \(quoted(declaration.name)) (\(columns),
        balance INTEGER NOT NULL CHECK (typeof(balance) = 'integer'), PRIMARY KEY (\(names))) WITHOUT ROWID
      """
  }

  private func covers(_ values: [Value]) -> Bool {
    values.count == keys.count && zip(keys, values).allSatisfy { $0.kind.holds($1) }
  }

  func add(_ difference: Int64, to values: [Value]) throws(StoreError) {
    guard covers(values) else { return }
    bind(values, to: add)
    add.bind(difference, at: values.count + 1)
    do throws(StoreError) {
      try add.run()
    } catch {
      guard sqlite3_extended_errcode(connection.handle) == Self.constraintCheck else { throw error }
      try put(try balance(values).addingSaturating(difference), to: values)
    }
  }

  private func put(_ balance: Int64, to values: [Value]) throws(StoreError) {
    bind(values, to: set)
    set.bind(balance, at: values.count + 1)
    try set.run()
  }

  func balance(_ values: [Value]) throws(StoreError) -> Int64 {
    guard covers(values) else { return 0 }
    bind(values, to: load)
    return try load.first { row throws(StoreError) in try row.integer(0) } ?? 0
  }

  func balances() throws(StoreError) -> [Balance] { try read(list) }

  private func read(_ statement: SQLiteStatement) throws(StoreError) -> [Balance] {
    try statement.all { row throws(StoreError) in
      var values: [Value] = []
      for index in keys.indices { values.append(try row.value(index)) }
      return Balance(keys: values, sum: try row.integer(keys.count))
    }
  }

  /// Along the primary key, from one place to another.
  func balances(_ query: BalanceQuery) throws(StoreError) -> [Balance] {
    guard query.beginning.count < keys.count, zip(keys, query.beginning).allSatisfy({ $0.kind.holds($1) }),
      query.after.map(covers) ?? true
    else { return [] }
    let statement = pages[pageText(query)] ?? SQLiteStatement(connection, pageText(query))
    pages[pageText(query)] = statement
    let rest = query.after?.dropFirst(query.beginning.count) ?? []
    bind(query.beginning + rest, to: statement)
    statement.bind(max(query.limit, 0), at: query.beginning.count + rest.count + 1)
    return try read(statement)
  }

  private func pageText(_ query: BalanceQuery) -> String {
    let names = keys.map { quoted($0.field.column) }
    let count = query.beginning.count
    var conditions = names.prefix(count).map { "\($0) = ?" }
    if query.after != nil {
      let rest = names.dropFirst(count)
      conditions.append("(\(rest.joined(separator: ", "))) > (\(rest.map { _ in "?" }.joined(separator: ", ")))")
    }
    let filter = conditions.isEmpty ? "" : " WHERE \(conditions.joined(separator: " AND "))"
    let all = names.joined(separator: ", ")
    return "SELECT \(all), balance FROM \(quoted(declaration.name))\(filter) ORDER BY \(all) LIMIT ?"
  }

  func recount() throws(StoreError) {
    try connection.execute("UPDATE \(quoted(declaration.name)) SET balance = 0")
    try rebuild()
  }

  /// Sums the entity's rows, one key after the other.
  func rebuild() throws(StoreError) {
    let names = keys.map { quoted($0.field.column) }
    let present = names.map { "\($0) IS NOT NULL" } + ["\(quoted(sum.field.column)) IS NOT NULL"]
    let rows = SQLiteStatement(
      connection,
      """
      SELECT \(names.joined(separator: ", ")), \(quoted(sum.field.column)) FROM \(quoted(entity.table))
      WHERE \(present.joined(separator: " AND ")) ORDER BY \(names.joined(separator: ", "))
      """)
    var values: [Value] = []
    var total: Int64 = 0
    try rows.forEach { row throws(StoreError) in
      var next: [Value] = []
      for index in keys.indices { next.append(try row.value(index)) }
      if next != values {
        if !values.isEmpty { try put(total, to: values) }
        (values, total) = (next, 0)
      }
      total = total.addingSaturating(try row.integer(keys.count))
    }
    if !values.isEmpty { try put(total, to: values) }
  }

  private func bind(_ values: [Value], to statement: SQLiteStatement) {
    for (index, value) in values.enumerated() { statement.bind(value, at: index + 1) }
  }
}
