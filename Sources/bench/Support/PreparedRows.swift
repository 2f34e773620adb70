import StoreModel

/// Rows as the raw baseline binds them: plain numbers, and bytes in one buffer that stays where it is.
struct PreparedRows {
  enum Cell {
    case null
    case integer(Int64)
    case text(offset: Int, count: Int)
    case blob(offset: Int, count: Int)
  }

  let columnCount: Int
  private(set) var cells: [Cell] = []
  private(set) var buffer: [UInt8] = []
  /// How many rows each transaction has.
  private(set) var transactions: [Int] = []

  init(columnCount: Int) {
    self.columnCount = columnCount
  }

  var rowCount: Int { cells.count / columnCount }

  mutating func append(_ row: [Value]) {
    precondition(row.count == columnCount, "a row has a value for each column")
    for value in row {
      switch value {
      case .null: cells.append(.null)
      case .integer(let number): cells.append(.integer(number))
      case .text(let text):
        let bytes = Array(text.utf8)
        cells.append(.text(offset: buffer.count, count: bytes.count))
        buffer += bytes
      case .bytes(let bytes):
        cells.append(.blob(offset: buffer.count, count: bytes.count))
        buffer += bytes
      }
    }
  }

  /// What was appended since the last one is a transaction.
  mutating func endTransaction() {
    transactions.append(rowCount - transactions.reduce(0, +))
  }
}

extension PreparedRows {
  /// The form that `raw-sqlite` reads: all numbers are 64 bits, of this machine.
  var file: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ number: Int64) {
      withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }
    for number in [columnCount, transactions.count, rowCount, buffer.count] { append(Int64(number)) }
    for count in transactions { append(Int64(count)) }
    for cell in cells {
      switch cell {
      case .null: for number: Int64 in [0, 0, 0] { append(number) }
      case .integer(let number): for number in [1, number, 0] { append(number) }
      case .text(let offset, let count): for number in [2, offset, count] { append(Int64(number)) }
      case .blob(let offset, let count): for number in [3, offset, count] { append(Int64(number)) }
      }
    }
    return bytes + buffer
  }
}
