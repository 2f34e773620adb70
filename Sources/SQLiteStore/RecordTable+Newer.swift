import Causality
import Merge
import RecordStore
import StoreModel

/// The quick way of a newer state into its row: one statement that finds the row, holds it against the state and writes.
final class NewerUpdate {
  private let schema: EntitySchema
  private let tags: [UInt16]
  private let connection: SQLiteConnection
  private let replicas: ReplicaTable
  private let comparison: NewerComparison
  private let indexed: [Int]
  private let others: [Int]
  private let all: [Int]
  /// Leaves out the columns of indexes, which SQLite would write anew, changed or not: they are compared instead.
  private let update: SQLiteStatement
  /// By the row: sequence, meta and all columns.
  private let updateAll: SQLiteStatement
  private let insert: SQLiteStatement
  /// Where bound bytes stay until the statement has run.
  private let scratch = BindingBuffer(capacity: 4_096)
  private var meta = MetaOfOne()

  /// - Parameters:
  ///   - indexed: the columns of indexes, by their places.
  ///   - others: all other columns.
  ///   - updateAll: sequence, meta, a column a field, then the row.
  ///   - insert: the row, id, sequence and meta, then a column a field.
  init(
    _ schema: EntitySchema, _ connection: SQLiteConnection, _ replicas: ReplicaTable, _ comparison: NewerComparison,
    indexed: [Int], others: [Int], updateAll: SQLiteStatement, insert: SQLiteStatement
  ) {
    self.schema = schema
    tags = schema.fields.map(\.tag.rawValue)
    self.connection = connection
    self.replicas = replicas
    self.comparison = comparison
    self.indexed = indexed
    self.others = others
    all = Array(schema.fields.indices)
    self.updateAll = updateAll
    self.insert = insert
    let names = schema.fields.map { quoted($0.column) }
    let assignments = (["sequence", "meta"] + others.map { names[$0] }).map { "\($0) = ?" }
    let arguments = ["\"row\"", "sequence", "meta"] + indexed.map { names[$0] }
    update = SQLiteStatement(
      connection,
      """
      UPDATE \(quoted(schema.table)) SET \(assignments.joined(separator: ", "))
      WHERE id = ? AND \(NewerComparison.function)(\(arguments.joined(separator: ", ")))
      """)
  }

  /// Something was undone: a replica's number may be another's.
  func forget() {
    meta = MetaOfOne()
  }

  /// - Parameters:
  ///   - state: one whose fields are of the schema and have one value each, of the kind that the field's column holds.
  ///   - keys: fields that must show what they showed.
  func run(
    _ state: RecordState, keeping keys: [FieldTag], sequence: Sequence64
  ) throws(StoreError) -> Replacement {
    guard schema.identity.mayBeColumn(state.id) else { return .undecided }
    let meta = try meta.bytes(state, schema, replicas)
    comparison.expect(state.vector.entries, indexed.map { value(of: tags[$0], state) })
    scratch.removeAll()
    update.bind(sequence, at: 1)
    update.bind(meta, at: 2, in: scratch)
    bind(state, others, to: update, from: 3)
    update.bind(state.id, schema.identity, at: others.count + 3, in: scratch)
    try update.run()
    switch comparison.verdict {
    case .newer: break
    case .seen: return .seen
    case .undecided: return comparison.hasMet ? .undecided : .absent
    case .newerElsewhere:
      let keysChange = comparison.changed.contains { place in
        keys.contains { $0.rawValue == tags[indexed[place]] }
      }
      if keysChange { return .undecided }
      try updateWhole(state, meta, sequence)
    }
    return .replaced(RecordRef(entity: state.entity, row: comparison.row), previous: comparison.sequence)
  }

  /// A new row; the parameters are as above.
  func run(inserting state: RecordState, row: Int64, sequence: Sequence64) throws(StoreError) {
    let meta = try meta.bytes(state, schema, replicas)
    scratch.removeAll()
    insert.bind(row, at: 1)
    insert.bind(state.id, schema.identity, at: 2, in: scratch)
    insert.bind(sequence, at: 3)
    insert.bind(meta, at: 4, in: scratch)
    bind(state, all, to: insert, from: 5)
    try insert.run()
  }

