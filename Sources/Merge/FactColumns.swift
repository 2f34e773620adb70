package import Causality
package import StoreModel

/// Facts with the same fields, column by column as a batch brought them: records that were written once, each under the
/// stamp of its group. Nothing is allocated a record before somebody asks for a record.
package final class FactColumns: Sendable {
  package enum Kind: Sendable {
    case integers
    /// Places among `strings`, which are UTF-8 there.
    case texts
    /// Places among `strings`.
    case bytes
  }

  package let entity: EntityTag
  /// Ascending.
  package let tags: [FieldTag]
  /// One a tag.
  package let kinds: [Kind]
  /// Column after column, each with a number a row: the value, or where it stands among `strings`.
  package let cells: [Int64]
  /// One a row.
  package let ids: PackedStrings
  package let strings: PackedStrings

  /// - Parameter columns: one a tag, with a value for each id.
  package init(
    entity: EntityTag, tags: [FieldTag], columns: [(kind: Kind, numbers: [Int64])], ids: PackedStrings,
    strings: PackedStrings
  ) {
    self.entity = entity
    self.tags = tags
    kinds = columns.map(\.kind)
    var cells: [Int64] = []
    cells.reserveCapacity(columns.count * ids.count)
    for column in columns { cells += column.numbers }
    self.cells = cells
    self.ids = ids
    self.strings = strings
  }

  package var rowCount: Int { ids.count }

  package func numbers(_ column: Int) -> ArraySlice<Int64> { cells[column * rowCount..<(column + 1) * rowCount] }

  package func value(_ row: Int, _ column: Int) -> Value {
    let number = cells[column * rowCount + row]
    return switch kinds[column] {
    case .integers: .integer(number)
    case .texts: .text(String(decoding: strings[Int(number)], as: UTF8.self))
    case .bytes: .bytes(Array(strings[Int(number)]))
    }
  }

  package func id(_ row: Int) -> RecordID { RecordID(Array(ids[row])) }

  /// Whether a row has the value of the row before it.
  package func repeats(_ row: Int, _ column: Int) -> Bool {
    let place = column * rowCount + row
    return cells[place] == cells[place - 1]
  }

  /// Some rows as records; what repeats itself down a column is there once.
  package func records(_ rows: Range<Int>, stamp: Stamp) -> [RecordState] {
    let vector = VersionVector(stamp)
    var records: [RecordState] = []
    records.reserveCapacity(rows.count)
    for row in rows {
      var fields: [FieldState] = []
      fields.reserveCapacity(tags.count)
      for column in tags.indices {
        if let last = records.last, repeats(row, column) {
          fields.append(last.fields[column])
        } else {
          let sibling = Sibling(stamp: stamp, value: value(row, column))
          fields.append(FieldState(tag: tags[column], content: .register(Siblings(sibling))))
        }
      }
      records.append(RecordState(entity: entity, id: id(row), vector: vector, fields: fields))
    }
    return records
  }
}

/// A received commit group of nothing but facts, still in columns.
package struct FactGroup: Sendable {
  /// Some rows of one shape.
  package struct Run: Sendable {
    package var columns: FactColumns
    package var rows: Range<Int>

    package init(_ columns: FactColumns, _ rows: Range<Int>) {
      self.columns = columns
      self.rows = rows
    }
  }

  package var stamp: Stamp
  /// In the order of the group's records; no run is empty.
  package var runs: [Run]

  package init(stamp: Stamp, runs: [Run]) {
    self.stamp = stamp
    self.runs = runs
  }

  /// The same as records.
  package var group: CommitGroup {
    CommitGroup(stamp: stamp, records: runs.flatMap { $0.columns.records($0.rows, stamp: stamp) })
  }
}

extension FactGroup: Hashable {
  package static func == (left: Self, right: Self) -> Bool { left.group == right.group }

  package func hash(into hasher: inout Hasher) { group.hash(into: &hasher) }
}
