import Causality
import Merge
import StoreModel

/// The facts of one shape, as columns were read, and one after the other as records.
struct ShapeRows {
  let entity: EntityTag
  var tags: [FieldTag] = []
  /// How the ids are put together; empty if they are a column.
  var parts: [IDPart] = []
  var ids: ValueColumn?
  var columns: [ValueColumn] = []
  /// Of each row, how many of the shape come before it in its group.
  private(set) var places: [Int32] = []

  private var lastGroup = -1
  private var entries: [[UInt8]] = []
  private var texts: [String?] = []
  private var next = 0
  /// The fields of the row before: what repeats itself within a group is there once.
  private var last: [FieldState] = []

  init(entity: EntityTag) {
    self.entity = entity
  }

  mutating func add(_ count: Int, inGroup group: Int) {
    let first = group == lastGroup ? places[places.count - 1] + 1 : 0
    lastGroup = group
    for place in 0..<Int32(count) { places.append(first + place) }
  }

  // MARK: Checks

  func hasValidIDs(_ entries: [[UInt8]]) -> Bool {
    var lengths = [Int](repeating: 0, count: places.count)
    if let ids {
      guard ids.kind == .decimal || ids.kind == .bytes else { return false }
      Self.add(ids, entries, to: &lengths)
    }
    for part in parts {
      let column = columns[part.field]
      switch part.form {
      case .number:
        guard column.kind == .integer, column.numbers.allSatisfy({ UInt32(exactly: $0) != nil }) else { return false }
        for row in lengths.indices { lengths[row] += 4 }
      case .plain, .separated:
        guard column.kind != .integer else { return false }
        Self.add(column, entries, to: &lengths)
        if part.form == .separated { for row in lengths.indices { lengths[row] += 1 } }
      }
    }
    return lengths.allSatisfy { (1...ModelLimits.recordIDBytes).contains($0) }
  }

  private static func add(_ column: ValueColumn, _ entries: [[UInt8]], to lengths: inout [Int]) {
    for (row, number) in column.numbers.enumerated() {
      lengths[row] += column.kind == .decimal ? digits(of: number) : entries[Int(number)].count
    }
  }

  private static func digits(of number: Int64) -> Int {
    var rest = number.magnitude
    var count = number < 0 ? 2 : 1
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    return count
  }

  // MARK: Records

  /// - Parameter texts: the entries that are texts.
  mutating func prepare(_ entries: [[UInt8]], _ texts: [String?]) {
    self.entries = entries
    self.texts = texts
    lastGroup = -1
  }

  /// The next record; all has been checked.
  mutating func nextRecord(group: Int, stamp: Stamp, vector: VersionVector) -> RecordState {
    let row = next
    next += 1
    let isSameGroup = group == lastGroup
    lastGroup = group
    var fields: [FieldState] = []
    fields.reserveCapacity(tags.count)
    for index in tags.indices {
      let number = columns[index].numbers[row]
      if isSameGroup, columns[index].numbers[row - 1] == number {
        fields.append(last[index])
        continue
      }
      let value: Value =
        switch columns[index].kind {
        case .integer: .integer(number)
        case .decimal: .text(String(number))
        case .text: .text(texts[Int(number)] ?? "")
        case .bytes: .bytes(entries[Int(number)])
        }
      fields.append(FieldState(tag: tags[index], content: .register(Siblings(Sibling(stamp: stamp, value: value)))))
    }
    last = fields
    return RecordState(entity: entity, id: id(row), vector: vector, fields: fields)
  }

  private func id(_ row: Int) -> RecordID {
    if let ids {
      return ids.kind == .decimal
        ? RecordID(key: String(ids.numbers[row])) : RecordID(entries[Int(ids.numbers[row])])
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(24)
    for part in parts {
      let number = columns[part.field].numbers[row]
      switch columns[part.field].kind {
      case .integer:
        for shift in stride(from: Int64(24), through: 0, by: -8) {
          bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
      case .decimal: bytes.append(contentsOf: String(number).utf8)
      case .text, .bytes: bytes.append(contentsOf: entries[Int(number)])
      }
      if part.form == .separated { bytes.append(Identity.separator) }
    }
    return RecordID(bytes)
  }
}
