import Base
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
  private let highest: SQLiteStatement
  /// Where bound bytes stay until the statement has run.
  private let scratch = BindingBuffer(capacity: 4_096)
  private let meta = BindingBuffer(capacity: 64)
  private var metaStamp: Stamp?
  /// At or above all ids in the table; nil if that is not known. What is inserted here was looked up before.
  private var highestID: [UInt8]?

  /// - Parameter insert: the row, id, sequence and meta, then a column a field.
  init(_ schema: EntitySchema, _ connection: SQLiteConnection, _ replicas: ReplicaTable, insert: SQLiteStatement) {
    self.schema = schema
    tags = schema.fields.map(\.tag.rawValue)
    self.connection = connection
    self.replicas = replicas
    self.insert = insert
    exists = SQLiteStatement(connection, "SELECT 1 FROM \(quoted(schema.table)) WHERE id = ?")
    highest = SQLiteStatement(connection, "SELECT id FROM \(quoted(schema.table)) ORDER BY id DESC LIMIT 1")
  }

  /// Something was undone, or written another way.
  func forget() {
    highestID = nil
    metaStamp = nil
  }

  /// Ids begin with the time, so that most are above all others: then nothing is looked up.
  func isAbsent(_ id: RecordID) throws(StoreError) -> Bool {
    if highestID == nil {
      highestID = try highest.first { row throws(StoreError) in try row.id(0, schema.identity).bytes } ?? []
    }
    if let highestID, highestID.lexicographicallyPrecedes(id.bytes) {
      // Written or not: above it there is nothing.
      self.highestID = id.bytes
      return true
    }
    exists.bind(id, schema.identity, at: 1)
    return try exists.first { _ throws(StoreError) in true } == nil
  }

  func run(_ write: RecordWrite, stamp: Stamp, row: Int64, sequence: Sequence64) throws(StoreError) {
    guard case .write(let fields) = write.action else { return }
    try begin(write.id, stamp, row, sequence)
    var place = 0
    for column in tags.indices {
      if place < fields.count, fields[place].field.rawValue == tags[column] {
        if case .set(let value) = fields[place].edit { insert.bind(value, at: column + 5, in: scratch) }
        place += 1
      } else {
        insert.bindNull(at: column + 5)
      }
    }
    try insert.run()
  }

  func run(_ state: RecordState, row: Int64, sequence: Sequence64) throws(StoreError) {
    let only = state.vector.entries[0]
    try begin(state.id, Stamp(time: only.time, replica: only.replica), row, sequence)
    var place = 0
    for column in tags.indices {
      if place < state.fields.count, state.fields[place].tag.rawValue == tags[column] {
        if case .register(let siblings) = state.fields[place].content {
          insert.bind(siblings[0].value, at: column + 5, in: scratch)
        }
        place += 1
      } else {
        insert.bindNull(at: column + 5)
      }
    }
    try insert.run()
  }

  private func begin(
    _ id: RecordID, _ stamp: Stamp, _ row: Int64, _ sequence: Sequence64
  ) throws(StoreError) {
    if metaStamp != stamp {
      meta.removeAll()
      metaStamp = nil
      _ = meta.append(try MetaEncoder.encodeOnce(stamp, replicas))
      metaStamp = stamp
    }
    scratch.removeAll()
    insert.bind(row, at: 1)
    insert.bind(id, schema.identity, at: 2, in: scratch)
    insert.bind(sequence, at: 3)
    insert.bindAll(of: meta, at: 4)
  }
}
