import Base
import Causality
import Merge
import StoreModel

/// Writes groups as columns: first takes the values out of the records, then writes each column in its smallest form.
struct ColumnEncoder {
  /// Facts from which the contents are laid out to be compressed.
  private static let compressibleRows = 100
  /// Columns that a later one may copy. Each is compared with these, and odd groups have as many columns as values.
  private static let copiedColumns = 200

  private let groups: [CommitGroup]
  private let outline: GroupOutline
  private var table = StringTable()
  private var size = ExpandedSize()
  /// The first columns that are written, for copies.
  private var written: [ValueColumn] = []
  /// Entries of the table that a written column has named.
  private var named: Int64 = 0

  init(_ groups: [CommitGroup], _ outline: GroupOutline) {
    self.groups = groups
    self.outline = outline
  }

  private struct ShapeColumns {
    /// Nil if the ids are put together from fields.
    var ids: ValueColumn?
    var parts: [IDPart]
    var fields: [ValueColumn]
  }

  /// Nil if that is more than contents may be.
  mutating func encode(_ model: Model) -> ColumnContents? {
    let rows = outline.shapes.reduce(0) { $0 + $1.ids.count }
    var writer = ColumnWriter(reserving: 256 + 8 * rows, compressible: rows >= Self.compressibleRows)
    let rest = GroupEncoder(replicas: replicas)
    guard rest.replicas.count <= WireLimits.maximumBatchReplicas else { return nil }
    writer.append(varint: rest.replicas.count)
    for replica in rest.replicas {
      writer.append(varint: Int(replica.node.rawValue))
      writer.append(varint: Int(replica.incarnation))
    }
    writer.append(varint: groups.count)
    guard let first = groups.first else { return ColumnContents(bytes: writer.output.bytes, cuts: []) }
    appendStamps(to: &writer, rest)
    var columns: [ShapeColumns] = []
    for shape in outline.shapes {
      guard size.add(records: shape.ids.count, fields: shape.fields.count), let taken = take(shape, model) else {
        return nil
      }
      columns.append(taken)
    }
    appendOutline(columns, to: &writer)
    let time = Int64(first.stamp.time.rawValue >> 16)
    table.append(to: &writer, time: time)
    for (shape, columns) in zip(outline.shapes, columns) {
      if let ids = columns.ids { append(ids, shape.places, time: time, to: &writer) }
      for column in columns.fields { append(column, shape.places, time: time, to: &writer) }
    }
    let others = otherItems(rest)
    guard size.add(bytes: others.count), writer.output.count + others.count <= WireLimits.maximumContentsBytes else {
      return nil
    }
    writer.cut()
    writer.append(bytes: others)
    return ColumnContents(bytes: writer.output.bytes, cuts: writer.cuts)
  }

  // MARK: What is no column of a shape

  /// Facts name no replica but their group's.
  private var replicas: [ReplicaID] {
    var named: Set<ReplicaID> = []
    for group in groups { named.insert(group.stamp.replica) }
    return outline.others.isEmpty ? named.sorted() : named.union(GroupEncoder(outline.others).replicas).sorted()
  }

  private func appendStamps(to writer: inout ColumnWriter, _ encoder: GroupEncoder) {
    writer.append(groups.map { Int64($0.stamp.time.rawValue >> 16) })
    writer.append(groups.map { Int64($0.stamp.time.rawValue & 0xFFFF) })
    writer.append(groups.map { Int64(encoder.place(of: $0.stamp.replica)) })
  }

  private func appendOutline(_ columns: [ShapeColumns], to writer: inout ColumnWriter) {
    writer.append(varint: outline.shapes.count)
    for (shape, columns) in zip(outline.shapes, columns) {
      writer.append(varint: Int(shape.entity.rawValue))
      var runs: [(start: Int, end: Int)] = []
      for tag in shape.fields.map({ Int($0.tag.rawValue) }) {
        if let last = runs.last, last.end == tag {
          runs[runs.count - 1].end = tag + 1
        } else {
          runs.append((tag, tag + 1))
        }
      }
      writer.append(varint: runs.count)
      var next = 0
      for run in runs {
        writer.append(varint: run.start - next)
        writer.append(varint: run.end - run.start - 1)
        next = run.end
      }
      writer.append(varint: columns.parts.count)
      for part in columns.parts { writer.append(varint: part.field << IDPart.Form.bits | part.form.rawValue) }
    }
    // Most often each group is facts of one shape.
    if outline.signatures == [[RunMark.firstShape]] {
      writer.append(varint: 0)
      return writer.append(outline.counts)
    }
    writer.append(varint: outline.signatures.count)
    for signature in outline.signatures {
      writer.append(varint: signature.count)
      for mark in signature { writer.append(varint: mark) }
    }
    if outline.signatures.count > 1 { writer.append(outline.signatureOfGroup) }
    if !outline.counts.isEmpty { writer.append(outline.counts) }
  }

  private func otherItems(_ encoder: GroupEncoder) -> [UInt8] {
    var writer = CBORWriter(reserving: 0)
    for group in outline.others {
      for record in group.records { encoder.append(record, of: group.stamp, to: &writer) }
      for eviction in group.evictions { encoder.append(eviction, to: &writer) }
    }
    return writer.bytes
  }

