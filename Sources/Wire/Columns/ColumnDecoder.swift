import Causality
import Merge
import StoreModel

/// Reads contents in columns. Every count is bounded before anything is allocated for it, by the bytes that are left or
/// by what the values may take once they are records.
struct ColumnDecoder {
  private var reader: ColumnReader
  private var size = ExpandedSize()
  private var replicas: [ReplicaID] = []
  private var stamps: [Stamp] = []
  private var shapes: [ShapeRows] = []
  private var signatures: [[Int]] = []
  private var signatureOfGroup: [Int64] = []
  private var counts: [Int64] = []
  private var entries = PackedStrings()
  private var columns: [ValueColumn] = []
  /// Entries of the table that a column has named.
  private var named: Int64 = 0
  /// Records and evictions as CBOR.
  private var otherCount = 0

  init(_ bytes: [UInt8]) {
    reader = ColumnReader(bytes)
  }

  mutating func decode() throws(DecodeError) -> BatchContents.Decoded {
    try readReplicas()
    let count = try reader.readCount(limit: WireLimits.maximumBatchGroups)
    guard count > 0 else {
      guard reader.remaining == 0 else {
        throw DecodeError(offset: reader.offset, reason: .trailingBytes(reader.remaining))
      }
      return BatchContents.Decoded(groups: [], unreadable: [:])
    }
    try readStamps(count)
    try readShapes()
    try readSignatures(count)
    try readCounts()
    let time = Int64(stamps[0].time.rawValue >> 16)
    entries = try StringTable.read(&reader, time: time)
    for shape in shapes.indices {
      if shapes[shape].parts.isEmpty { shapes[shape].ids = try readColumn(shapes[shape].places, time: time) }
      for _ in shapes[shape].tags { shapes[shape].columns.append(try readColumn(shapes[shape].places, time: time)) }
    }
    guard named == Int64(entries.count) else { throw reader.invalid("strings that a column names") }
    try checkValues()
    guard size.add(bytes: reader.remaining) else { throw tooLarge }
    let start = reader.offset
    var assembly = GroupAssembly(
      replicas: replicas, stamps: stamps, shapes: FactColumns.make(shapes, entries),
      others: CBORReader(reader.readRest()))
    do throws(DecodeError) {
      return try assembly.assemble(signatures, signatureOfGroup, counts)
    } catch {
      throw DecodeError(offset: start + error.offset, field: error.field, reason: error.reason)
    }
  }

  private var tooLarge: DecodeError {
    DecodeError(
      offset: reader.offset,
      reason: .overLimit(found: UInt64(size.bytes), limit: WireLimits.maximumContentsBytes))
  }

  // MARK: Heads

  private mutating func readReplicas() throws(DecodeError) {
    for _ in 0..<(try reader.readCount(limit: WireLimits.maximumBatchReplicas)) {
      let node = try reader.readCount(limit: Int(UInt32.max))
      let incarnation = try reader.readCount(limit: Int(UInt32.max))
      let replica = ReplicaID(node: NodeNumber(UInt32(node)), incarnation: UInt32(incarnation))
      if let last = replicas.last, last >= replica { throw reader.invalid("replicas in ascending order") }
      replicas.append(replica)
    }
  }

  private mutating func readStamps(_ count: Int) throws(DecodeError) {
    let milliseconds = try reader.readNumbers(count)
    let counters = try reader.readNumbers(count)
    let places = try reader.readNumbers(count)
    stamps.reserveCapacity(count)
    for index in 0..<count {
      guard (0..<1 << 48).contains(milliseconds[index]), (0..<1 << 16).contains(counters[index]),
        milliseconds[index] | counters[index] != 0
      else { throw reader.invalid("times above zero, of 48 and 16 bits") }
      guard (0..<Int64(replicas.count)).contains(places[index]) else {
        throw reader.invalid("a place in the table of replicas")
      }
      stamps.append(
        Stamp(
          time: HybridTimestamp(rawValue: UInt64(milliseconds[index]) << 16 | UInt64(counters[index])),
          replica: replicas[Int(places[index])]))
    }
  }

