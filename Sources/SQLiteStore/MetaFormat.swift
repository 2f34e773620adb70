import StoreModel

/// The binary form of what a record carries beside its columns.
///
/// The first byte says which form follows:
///
///     once      replica time                             every column that is not NULL is the field's only value
///     general   flags vector [marks] [default] fields    values may lie in the columns
///     whole     the same, no columns                     for records without a row of their own
///     stub      vector
///
/// - replica: the number that `ReplicaTable` gives it, a varint.
/// - time: milliseconds and counter, two varints.
/// - vector: count; replica and time each.
/// - stamp: the index of its replica in the vector, and how far its time lies before that entry's, as a signed varint;
///   or the vector's count, then replica and time, if the vector does not name the replica.
/// - marks: count; each a stamp and what it saw (count, then stamps).
/// - default: the stamp of all values that name none.
/// - fields: count; each how many tags lie between it and the one before, count of items and kind of content (`count << 2 | kind`), the
///   items. A field that is not listed is absent if its column is NULL, else has the column's value with the default
///   stamp. Listed are fields with another stamp, concurrent values, collections, explicit nulls, values of another kind
///   than the column's, and fields that the model does not know.
/// - item: a head byte (how its value is given, whether its stamp is the default one), the stamp, the value.
enum MetaForm: UInt8 {
  case once = 1
  case general = 2
  /// As `general`, with a field that the model did not know: an upgrade looks for these.
  case generalWithUnknownFields = 3
  case whole = 4
  case stub = 5
}

enum MetaFlags {
  static let hasDefault: UInt8 = 1
  static let hasMarks: UInt8 = 2
  static let all: UInt8 = hasDefault | hasMarks
}

enum MetaItem {
  static let null: UInt8 = 0
  static let integer: UInt8 = 1
  static let text: UInt8 = 2
  static let bytes: UInt8 = 3
  /// The value stands in the field's column.
  static let column: UInt8 = 4
  static let valueMask: UInt8 = 7
  static let defaultStamp: UInt8 = 8
}

enum MetaContent {
  static let register: UInt64 = 0
  static let set: UInt64 = 1
  static let counter: UInt64 = 2
  static let map: UInt64 = 3
}

/// A record's columns, as they are written to its row or were read from it: one value for each of the schema's fields.
struct RowColumns {
  var fields: [FieldSchema]
  var values: [Value]

  static let none = RowColumns(fields: [], values: [])
}
