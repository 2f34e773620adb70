import Causality
import Merge
import StoreModel

/// What groups consist of: facts that have the same fields, shape by shape, and in what order they and the rest come.
struct GroupOutline {
  private(set) var shapes: [FactShape] = []
  /// Each way in which shapes follow each other in a group.
  private(set) var signatures: [[Int]] = []
  /// Of each group, its signature.
  private(set) var signatureOfGroup: [Int64] = []
  /// How many of a shape come one after the other, for each in the signature of each group.
  private(set) var counts: [Int64] = []
  /// What is no fact, in order: of each group that has some, those records alone, and its evictions.
  private(set) var others: [CommitGroup] = []

  private var shapeIndexes: [[UInt32]: Int] = [:]
  private var signatureIndexes: [[Int]: Int] = [:]

  /// Nil if a group is larger than one may be.
  init?(_ groups: [CommitGroup]) {
    var signature: [Int] = []
    for (index, group) in groups.enumerated() {
      guard group.records.count <= ModelLimits.groupRecordCount, group.evictions.count <= ModelLimits.groupRecordCount,
        group.stamp.time > .zero
      else { return nil }
      signature.removeAll(keepingCapacity: true)
      var other = CommitGroup(stamp: group.stamp, records: [], evictions: group.evictions)
      for record in group.records {
        var mark = RunMark.records
        if let shape = shape(of: record, stamp: group.stamp, after: signature.last) {
          shapes[shape].append(record, group: index)
          mark = RunMark.firstShape + shape
        } else {
          other.records.append(record)
        }
        if signature.last == mark {
          counts[counts.count - 1] += 1
        } else {
          signature.append(mark)
          counts.append(1)
        }
      }
      if !group.evictions.isEmpty {
        signature.append(RunMark.evictions)
        counts.append(Int64(group.evictions.count))
      }
      if !other.records.isEmpty || !other.evictions.isEmpty { others.append(other) }
      signatureOfGroup.append(Int64(place(of: signature)))
    }
  }

  private mutating func place(of signature: [Int]) -> Int {
    if let last = signatureOfGroup.last, signatures[Int(last)] == signature { return Int(last) }
    if let known = signatureIndexes[signature] { return known }
    signatureIndexes[signature] = signatures.count
    signatures.append(signature)
    return signatures.count - 1
  }

  /// Nil if the record is no fact of the group, or is beyond a limit: it travels as it would in rows.
  private mutating func shape(of record: RecordState, stamp: Stamp, after mark: Int?) -> Int? {
    guard record.deletions.isEmpty, record.vector.entries.count == 1, record.vector.entries[0].time == stamp.time,
      record.vector.entries[0].replica == stamp.replica
    else { return nil }
    // Most come in the order in which they came in the group before.
    let likely = mark.map { $0 - RunMark.firstShape } ?? 0
    if likely >= 0, likely < shapes.count, shapes[likely].fits(record, stamp: stamp) { return likely }
    if likely >= 0, likely + 1 < shapes.count, shapes[likely + 1].fits(record, stamp: stamp) { return likely + 1 }
    guard record.fields.count <= WireLimits.maximumRecordFields,
      (1...ModelLimits.recordIDBytes).contains(record.id.bytes.count)
    else { return nil }
    var key = [UInt32(record.entity.rawValue)]
    var last = -1
    for field in record.fields {
      let kind = FactShape.kind(of: field, stamp: stamp)
      guard kind != .none, Int(field.tag.rawValue) > last else { return nil }
      last = Int(field.tag.rawValue)
      key.append(UInt32(field.tag.rawValue) << 2 | kind.rawValue)
    }
    if let known = shapeIndexes[key] { return known }
    shapeIndexes[key] = shapes.count
    shapes.append(FactShape(record, stamp: stamp))
    return shapes.count - 1
  }
}

/// Facts of one entity with the same fields, whose values are of the same kinds, as columns.
struct FactShape {
  enum Kind: UInt32 {
    case integer = 0
    case text = 1
    case bytes = 2
    /// None that a fact can have.
    case none = 3
  }

  struct Field {
    let tag: FieldTag
    let kind: Kind
    /// One of these is filled.
    var integers: [Int64] = []
    var texts: [String] = []
    var bytes: [[UInt8]] = []
  }

  let entity: EntityTag
  private(set) var fields: [Field]
  private(set) var ids: [[UInt8]] = []
  /// Of each row, how many of the shape come before it in its group.
  private(set) var places: [Int32] = []
  private var lastGroup = -1

  init(_ record: RecordState, stamp: Stamp) {
    entity = record.entity
    fields = record.fields.map { Field(tag: $0.tag, kind: Self.kind(of: $0, stamp: stamp)) }
  }

  static func kind(of field: FieldState, stamp: Stamp) -> Kind {
    guard case .register(let siblings) = field.content, siblings.count == 1, siblings[0].stamp == stamp else {
      return .none
    }
    switch siblings[0].value {
    case .null: return .none
    case .integer: return .integer
    case .text(let text): return text.utf8.count <= ModelLimits.recordBytes ? .text : .none
    case .bytes(let bytes): return bytes.count <= ModelLimits.recordBytes ? .bytes : .none
    }
  }

  func fits(_ record: RecordState, stamp: Stamp) -> Bool {
    guard entity == record.entity, fields.count == record.fields.count,
      (1...ModelLimits.recordIDBytes).contains(record.id.bytes.count)
    else { return false }
    for index in fields.indices {
      guard fields[index].tag == record.fields[index].tag,
        Self.kind(of: record.fields[index], stamp: stamp) == fields[index].kind
      else { return false }
    }
    return true
  }

  /// - Parameter record: one that fits.
  mutating func append(_ record: RecordState, group: Int) {
    places.append(group == lastGroup ? places[places.count - 1] + 1 : 0)
    lastGroup = group
    ids.append(record.id.bytes)
    for index in fields.indices {
      guard case .register(let siblings) = record.fields[index].content else { continue }
      switch siblings[0].value {
      case .null: break
      case .integer(let number): fields[index].integers.append(number)
      case .text(let text): fields[index].texts.append(text)
      case .bytes(let bytes): fields[index].bytes.append(bytes)
      }
    }
  }
}
