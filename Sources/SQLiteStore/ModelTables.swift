import RecordStore
import StoreModel

/// Compares the model with what the tables were made for (`sync_model`), and says what is to be done.
struct ModelTables {
  /// An entity or, with a field, a column, as `sync_model` has it.
  private struct Item: Hashable {
    var name: String
    var sqlName: String
    var sqlType: String
  }

  private struct Place: Hashable, Comparable {
    var entity: UInt16
    /// 0 for the entity itself.
    var field: UInt16

    static func < (left: Self, right: Self) -> Bool {
      (left.entity, left.field) < (right.entity, right.field)
    }
  }

  enum Change {
    case create(EntitySchema)
    case add(FieldColumn, to: EntitySchema)
    case renameTable(from: String, EntitySchema)
    case renameColumn(from: String, FieldColumn, EntitySchema)
  }

  private let connection: SQLiteConnection

  init(_ connection: SQLiteConnection) {
    self.connection = connection
  }

  /// What the tables lack; refuses a database that knows more than the model.
  func changes(to model: Model) throws(StoreError) -> [Change] {
    let known = try load()
    try refuseNewer(known, model)
    var changes: [Change] = []
    for entity in model.entities {
      guard let table = known[Place(entity: entity.tag.rawValue, field: 0)] else {
        changes.append(.create(entity))
        continue
      }
      try checkType(table, FieldColumn.Kind(entity.identity), "\(entity.name).id")
      if table.sqlName != entity.table { changes.append(.renameTable(from: table.sqlName, entity)) }
      for column in entity.fields.map(FieldColumn.init) {
        guard let old = known[Place(entity: entity.tag.rawValue, field: column.field.tag.rawValue)] else {
          changes.append(.add(column, to: entity))
          continue
        }
        try checkType(old, column.kind, "\(entity.name).\(column.field.name)")
        if old.sqlName != column.field.column {
          changes.append(.renameColumn(from: old.sqlName, column, entity))
        }
      }
    }
    return changes
  }

  private func load() throws(StoreError) -> [Place: Item] {
    let statement = SQLiteStatement(connection, "SELECT entity, field, name, sql_name, sql_type FROM sync_model")
    var known: [Place: Item] = [:]
    try statement.forEach { row throws(StoreError) in
      let place = Place(entity: try row.integer(0, as: UInt16.self), field: try row.integer(1, as: UInt16.self))
      known[place] = Item(name: try row.text(2), sqlName: try row.text(3), sqlType: try row.text(4))
    }
    return known
  }

  private func refuseNewer(_ known: [Place: Item], _ model: Model) throws(StoreError) {
    for (place, item) in known.sorted(by: { $0.key < $1.key }) {
      let entity = model.entity(EntityTag(place.entity))
      let isKnown = place.field == 0 ? entity != nil : entity?.field(FieldTag(place.field)) != nil
      guard !isKnown else { continue }
      let what =
        place.field == 0 ? "the entity “\(item.name)”" : "the field “\(entity?.name ?? "").\(item.name)”"
      throw StoreError(
        .newerFormat,
        "\(connection.path): has \(what), which this program does not know; install the newer version of this program "
          + "that last opened the database")
    }
  }

  private func checkType(_ item: Item, _ kind: FieldColumn.Kind, _ name: String) throws(StoreError) {
    guard item.sqlType != kind.rawValue else { return }
    throw StoreError(
      .internalError,
      "\(connection.path): “\(name)” was stored as \(item.sqlType), and the model says \(kind.rawValue); a field never "
        + "changes its type: give the new one a tag of its own")
  }

  func apply(_ change: Change) throws(StoreError) {
    switch change {
    case .create(let entity):
      let identity = FieldColumn.Kind(entity.identity).rawValue
      let columns = entity.fields.map(FieldColumn.init)
      let fields = columns.map { ", \(quoted($0.field.column)) \($0.kind.rawValue)" }.joined()
      try connection.execute(
        """
        CREATE TABLE \(quoted(entity.table)) ("row" INTEGER PRIMARY KEY, id \(identity) NOT NULL UNIQUE, \
        sequence INTEGER NOT NULL, meta BLOB NOT NULL\(fields))
        """)
      try remember(entity, nil)
      for column in columns { try remember(entity, column) }
    case .add(let column, let entity):
      try connection.execute(
        "ALTER TABLE \(quoted(entity.table)) ADD COLUMN \(quoted(column.field.column)) \(column.kind.rawValue)")
      try remember(entity, column)
    case .renameTable(let old, let entity):
      try connection.execute("ALTER TABLE \(quoted(old)) RENAME TO \(quoted(entity.table))")
      try remember(entity, nil)
    case .renameColumn(let old, let column, let entity):
      try connection.execute(
        "ALTER TABLE \(quoted(entity.table)) RENAME COLUMN \(quoted(old)) TO \(quoted(column.field.column))")
      try remember(entity, column)
    }
  }