  /// Some of the columns; they and the state's fields ascend alike.
  private func bind(_ state: RecordState, _ columns: [Int], to statement: SQLiteStatement, from first: Int) {
    var place = 0
    for (index, column) in columns.enumerated() {
      while place < state.fields.count, state.fields[place].tag.rawValue < tags[column] { place += 1 }
      if place < state.fields.count, state.fields[place].tag.rawValue == tags[column],
        case .register(let siblings) = state.fields[place].content
      {
        statement.bind(siblings[0].value, at: index + first, in: scratch)
      } else {
        statement.bindNull(at: index + first)
      }
    }
  }

  private func updateWhole(_ state: RecordState, _ meta: [UInt8], _ sequence: Sequence64) throws(StoreError) {
    scratch.removeAll()
    updateAll.bind(sequence, at: 1)
    updateAll.bind(meta, at: 2, in: scratch)
    bind(state, all, to: updateAll, from: 3)
    updateAll.bind(comparison.row, at: tags.count + 3)
    try updateAll.run()
  }

  private func value(of tag: UInt16, _ state: RecordState) -> Value {
    for field in state.fields where field.tag.rawValue == tag {
      if case .register(let siblings) = field.content { return siblings[0].value }
    }
    return .null
  }
}

/// The metadata of the last state with one value a field. What one commit wrote in many records (prices, most often) is
/// stamped alike, and then the metadata is the same.
private struct MetaOfOne {
  private struct Mark: Equatable {
    var tag: UInt16
    var isNull: Bool
    var stamp: Stamp
  }

  private var vector = VersionVector()
  private var marks: [Mark] = []
  private var encoded: [UInt8] = []

  mutating func bytes(
    _ state: RecordState, _ schema: EntitySchema, _ replicas: ReplicaTable
  ) throws(StoreError) -> [UInt8] {
    if isOf(state) { return encoded }
    marks.removeAll(keepingCapacity: true)
    var values: [Value] = []
    values.reserveCapacity(schema.fields.count)
    for field in schema.fields { values.append(state.content(of: field.tag)?.siblings?.first?.value ?? .null) }
    encoded = try MetaEncoder.encode(state, columns: RowColumns(fields: schema.fields, values: values), replicas)
    vector = state.vector
    for field in state.fields {
      guard case .register(let siblings) = field.content else { continue }
      marks.append(Mark(tag: field.tag.rawValue, isNull: siblings[0].value.isNothing, stamp: siblings[0].stamp))
    }
    return encoded
  }

  /// Whether the state's metadata is the same.
  private func isOf(_ state: RecordState) -> Bool {
    guard !marks.isEmpty, marks.count == state.fields.count, vector.entries.count == state.vector.entries.count else {
      return false
    }
    for index in vector.entries.indices {
      guard vector.entries[index].isSame(as: state.vector.entries[index]) else { return false }
    }
    for index in marks.indices {
      guard marks[index].tag == state.fields[index].tag.rawValue,
        case .register(let siblings) = state.fields[index].content
      else { return false }
      let sibling = siblings[0]
      guard marks[index].isNull == sibling.value.isNothing, marks[index].stamp.isSame(as: sibling.stamp) else {
        return false
      }
    }
    return true
  }
}

// By raw values: what the compiler makes of `==` for types of other modules goes through a witness table.

extension Stamp {
  fileprivate func isSame(as other: Stamp) -> Bool {
    time.rawValue == other.time.rawValue && replica.incarnation == other.replica.incarnation
      && replica.node.rawValue == other.replica.node.rawValue
  }
}

extension VersionVector.Entry {
  fileprivate func isSame(as other: VersionVector.Entry) -> Bool {
    time.rawValue == other.time.rawValue && replica.incarnation == other.replica.incarnation
      && replica.node.rawValue == other.replica.node.rawValue
  }
}

extension Value {
  fileprivate var isNothing: Bool { if case .null = self { true } else { false } }
}
