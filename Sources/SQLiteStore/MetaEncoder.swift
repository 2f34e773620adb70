import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// Writes what a record carries beside its columns: see `MetaForm`.
struct MetaEncoder {
  private var bytes = ByteWriter(reserving: 16)
  private let replicas: ReplicaTable
  private let vector: VersionVector
  private var defaultStamp: Stamp?

  private init(_ replicas: ReplicaTable, _ vector: VersionVector) {
    self.replicas = replicas
    self.vector = vector
  }

  /// Beside the columns of a row.
  static func encode(_ state: RecordState, columns: RowColumns, _ replicas: ReplicaTable)
    throws(StoreError) -> [UInt8]
  {
    var encoder = MetaEncoder(replicas, state.vector)
    if let stamp = state.onlyStamp, isExact(state, columns) { return try encodeOnce(stamp, replicas) }
    let known = columns.fields
    let hasUnknown = state.fields.contains { field in !known.contains { $0.tag == field.tag } }
    try encoder.append(state, hasUnknown ? .generalWithUnknownFields : .general, columns)
    return encoder.bytes.bytes
  }

  /// Beside columns that say all that a record holds, under one stamp.
  static func encodeOnce(_ stamp: Stamp, _ replicas: ReplicaTable) throws(StoreError) -> [UInt8] {
    var encoder = MetaEncoder(replicas, VersionVector())
    encoder.bytes.append(byte: MetaForm.once.rawValue)
    encoder.bytes.append(varint: UInt64(try replicas.index(of: stamp.replica)))
    encoder.append(stamp.time)
    return encoder.bytes.bytes
  }

  /// All of it, for a record without a row.
  static func encodeWhole(_ state: RecordState, _ replicas: ReplicaTable) throws(StoreError) -> [UInt8] {
    var encoder = MetaEncoder(replicas, state.vector)
    try encoder.append(state, .whole, .none)
    return encoder.bytes.bytes
  }

  static func encodeStub(_ vector: VersionVector, _ replicas: ReplicaTable) throws(StoreError) -> [UInt8] {
    var encoder = MetaEncoder(replicas, vector)
    encoder.bytes.append(byte: MetaForm.stub.rawValue)
    try encoder.appendVector()
    return encoder.bytes.bytes
  }

  /// Whether the columns of a record that was written once say all that it holds.
  private static func isExact(_ state: RecordState, _ columns: RowColumns) -> Bool {
    var rest = state.fields[...]
    for (field, value) in zip(columns.fields, columns.values) {
      guard let next = rest.first, next.tag == field.tag else { continue }
      guard next.content.siblings?.first?.value == value else { return false }
      rest.removeFirst()
    }
    return rest.isEmpty
  }

  private mutating func append(_ state: RecordState, _ form: MetaForm, _ columns: RowColumns) throws(StoreError) {
    defaultStamp = Self.mostFrequentStamp(state)
    bytes.append(byte: form.rawValue)
    bytes.append(
      byte: (defaultStamp == nil ? 0 : MetaFlags.hasDefault) | (state.deletions.isEmpty ? 0 : MetaFlags.hasMarks))
    try appendVector()
    if !state.deletions.isEmpty { try append(state.deletions) }
    if let defaultStamp { try append(defaultStamp) }
    try append(state.fields, columns)
  }

  /// The stamp that most fields share; among equals the latest.
  private static func mostFrequentStamp(_ state: RecordState) -> Stamp? {
    var counts: [(stamp: Stamp, count: Int)] = []
    for field in state.fields {
      guard case .register(let siblings) = field.content, siblings.count == 1 else { continue }
      let stamp = siblings[0].stamp
      if let index = counts.firstIndex(where: { $0.stamp == stamp }) {
        counts[index].count += 1
      } else {
        counts.append((stamp, 1))
      }
    }
    return counts.max { ($0.count, $0.stamp) < ($1.count, $1.stamp) }?.stamp
  }

  // MARK: Stamps

  private mutating func append(_ time: HybridTimestamp) {
    bytes.append(varint: time.rawValue >> 16)
    bytes.append(varint: UInt64(time.counter))
  }

  private mutating func appendVector() throws(StoreError) {
    bytes.append(varint: UInt64(vector.entries.count))
    for entry in vector.entries {
      bytes.append(varint: UInt64(try replicas.index(of: entry.replica)))
      append(entry.time)
    }
  }

