package import Causality
package import Merge
package import RecordStore
package import StoreModel

/// A record that shows itself lies in its entity's table, any other in `sync_hidden`; it keeps its row as it moves.
extension SQLiteBackend {
  package func find(_ key: RecordKey) throws(StoreError) -> StoredRecord? {
    if let table = tables[key.entity], let record = try table.find(key.id) { return record }
    if let record = try hidden.find(key) { return record }
    return mayBePurged(key.entity) ? try purged.find(key)?.stored : nil
  }

  package func read(_ ref: RecordRef) throws(StoreError) -> StoredRecord? {
    if let table = tables[ref.entity], let record = try table.read(row: ref.row) { return record }
    if let record = try hidden.read(ref) { return record }
    return mayBePurged(ref.entity) ? try purged.read(ref)?.stored : nil
  }

  private func mayBePurged(_ entity: EntityTag) -> Bool { model.entity(entity)?.isPurgeable ?? false }

  package func insert(
    _ key: RecordKey, _ body: StoredRecord.Body, sequence: Sequence64
  ) throws(StoreError) -> RecordRef {
    let row = try nextRow(key.entity)
    let ref = RecordRef(entity: key.entity, row: row)
    if let (table, state) = place(key.entity, body) {
      try table.insert(state, row: row, sequence: sequence)
    } else {
      try hidden.put(StoredRecord(ref: ref, key: key, sequence: sequence, body: body))
    }
    return ref
  }

  package func isNew(_ key: RecordKey) throws(StoreError) -> Bool {
    guard let table = tableByTag[key.entity], try hidden.holdsNone(of: key.entity) else { return try find(key) == nil }
    if table.schema.isPurgeable, try !purged.isEmpty() { return try find(key) == nil }
    return try table.facts.isAbsent(key.id)
  }

  package func insert(
    fact write: RecordWrite, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> RecordRef {
    let ref = RecordRef(entity: write.entity, row: try nextRow(write.entity))
    try table(write.entity).facts.run(write, stamp: stamp, row: ref.row, sequence: sequence)
    return ref
  }

  package func insert(fact state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef {
    let ref = RecordRef(entity: state.entity, row: try nextRow(state.entity))
    try table(state.entity).facts.run(state, row: ref.row, sequence: sequence)
    return ref
  }

  private func table(_ entity: EntityTag) throws(StoreError) -> RecordTable {
    guard let table = tableByTag[entity] else {
      throw StoreError(.internalError, "\(connection.path): expected a table of \(entity), found none")
    }
    return table
  }

  package func update(_ record: StoredRecord) throws(StoreError) {
    let ref = record.ref
    if let (table, state) = place(ref.entity, record.body) {
      if try table.update(state, row: ref.row, sequence: record.sequence) { return }
      guard try hidden.delete(ref) else { throw missing(ref) }
      try table.insert(state, row: ref.row, sequence: record.sequence)
    } else {
      var isThere = try tables[ref.entity]?.delete(row: ref.row) ?? false
      if !isThere { isThere = try hidden.contains(ref) }
      guard isThere else { throw missing(ref) }
      try hidden.put(record)
    }
  }

  private func missing(_ ref: RecordRef) -> StoreError {
    StoreError(.internalError, "\(connection.path): expected a record at row \(ref.row) of \(ref.entity), found none")
  }

  /// The table that shows a record; nil if none does.
  private func place(_ entity: EntityTag, _ body: StoredRecord.Body) -> (RecordTable, RecordState)? {
    guard case .held(let state) = body, let table = tables[entity], table.shows(state) else { return nil }
    return (table, state)
  }

  private func nextRow(_ entity: EntityTag) throws(StoreError) -> Int64 {
    var last = lastRows[entity]
    if last == nil {
      last = max(
        try hidden.maximumRow(of: entity), try tables[entity]?.maximumRow() ?? 0, try purged.maximumRow(of: entity))
    }
    let next = (last ?? 0) + 1
    lastRows[entity] = next
    return next
  }

  package func records(
    of entity: EntityTag, after id: RecordID?, limit: Int
  ) throws(StoreError) -> [RecordState] {
    let limit = max(limit, 0)
    let shown = try tables[entity]?.records(after: id, limit: limit) ?? []
    let others = try hidden.records(of: entity, after: id, limit: limit)
    guard !others.isEmpty else { return shown.compactMap(\.state) }
    let all = (shown + others).sorted { $0.key.id < $1.key.id }
    return all.prefix(limit).compactMap(\.state)
  }

  package func heldEntities() throws(StoreError) -> [EntityTag] {
    var entities = Set(try hidden.heldEntities())
    for (tag, table) in tables where !entities.contains(tag) {
      if try table.hasRecords() { entities.insert(tag) }
    }
    return entities.sorted()
  }

  package func count(of entity: EntityTag) throws(StoreError) -> Int {
    if let table = tables[entity] { try table.count() } else { try hidden.count(of: entity) }
  }

  package func records(
    of entity: EntityTag, showing values: [(field: FieldTag, value: Value)], limit: Int
  ) throws(StoreError) -> [RecordID] {
    try tables[entity]?.records(showing: values, limit: max(limit, 0)) ?? []
  }

  package func records(_ plan: RecordQueryPlan, limit: Int) throws(StoreError) -> [RecordState] {
    try tables[plan.schema.tag]?.records(plan, limit: max(limit, 0)) ?? []
  }
}