  private func remember(_ entity: EntitySchema, _ column: FieldColumn?) throws(StoreError) {
    let statement = SQLiteStatement(
      connection, "INSERT OR REPLACE INTO sync_model (entity, field, name, sql_name, sql_type) VALUES (?, ?, ?, ?, ?)")
    statement.bind(entity.tag.rawValue, at: 1)
    statement.bind(column?.field.tag.rawValue ?? 0, at: 2)
    statement.bind(column?.field.name ?? entity.name, at: 3)
    statement.bind(column?.field.column ?? entity.table, at: 4)
    statement.bind(column?.kind.rawValue ?? FieldColumn.Kind(entity.identity).rawValue, at: 5)
    try statement.run()
  }

  /// Not unique themselves, as a clash is a conflict case and never a refusal. Those of before the ids stood at the end
  /// go.
  func createIndexes(_ entity: EntitySchema) throws(StoreError) {
    for index in entity.indexes {
      let columns = index.fields.compactMap { entity.field($0)?.column }
      guard let first = columns.first else { continue }
      try connection.execute(
        "CREATE INDEX IF NOT EXISTS \(quoted(entity.indexName(index))) ON \(quoted(entity.table)) "
          + "(\((columns + ["id"]).map(quoted).joined(separator: ", ")))"
          + (index.isPartial ? " WHERE \(quoted(first)) IS NOT NULL" : ""))
      let former = "\(entity.table)_by_\(columns.joined(separator: "_"))"
      try connection.execute("DROP INDEX IF EXISTS \(quoted(former))")
    }
  }

  // MARK: Balances

  /// The balances as the database has them, by name.
  func balanceDefinitions() throws(StoreError) -> [String: String] {
    let statement = SQLiteStatement(connection, "SELECT name, definition FROM sync_balance")
    var definitions: [String: String] = [:]
    try statement.forEach { row throws(StoreError) in definitions[try row.text(0)] = try row.text(1) }
    return definitions
  }

  /// A balance that the model does not declare would not be kept up to date: it is made anew when it is declared again.
  func dropBalance(_ name: String) throws(StoreError) {
    try connection.execute("DROP TABLE IF EXISTS \(quoted(name))")
    // What was purged was added up by other keys, or of another field.
    for table in ["sync_balance", "sync_purged_balance"] {
      let statement = SQLiteStatement(connection, "DELETE FROM \(table) WHERE name = ?")
      statement.bind(name, at: 1)
      try statement.run()
    }
  }

  func create(_ balance: BalanceTable) throws(StoreError) {
    try connection.execute(balance.creation)
    let statement = SQLiteStatement(connection, "INSERT INTO sync_balance (name, definition) VALUES (?, ?)")
    statement.bind(balance.declaration.name, at: 1)
    statement.bind(balance.definition, at: 2)
    try statement.run()
    try balance.rebuild()
  }

  // MARK: The model itself

  /// Refuses names that would collide in SQL, which does not tell upper from lower case.
  static func check(_ model: Model) throws(StoreError) {
    var tables: Set<String> = []
    func refuse(_ reason: String) -> StoreError { StoreError(.internalError, "the model: \(reason)") }
    for entity in model.entities {
      for name in [entity.table] + entity.balances.map(\.name) {
        let lower = name.lowercased()
        guard !lower.isEmpty, !DatabaseFormat.reservedTablePrefixes.contains(where: lower.hasPrefix) else {
          throw refuse("the table name “\(name)” is reserved; choose another")
        }
        guard tables.insert(lower).inserted else { throw refuse("two tables are named “\(name)”; rename one") }
      }
      var columns = Set(DatabaseFormat.entityColumns)
      for field in entity.fields where !columns.insert(field.column.lowercased()).inserted {
        throw refuse("the column “\(field.column)” of “\(entity.name)” is there already; rename the field")
      }
    }
  }
}

extension EntitySchema {
  func indexName(_ index: RecordIndex) -> String {
    "\(table)_by_\(index.fields.compactMap { field($0)?.column }.joined(separator: "_"))_id"
  }
}