  private mutating func readShapes() throws(DecodeError) {
    // Each has at least one record.
    var least = ExpandedSize()
    for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
      var shape = ShapeRows(entity: EntityTag(UInt16(try reader.readCount(limit: Int(UInt16.max)))))
      var next = 0
      for _ in 0..<(try reader.readCount(limit: WireLimits.maximumRecordFields)) {
        let start = next + (try reader.readCount(limit: Int(UInt16.max)))
        let count = 1 + (try reader.readCount(limit: WireLimits.maximumRecordFields - 1))
        next = start + count
        guard next <= Int(UInt16.max) + 1, shape.tags.count + count <= WireLimits.maximumRecordFields else {
          throw reader.invalid("field tags of 16 bits, at most \(WireLimits.maximumRecordFields)")
        }
        for tag in start..<next { shape.tags.append(FieldTag(UInt16(tag))) }
      }
      guard least.add(records: 1, fields: shape.tags.count) else { throw tooLarge }
      for _ in 0..<(try reader.readCount(limit: shape.tags.count)) {
        let part = try reader.readCount(limit: WireLimits.maximumRecordFields << IDPart.Form.bits)
        let field = part >> IDPart.Form.bits
        guard let form = IDPart.Form(rawValue: part & (1 << IDPart.Form.bits - 1)), field < shape.tags.count else {
          throw reader.invalid("a part of an id")
        }
        shape.parts.append(IDPart(field: field, form: form))
      }
      shapes.append(shape)
    }
  }

  private mutating func readSignatures(_ groupCount: Int) throws(DecodeError) {
    let count = try reader.readCount(limit: groupCount)
    guard count > 0 else {
      guard !shapes.isEmpty else { throw reader.invalid("a shape") }
      signatures = [[RunMark.firstShape]]
      signatureOfGroup = [Int64](repeating: 0, count: groupCount)
      return
    }
    for _ in 0..<count {
      let length = try reader.readCount(limit: reader.remaining)
      var signature: [Int] = []
      for index in 0..<length {
        let mark = try reader.readCount(limit: RunMark.firstShape + shapes.count - 1)
        guard mark != RunMark.evictions || index == length - 1 else { throw reader.invalid("evictions at the end") }
        signature.append(mark)
      }
      signatures.append(signature)
    }
    signatureOfGroup =
      count > 1 ? try reader.readNumbers(groupCount) : [Int64](repeating: 0, count: groupCount)
    guard signatureOfGroup.allSatisfy({ (0..<Int64(count)).contains($0) }) else {
      throw reader.invalid("what a group consists of")
    }
  }

  /// How often what follows what, and with it how many rows each shape has.
  private mutating func readCounts() throws(DecodeError) {
    var total = 0
    for signature in signatureOfGroup {
      total += signatures[Int(signature)].count
      guard total <= WireLimits.maximumContentsBytes / ExpandedSize.recordBytes else { throw tooLarge }
    }
    counts = total > 0 ? try reader.readNumbers(total) : []
    guard counts.allSatisfy({ (1...Int64(ModelLimits.groupRecordCount)).contains($0) }) else {
      throw reader.invalid("1 to \(ModelLimits.groupRecordCount) records")
    }
    var next = 0
    for (group, signature) in signatureOfGroup.enumerated() {
      var records = 0
      for mark in signatures[Int(signature)] {
        let count = Int(counts[next])
        next += 1
        if mark != RunMark.evictions { records += count }
        guard records <= ModelLimits.groupRecordCount else {
          throw reader.invalid("at most \(ModelLimits.groupRecordCount) records in a group")
        }
        guard mark >= RunMark.firstShape else {
          otherCount += count
          continue
        }
        let shape = mark - RunMark.firstShape
        guard size.add(records: count, fields: shapes[shape].tags.count) else { throw tooLarge }
        shapes[shape].add(count, inGroup: group)
      }
    }
    guard shapes.allSatisfy({ !$0.places.isEmpty }) else { throw reader.invalid("a record of each shape") }
  }

  // MARK: Values

  private mutating func readColumn(_ places: [Int32], time: Int64) throws(DecodeError) -> ValueColumn {
    let head = try reader.readHead()
    let column: ValueColumn
    switch head.kind {
    case .copy, .negated:
      guard head.layout == .zero, !head.isDelta else { throw reader.invalid("a copy of a column") }
      let index = try reader.readCount(limit: columns.count)
      guard index < columns.count, columns[index].numbers.count == places.count else {
        throw reader.invalid("an earlier column of as many rows")
      }
      column = head.kind == .copy ? columns[index] : try negated(columns[index])
    case .integer, .time, .decimal, .recentText, .text, .recentBytes, .bytes:
      column = try reading(
        head.kind, try reader.readNumbers(places.count, head.layout, isDelta: head.isDelta, places: places), time: time)
    }
    columns.append(column)
    return column
  }

  private func negated(_ column: ValueColumn) throws(DecodeError) -> ValueColumn {
    guard column.kind == .integer else { throw reader.invalid("a column of integers") }
    return ValueColumn(kind: .integer, numbers: column.numbers.map { 0 &- $0 })
  }

  private mutating func reading(
    _ kind: ColumnKind, _ numbers: [Int64], time: Int64
  ) throws(DecodeError) -> ValueColumn {
    switch kind {
    case .integer, .copy, .negated: return ValueColumn(kind: .integer, numbers: numbers)
    case .time: return ValueColumn(kind: .integer, numbers: numbers.map { $0 &+ time })
    case .decimal: return ValueColumn(kind: .decimal, numbers: numbers)
    case .recentText: return ValueColumn(kind: .text, numbers: try places(numbers, areRecent: true))
    case .text: return ValueColumn(kind: .text, numbers: try places(numbers, areRecent: false))
    case .recentBytes: return ValueColumn(kind: .bytes, numbers: try places(numbers, areRecent: true))
    case .bytes: return ValueColumn(kind: .bytes, numbers: try places(numbers, areRecent: false))
    }
  }

  /// Places in the table, each of them there, and each new one the next.
  private mutating func places(_ numbers: [Int64], areRecent: Bool) throws(DecodeError) -> [Int64] {
    var places = numbers
    for index in places.indices {
      let place = areRecent ? named &- places[index] : places[index]
      guard place >= 0, place <= named, place < Int64(entries.count) else {
        throw reader.invalid("a place in the table of strings")
      }
      if place == named { named += 1 }
      places[index] = place
    }
    return places
  }

  /// What the values take, and whether texts are UTF-8 and ids have their length.
  private mutating func checkValues() throws(DecodeError) {
    var isText = [Bool](repeating: false, count: entries.count)
    for shape in shapes {
      for column in shape.columns where column.kind == .text || column.kind == .bytes {
        for place in column.numbers {
          guard size.add(bytes: entries.length(of: Int(place))) else { throw tooLarge }
          if column.kind == .text, !isText[Int(place)] {
            guard entries.isUTF8(Int(place)) else {
              throw DecodeError(offset: reader.offset, reason: .invalidUTF8)
            }
            isText[Int(place)] = true
          }
        }
      }
      guard shape.hasValidIDs(entries) else {
        throw reader.invalid("ids of 1 to \(ModelLimits.recordIDBytes) bytes")
      }
    }
  }
}