  private mutating func append(_ stamp: Stamp) throws(StoreError) {
    let index = vector.entries.firstIndex { $0.replica == stamp.replica } ?? vector.entries.count
    bytes.append(varint: UInt64(index))
    if index < vector.entries.count {
      let difference = vector.entries[index].time.rawValue &- stamp.time.rawValue
      bytes.append(signedVarint: Int64(bitPattern: difference))
    } else {
      bytes.append(varint: UInt64(try replicas.index(of: stamp.replica)))
      append(stamp.time)
    }
  }

  private mutating func append(_ marks: [DeletionMark]) throws(StoreError) {
    bytes.append(varint: UInt64(marks.count))
    for mark in marks {
      try append(mark.stamp)
      bytes.append(varint: UInt64(mark.saw.entries.count))
      for entry in mark.saw.entries { try append(Stamp(time: entry.time, replica: entry.replica)) }
    }
  }

  // MARK: Fields

  private mutating func append(_ fields: [FieldState], _ columns: RowColumns) throws(StoreError) {
    var listed: [(field: FieldState, column: Value)] = []
    var columnIndex = 0
    for field in fields {
      while columnIndex < columns.fields.count, columns.fields[columnIndex].tag < field.tag { columnIndex += 1 }
      let isKnown = columnIndex < columns.fields.count && columns.fields[columnIndex].tag == field.tag
      let column = isKnown ? columns.values[columnIndex] : .null
      if !isImplied(field, column) { listed.append((field, column)) }
    }
    bytes.append(varint: UInt64(listed.count))
    var nextTag: UInt64 = 0
    for (field, column) in listed {
      let tag = UInt64(field.tag.rawValue)
      guard tag >= nextTag else { throw StoreError(.internalError, "the fields of a record do not ascend by tag") }
      bytes.append(varint: tag - nextTag)
      nextTag = tag + 1
      try append(field.content, column)
    }
  }

  private func isImplied(_ field: FieldState, _ column: Value) -> Bool {
    guard case .register(let siblings) = field.content, siblings.count == 1 else { return false }
    return siblings[0].stamp == defaultStamp && !column.isNull && siblings[0].value == column
  }

  private mutating func append(_ content: FieldState.Content, _ column: Value) throws(StoreError) {
    func head(_ count: Int, _ kind: UInt64) -> UInt64 { UInt64(count) << 2 | kind }
    switch content {
    case .register(let siblings):
      bytes.append(varint: head(siblings.count, MetaContent.register))
      for sibling in siblings { try append(sibling, column) }
    case .set(let elements):
      bytes.append(varint: head(elements.count, MetaContent.set))
      for element in elements { try append(element) }
    case .counter(let shares):
      bytes.append(varint: head(shares.count, MetaContent.counter))
      for share in shares {
        try append(share.stamp)
        bytes.append(signedVarint: share.sum)
      }
    case .map(let entries):
      bytes.append(varint: head(entries.count, MetaContent.map))
      for entry in entries {
        bytes.append(counted: entry.key.utf8)
        bytes.append(varint: UInt64(entry.siblings.count))
        for sibling in entry.siblings { try append(sibling, .null) }
      }
    }
  }

  private mutating func append(_ sibling: Sibling, _ column: Value) throws(StoreError) {
    let isDefault = sibling.stamp == defaultStamp
    let isColumn = !column.isNull && sibling.value == column
    let head = isColumn ? MetaItem.column : sibling.value.metaKind
    bytes.append(byte: head | (isDefault ? MetaItem.defaultStamp : 0))
    if !isDefault { try append(sibling.stamp) }
    if !isColumn { append(sibling.value) }
  }

  private mutating func append(_ element: Element) throws(StoreError) {
    let isDefault = defaultStamp.map { element.stamps == [$0] } ?? false
    bytes.append(byte: element.value.metaKind | (isDefault ? MetaItem.defaultStamp : 0))
    if !isDefault {
      bytes.append(varint: UInt64(element.stamps.count))
      for stamp in element.stamps { try append(stamp) }
    }
    append(element.value)
  }

  private mutating func append(_ value: Value) {
    switch value {
    case .null: break
    case .integer(let integer): bytes.append(signedVarint: integer)
    case .text(let text): bytes.append(counted: text.utf8)
    case .bytes(let array): bytes.append(counted: array)
    }
  }
}

extension Value {
  var metaKind: UInt8 {
    switch self {
    case .null: MetaItem.null
    case .integer: MetaItem.integer
    case .text: MetaItem.text
    case .bytes: MetaItem.bytes
    }
  }
}
