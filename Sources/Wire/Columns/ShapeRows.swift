import Causality
import Merge
import StoreModel

/// The facts of one shape, as columns are read.
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

  init(entity: EntityTag) {
    self.entity = entity
  }

  mutating func add(_ count: Int, inGroup group: Int) {
    let first = group == lastGroup ? places[places.count - 1] + 1 : 0
    lastGroup = group
    for place in 0..<Int32(count) { places.append(first + place) }
  }

  // MARK: Checks

  func hasValidIDs(_ entries: PackedStrings) -> Bool {
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

  private static func add(_ column: ValueColumn, _ entries: PackedStrings, to lengths: inout [Int]) {
    for (row, number) in column.numbers.enumerated() {
      lengths[row] += column.kind == .decimal ? digits(of: number) : entries.length(of: Int(number))
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
}
