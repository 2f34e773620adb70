import RecordStore
import StoreModel

extension SQLiteBackend {
  /// Refuses to read tables that were made for another model: a reader can't change them.
  func checkTables() throws(StoreError) {
    guard try ModelTables(connection).changes(to: model).isEmpty else {
      throw StoreError(
        .notWritable,
        "\(connection.path): made by an older version of this program; open it for writing once (start the node)")
    }
  }

  /// Makes the tables fit the model, by adding only, and brings what was kept as unknown into its columns.
  func upgradeTables() throws(StoreError) {
    let modelTables = ModelTables(connection)
    let changes = try modelTables.changes(to: model)
    for change in changes { try modelTables.apply(change) }
    var shownCount = 0
    for change in changes {
      switch change {
      case .create(let entity): shownCount += try showHidden(entity.tag)
      case .add, .renameTable, .renameColumn: break
      }
    }
    for entity in Set(changes.compactMap(\.grownEntity)).sorted() { shownCount += try showUnknownFields(entity) }
    // The log has no entry of it.
    if shownCount > 0 { try setFeedTurn(feedTurn() + 1) }
    for entity in model.entities { try modelTables.createIndexes(entity) }
    try upgradeBalances(modelTables)
  }

  /// Records of an entity that has become known.
  /// - Returns: how many there are.
  private func showHidden(_ entity: EntityTag) throws(StoreError) -> Int {
    let rows = try hidden.rows(of: entity)
    for row in rows {
      if let record = try hidden.read(RecordRef(entity: entity, row: row)) { try update(record) }
    }
    return rows.count
  }

  /// Records with fields that have become known. Their state is whole before as after; only the columns gain.
  /// - Returns: how many there are.
  private func showUnknownFields(_ entity: EntityTag) throws(StoreError) -> Int {
    guard let table = tables[entity] else { return 0 }
    let rows = try table.rowsWithUnknown()
    for row in rows {
      if let record = try table.read(row: row) { try update(record) }
    }
    return rows.count
  }

  private func upgradeBalances(_ modelTables: ModelTables) throws(StoreError) {
    let present = try modelTables.balanceDefinitions()
    for (name, definition) in present.sorted(by: { $0.key < $1.key })
    where balanceTables[name]?.definition != definition {
      try modelTables.dropBalance(name)
    }
    for (name, balance) in balanceTables.sorted(by: { $0.key < $1.key })
    where present[name] != balance.definition {
      try modelTables.create(balance)
    }
  }
}

extension ModelTables.Change {
  /// The entity that has a new field.
  fileprivate var grownEntity: EntityTag? {
    if case .add(_, let entity) = self { entity.tag } else { nil }
  }
}
