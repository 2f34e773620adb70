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
    guard let table = try onlyPlace(of: key.entity) else { return try find(key) == nil }
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

  package func areNew(_ writes: ArraySlice<RecordWrite>) throws(StoreError) -> Bool {
    guard let first = writes.first, let last = writes.last else { return true }
    if let table = try onlyPlace(of: first.entity) {
      if try table.facts.isAbsent(from: first.id.bytes[...], to: last.id.bytes[...]) { return true }
    }
    for write in writes where try !isNew(RecordKey(entity: write.entity, id: write.id)) { return false }
    return true
  }

  package func insert(
    facts writes: ArraySlice<RecordWrite>, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> Int64 {
    guard let entity = writes.first?.entity else { return 0 }
    let table = try table(entity)
    let first = try nextRow(entity, table, count: writes.count)
    try table.facts.run(writes, stamp: stamp, row: first, sequence: sequence)
    return first
  }

  package func areNew(_ facts: FactColumns, _ rows: Range<Int>) throws(StoreError) -> Bool {
    if let table = try onlyPlace(of: facts.entity) {
      let (first, last) = (facts.ids[rows.lowerBound], facts.ids[rows.upperBound - 1])
      if try table.facts.isAbsent(from: first, to: last) { return true }
    }
    for row in rows where try !isNew(RecordKey(entity: facts.entity, id: facts.id(row))) { return false }
    return true
  }

  package func insert(
    facts: FactColumns, _ rows: Range<Int>, stamp: Stamp, sequence: Sequence64
  ) throws(StoreError) -> Int64 {
    let table = try table(facts.entity)
    let first = try nextRow(facts.entity, table, count: rows.count)
    try table.facts.run(facts, rows, stamp: stamp, row: first, sequence: sequence)
    return first
  }

  /// The table of an entity, if no record of it can be anywhere else.
  private func onlyPlace(of entity: EntityTag) throws(StoreError) -> RecordTable? {
    guard let table = tableByTag[entity], try hidden.holdsNone(of: entity) else { return nil }
    if table.schema.isPurgeable, try !purged.isEmpty() { return nil }
    return table
  }

  private func table(_ entity: EntityTag) throws(StoreError) -> RecordTable {
    guard let table = tableByTag[entity] else {
      throw StoreError(.internalError, "\(connection.path): expected a table of \(entity), found none")
    }
    return table
  }

  package func replace(
    with state: RecordState, keeping keys: [FieldTag], sequence: Sequence64
  ) throws(StoreError) -> Replacement {
    let replacement = try table(state.entity).newer.run(state, keeping: keys, sequence: sequence)
    guard replacement == .absent else { return replacement }
    // Without a row, but maybe hidden.
    return try hidden.holdsNone(of: state.entity) ? .absent : .undecided
  }

  package func insert(plain state: RecordState, sequence: Sequence64) throws(StoreError) -> RecordRef {
    let ref = RecordRef(entity: state.entity, row: try nextRow(state.entity))
    let table = try table(state.entity)
    try table.newer.run(inserting: state, row: ref.row, sequence: sequence)
    table.facts.forget()
    return ref
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
    try nextRow(entity, tableByTag[entity], count: 1)
  }

  /// The first of some rows that no record has had.
  private func nextRow(_ entity: EntityTag, _ table: RecordTable?, count: Int) throws(StoreError) -> Int64 {
    var last = table?.lastRow ?? lastRows[entity]
    if last == nil {
      last = max(
        try hidden.maximumRow(of: entity), try table?.maximumRow() ?? 0, try purged.maximumRow(of: entity))
    }
    let next = (last ?? 0) + 1
    if let table { table.lastRow = next + Int64(count) - 1 } else { lastRows[entity] = next + Int64(count) - 1 }
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
