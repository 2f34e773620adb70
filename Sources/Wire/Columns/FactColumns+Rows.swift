import Merge
import StoreModel

// From columns as they were read and checked to facts: ids are put together, and numbers that stand for texts written
// out.

extension FactColumns {
  /// - Parameter entries: the table of strings that the shapes' columns name.
  static func make(_ shapes: [ShapeRows], _ entries: PackedStrings) -> [FactColumns] {
    var strings = entries
    let columns = shapes.map { shape in shape.columns.map { column($0, &strings) } }
    return zip(shapes, columns).map { shape, columns in
      FactColumns(
        entity: shape.entity, tags: shape.tags, columns: columns, ids: ids(shape, columns, strings), strings: strings)
    }
  }

  private static func column(
    _ column: ValueColumn, _ strings: inout PackedStrings
  ) -> (kind: Kind, numbers: [Int64]) {
    switch column.kind {
    case .integer: return (.integers, column.numbers)
    case .text: return (.texts, column.numbers)
    case .bytes: return (.bytes, column.numbers)
    case .decimal: return (.texts, places(ofDecimals: column.numbers, &strings))
    }
  }

  private static func places(ofDecimals numbers: [Int64], _ strings: inout PackedStrings) -> [Int64] {
    var places = numbers
    for row in numbers.indices {
      if row == 0 || numbers[row] != numbers[row - 1] {
        strings.add(decimal: numbers[row])
        strings.endString()
      }
      places[row] = Int64(strings.count - 1)
    }
    return places
  }

  private static func ids(
    _ shape: ShapeRows, _ columns: [(kind: Kind, numbers: [Int64])], _ strings: PackedStrings
  ) -> PackedStrings {
    var ids = PackedStrings()
    let count = shape.places.count
    ids.reserve(strings: count, bytes: 24 * count)
    for row in 0..<count {
      if let column = shape.ids {
        if column.kind == .decimal {
          ids.add(decimal: column.numbers[row])
        } else {
          ids.add(strings[Int(column.numbers[row])])
        }
      }
      for part in shape.parts {
        let number = columns[part.field].numbers[row]
        if columns[part.field].kind == .integers {
          ids.add(bigEndian: UInt32(truncatingIfNeeded: number))
        } else {
          ids.add(strings[Int(number)])
        }
        if part.form == .separated { ids.add(Identity.separator) }
      }
      ids.endString()
    }
    return ids
  }
}

extension PackedStrings {
  func isUTF8(_ index: Int) -> Bool {
    let start = start(of: index)
    return (try? UTF8Span(validating: bytes.span.extracting(start..<start + length(of: index)))) != nil
  }
}
