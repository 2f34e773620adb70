// Byte layout: Protocol/SPEC.md, "Contents in columns".

/// How the whole numbers of a column are laid out: the low three bits of the column's first byte.
enum NumberLayout: UInt8, CaseIterable {
  /// All are 0.
  case zero = 0
  /// All are one number.
  case constant = 1
  /// Each as a varint.
  case varints = 2
  /// A base, then what each is above it as a varint.
  case varintsAbove = 3
  /// Each in one of two widths of bits.
  case bits = 4
  /// A base, then what each is above it in one of two widths of bits.
  case bitsAbove = 5
  /// A base, then what each is above it: the lowest bytes of all, then the next ones. Made to be compressed.
  case planes = 6
  /// A base, and each is as far above it as its row lies behind the first one of its kind in the group.
  case places = 7

  /// The first number stands by itself, and the rest are differences to the one before.
  static let deltaFlag: UInt8 = 8
  static let mask: UInt8 = 7
}

/// What the numbers of a column stand for: the high four bits of its first byte.
enum ColumnKind: UInt8 {
  case integer = 0
  /// Integers less the milliseconds of the first group's stamp.
  case time = 1
  /// Texts that are the decimal form of an integer of 64 bits.
  case decimal = 2
  /// Texts in the table of strings: 0 for the next one that no column has named yet, else how far it lies before that.
  case recentText = 3
  /// Texts by their places in the table of strings.
  case text = 4
  case recentBytes = 5
  case bytes = 6
  /// The values of an earlier column.
  case copy = 7
  /// The integers of an earlier column with the other sign.
  case negated = 8
}

/// The values of a column as they are: what an earlier one must equal for a copy.
struct ValueColumn: Hashable {
  enum Kind: Hashable {
    case integer
    case decimal
    case text
    case bytes
  }

  var kind: Kind
  /// Integers, or places in the table of strings.
  var numbers: [Int64]
}

/// How the id of a record is put together from its fields.
struct IDPart: Hashable {
  enum Form: Int {
    /// The bytes of a text or a byte string.
    case plain = 0
    /// A number of 32 bits, the highest byte first.
    case number = 1
    /// The bytes of a text or a byte string, and a separator behind them.
    case separated = 2

    static let bits = 2
  }

  /// The field's place among the fields of the shape.
  var field: Int
  var form: Form
}

/// The numbers below those of shapes, in what a group consists of.
enum RunMark {
  /// Records in the general form, as CBOR behind the columns.
  static let records = 0
  /// Evictions, as CBOR behind the columns; last in a group.
  static let evictions = 1
  static let firstShape = 2
}

/// What contents take once they are values: a peer cannot have more made of a few bytes than of contents as CBOR.
struct ExpandedSize {
  private(set) var bytes = 0

  static let recordBytes = 24
  static let fieldBytes = 8

  /// - Returns: false if that is more than contents may be.
  mutating func add(records: Int, fields: Int) -> Bool {
    let each = Self.recordBytes + fields * Self.fieldBytes
    let (product, overflow) = records.multipliedReportingOverflow(by: each)
    return !overflow && add(bytes: product)
  }

  mutating func add(bytes more: Int) -> Bool {
    let (sum, overflow) = bytes.addingReportingOverflow(more)
    bytes = overflow ? .max : sum
    return bytes <= WireLimits.maximumContentsBytes
  }
}
