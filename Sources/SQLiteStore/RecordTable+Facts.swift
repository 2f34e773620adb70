import Base
import CSQLite
import Causality
import Merge
import RecordStore
import StoreModel

/// The quick way of a fact into its row: values are bound from where they stand, and what one group's rows share is made
/// once.
final class FactInsert {
  private let schema: EntitySchema
  private let tags: [UInt16]
  private let connection: SQLiteConnection
  private let replicas: ReplicaTable
  private let insert: SQLiteStatement
  private let exists: SQLiteStatement
  private let existsBetween: SQLiteStatement
  private let highest: SQLiteStatement
  /// The parameter of the first field, behind those of row, id, sequence and meta.
  private static let firstField = 5
  /// Where bound bytes stay until the statement has run.
  private let scratch = BindingBuffer(capacity: 4_096)
  private let meta = BindingBuffer(capacity: 64)
  private var metaStamp: Stamp?
  /// At or above all ids in the table; empty if that is not known, or there are none. What is inserted here was looked up
  /// before.
  private var highestID: [UInt8] = []
  private var knownPlaces: (facts: FactColumns, columns: [BoundColumn])?

  /// - Parameter insert: the row, id, sequence and meta, then a column a field.
  init(_ schema: EntitySchema, _ connection: SQLiteConnection, _ replicas: ReplicaTable, insert: SQLiteStatement) {
    self.schema = schema
    tags = schema.fields.map(\.tag.rawValue)
    self.connection = connection
    self.replicas = replicas
    self.insert = insert
    existsBetween = SQLiteStatement(
      connection, "SELECT 1 FROM \(quoted(schema.table)) WHERE id >= ? AND id <= ? LIMIT 1")
    exists = SQLiteStatement(connection, "SELECT 1 FROM \(quoted(schema.table)) WHERE id = ?")
    highest = SQLiteStatement(connection, "SELECT id FROM \(quoted(schema.table)) ORDER BY id DESC LIMIT 1")
  }

  /// Something was undone, or written another way.
  func forget() {
    highestID = []
    metaStamp = nil
    knownPlaces = nil
  }

  /// Ids begin with the time, so that most are above all others: then nothing is looked up.
  func isAbsent(_ id: RecordID) throws(StoreError) -> Bool {
    if try isAboveAll(id.bytes[...], to: id.bytes[...]) { return true }
    exists.bind(id, schema.identity, at: 1)
    return try exists.first { _ throws(StoreError) in true } == nil
  }

  /// Whether there is nothing between two ids and at them.
  func isAbsent(from first: ArraySlice<UInt8>, to last: ArraySlice<UInt8>) throws(StoreError) -> Bool {
    if try isAboveAll(first, to: last) { return true }
    existsBetween.bind(RecordID(Array(first)), schema.identity, at: 1)
    existsBetween.bind(RecordID(Array(last)), schema.identity, at: 2)
    return try existsBetween.first { _ throws(StoreError) in true } == nil
  }

  private func isAboveAll(_ first: ArraySlice<UInt8>, to last: ArraySlice<UInt8>) throws(StoreError) -> Bool {
    if highestID.isEmpty {
      highestID = try highest.first { row throws(StoreError) in try row.id(0, schema.identity).bytes } ?? []
    }
    guard highestID.lexicographicallyPrecedes(first) else { return false }
    // Written or not: above it there is nothing. In the same memory, as this is so for each group.
    highestID.removeAll(keepingCapacity: true)
    highestID += last
    return true
  }

  func run(_ write: RecordWrite, stamp: Stamp, row: Int64, sequence: Sequence64) throws(StoreError) {
    try run([write], stamp: stamp, row: row, sequence: sequence)
  }

  func run(
    _ writes: ArraySlice<RecordWrite>, stamp: Stamp, row first: Int64, sequence: Sequence64
  ) throws(StoreError) {
    try setMeta(stamp)
    let (meta, scratch, identity) = (meta.bytes, scratch, schema.identity)
    try insert.run(writes.startIndex..<writes.endIndex) { index, binder in
      if index == writes.startIndex {
        binder.bind(Int64(truncatingIfNeeded: sequence), at: 3)
        binder.bind(blob: meta, at: 4)
      }
      scratch.removeAll()
      binder.bind(first + Int64(index - writes.startIndex), at: 1)
      binder.bind(writes[index].id, identity, at: 2, in: scratch)
      guard case .write(let fields) = writes[index].action else { return }
      var place = 0
      for column in tags.indices {
        if place < fields.count, fields[place].field.rawValue == tags[column] {
          if case .set(let value) = fields[place].edit {
            binder.bind(value, at: column + Self.firstField, in: scratch)
          }
          place += 1
        } else {
          binder.bindNull(at: column + Self.firstField)
        }
      }
    }
  }

  func run(_ state: RecordState, row: Int64, sequence: Sequence64) throws(StoreError) {
    let only = state.vector.entries[0]
    try begin(state.id, Stamp(time: only.time, replica: only.replica), row, sequence)
    var place = 0
    for column in tags.indices {
      if place < state.fields.count, state.fields[place].tag.rawValue == tags[column] {
        if case .register(let siblings) = state.fields[place].content {
          insert.bind(siblings[0].value, at: column + Self.firstField, in: scratch)
        }
        place += 1
      } else {
        insert.bindNull(at: column + Self.firstField)
      }
    }
    try insert.run()
  }