  // MARK: Taking values

  /// Nil if the values are more than contents may be.
  private mutating func take(_ shape: FactShape, _ model: Model) -> ShapeColumns? {
    let parts = CompositionCheck.parts(of: shape, model)
    let ids = parts.isEmpty ? takeIDs(shape.ids) : nil
    var fields: [ValueColumn] = []
    for field in shape.fields {
      switch field.kind {
      case .integer, .none: fields.append(ValueColumn(kind: .integer, numbers: field.integers))
      case .text: fields.append(take(texts: field.texts))
      case .bytes: fields.append(ValueColumn(kind: .bytes, numbers: places(field.bytes)))
      }
      guard size.add(bytes: tableBytes(fields[fields.count - 1])) else { return nil }
    }
    return ShapeColumns(ids: ids, parts: parts, fields: fields)
  }

  /// What the strings of a column take.
  private func tableBytes(_ column: ValueColumn) -> Int {
    guard column.kind == .text || column.kind == .bytes else { return 0 }
    return column.numbers.reduce(0) { $0 + table.entries[Int($1)].count }
  }

  private mutating func takeIDs(_ ids: [[UInt8]]) -> ValueColumn {
    var numbers: [Int64] = []
    for id in ids {
      guard let number = DecimalText.number(id) else { break }
      numbers.append(number)
    }
    if numbers.count == ids.count { return ValueColumn(kind: .decimal, numbers: numbers) }
    return ValueColumn(kind: .bytes, numbers: places(ids))
  }

  private mutating func take(texts: [String]) -> ValueColumn {
    var numbers: [Int64] = []
    numbers.reserveCapacity(texts.count)
    for text in texts {
      guard let number = DecimalText.number(text.utf8) else { break }
      numbers.append(number)
    }
    if numbers.count == texts.count { return ValueColumn(kind: .decimal, numbers: numbers) }
    numbers.removeAll(keepingCapacity: true)
    for (index, text) in texts.enumerated() {
      if index > 0, text.utf8.elementsEqual(texts[index - 1].utf8) {
        numbers.append(numbers[index - 1])
      } else {
        numbers.append(table.place(of: Array(text.utf8)))
      }
    }
    return ValueColumn(kind: .text, numbers: numbers)
  }

  private mutating func places(_ strings: [[UInt8]]) -> [Int64] {
    var places: [Int64] = []
    places.reserveCapacity(strings.count)
    for (index, bytes) in strings.enumerated() {
      places.append(index > 0 && bytes == strings[index - 1] ? places[index - 1] : table.place(of: bytes))
    }
    return places
  }

  // MARK: Writing values

  private mutating func append(
    _ column: ValueColumn, _ places: [Int32], time: Int64, to writer: inout ColumnWriter
  ) {
    defer { if written.count < Self.copiedColumns { written.append(column) } }
    let numbers = column.numbers
    var best: (kind: ColumnKind, numbers: [Int64], plan: NumberPlan)
    func offer(_ kind: ColumnKind, _ numbers: [Int64]) {
      let plan = NumberPlan.best(for: numbers, compressible: writer.compressible)
      if plan.cost < best.plan.cost { best = (kind, numbers, plan) }
    }
    func plan(_ kind: ColumnKind, _ numbers: [Int64]) -> (ColumnKind, [Int64], NumberPlan) {
      (kind, numbers, NumberPlan.best(for: numbers, compressible: writer.compressible))
    }
    switch column.kind {
    case .integer:
      best = plan(.integer, numbers)
      // Milliseconds of today; what is smaller takes no less as a difference.
      if numbers[0] > 1 << 36 { offer(.time, numbers.map { $0 &- time }) }
    case .decimal: best = plan(.decimal, numbers)
    case .text:
      best = plan(.recentText, recent(numbers))
      offer(.text, numbers)
    case .bytes:
      best = plan(.recentBytes, recent(numbers))
      offer(.bytes, numbers)
    }
    let base = numbers[0] &- Int64(places[0])
    if column.kind == .integer, places.count > 1, best.plan.cost > 8 + 8 * NumberPlan.signedVarintBytes(base),
      zip(numbers, places).allSatisfy({ $0 == base &+ Int64($1) })
    {
      return writer.append(placesAbove: base, kind: .integer)
    }
    if best.plan.cost > 24 {
      if let same = written.firstIndex(of: column) { return writer.append(copyOf: same, kind: .copy) }
      if column.kind == .integer, let opposite = written.firstIndex(where: { isOpposite($0, numbers) }) {
        return writer.append(copyOf: opposite, kind: .negated)
      }
    }
    writer.append(best.numbers, kind: best.kind, plan: best.plan)
  }

  private func isOpposite(_ column: ValueColumn, _ numbers: [Int64]) -> Bool {
    column.kind == .integer && column.numbers.count == numbers.count
      && zip(column.numbers, numbers).allSatisfy { $0 == 0 &- $1 }
  }

  /// Places in the table as how far they lie behind: 0 for the next one that no column has named.
  private mutating func recent(_ places: [Int64]) -> [Int64] {
    places.map { place in
      if place == named {
        named += 1
        return 0
      }
      return named - place
    }
  }
}