  /// Facts in columns, which go into the database from where they lie.
  func run(
    _ facts: FactColumns, _ rows: Range<Int>, stamp: Stamp, row first: Int64, sequence: Sequence64
  ) throws(StoreError) {
    try setMeta(stamp)
    let columns = places(in: facts)
    let meta = meta.bytes
    let identity = schema.identity
    try facts.withMemory { memory throws(StoreError) in
      try insert.run(rows) { row, binder in
        let isFirst = row == rows.lowerBound
        binder.bind(first + Int64(row - rows.lowerBound), at: 1)
        binder.bind(memory.ids[row], identity, at: 2)
        if isFirst {
          binder.bind(Int64(truncatingIfNeeded: sequence), at: 3)
          binder.bind(blob: meta, at: 4)
        }
        for column in columns {
          let cell = column.first + row
          let number = memory.cells[cell]
          // What repeats itself is still bound from the row before.
          if !isFirst, number == memory.cells[cell - 1] { continue }
          switch column.kind {
          case .integers: binder.bind(number, at: column.parameter)
          case .texts: binder.bind(text: memory.strings[Int(number)], at: column.parameter)
          case .bytes: binder.bind(blob: memory.strings[Int(number)], at: column.parameter)
          }
        }
      }
    }
  }

  /// Where the columns of some facts go; what they do not have stays empty.
  private func places(in facts: FactColumns) -> [BoundColumn] {
    if let known = knownPlaces, known.facts === facts { return known.columns }
    var columns: [BoundColumn] = []
    for (column, tag) in facts.tags.enumerated() {
      guard let place = tags.firstIndex(of: tag.rawValue) else { continue }
      columns.append(
        BoundColumn(kind: facts.kinds[column], first: column * facts.rowCount, parameter: place + Self.firstField))
    }
    knownPlaces = (facts, columns)
    return columns
  }

  private func setMeta(_ stamp: Stamp) throws(StoreError) {
    guard metaStamp != stamp else { return }
    meta.removeAll()
    metaStamp = nil
    _ = meta.append(try MetaEncoder.encodeOnce(stamp, replicas))
    metaStamp = stamp
  }

  private func begin(
    _ id: RecordID, _ stamp: Stamp, _ row: Int64, _ sequence: Sequence64
  ) throws(StoreError) {
    try setMeta(stamp)
    scratch.removeAll()
    insert.bind(row, at: 1)
    insert.bind(id, schema.identity, at: 2, in: scratch)
    insert.bind(sequence, at: 3)
    insert.bindAll(of: meta, at: 4)
  }
}

/// A column of facts, and the parameter of the statement that it goes to.
private struct BoundColumn {
  var kind: FactColumns.Kind
  /// Of the cells of all columns, the one of its first row.
  var first: Int
  var parameter: Int
}

/// Facts in columns with all that they hold kept in place.
private struct FactMemory {
  let cells: UnsafeBufferPointer<Int64>
  let ids: PackedMemory
  let strings: PackedMemory
}

/// Packed strings kept in place: asked for each value, so that nothing is called in another module for it.
private struct PackedMemory {
  let bytes: UnsafeRawBufferPointer
  let ends: UnsafeBufferPointer<UInt32>

  subscript(index: Int) -> UnsafeRawBufferPointer {
    let start = index == 0 ? 0 : Int(ends[index - 1])
    return UnsafeRawBufferPointer(rebasing: bytes[start..<Int(ends[index])])
  }
}

extension FactColumns {
  fileprivate func withMemory(_ body: (FactMemory) throws(StoreError) -> Void) throws(StoreError) {
    try cells.withUnsafeBufferPointer { cells throws(StoreError) in
      try ids.withMemory { ids throws(StoreError) in
        try strings.withMemory { strings throws(StoreError) in
          try body(FactMemory(cells: cells, ids: ids, strings: strings))
        }
      }
    }
  }
}

extension PackedStrings {
  fileprivate func withMemory(_ body: (PackedMemory) throws(StoreError) -> Void) throws(StoreError) {
    try bytes.withUnsafeBufferPointer { bytes throws(StoreError) in
      try ends.withUnsafeBufferPointer { ends throws(StoreError) in
        try body(PackedMemory(bytes: UnsafeRawBufferPointer(bytes), ends: ends))
      }
    }
  }
}

extension RowBinder {
  fileprivate mutating func bind(_ id: UnsafeRawBufferPointer, _ identity: Identity, at index: Int) {
    switch identity {
    case .uuid, .composed: bind(blob: id, at: index)
    case .key: bind(text: id, at: index)
    case .number: bind(id.reduce(0) { $0 << 8 | Int64($1) }, at: index)
    }
  }

  fileprivate mutating func bind(_ id: RecordID, _ identity: Identity, at index: Int, in buffer: BindingBuffer) {
    id.bytes.withUnsafeBytes { bytes in
      guard let place = buffer.append(bytes) else { return fail(SQLITE_TOOBIG) }
      bind(place, identity, at: index)
    }
  }
}
