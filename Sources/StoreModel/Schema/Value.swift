/// A plain value of a field, in exactly the kinds that SQLite stores and the wire carries.
///
/// What it means (an amount, a day, a reference) is the field's type. Keeping values this plain lets a field or an
/// enumeration value that this version does not know be stored and sent on as it came.
package enum Value: Hashable, Sendable {
  case null
  case integer(Int64)
  case text(String)
  case bytes([UInt8])
}

extension Value: Comparable {
  /// Nulls, then integers by size, then text by its UTF-8 bytes, then byte strings: SQLite's own order with the
  /// BINARY collation (<https://sqlite.org/datatype3.html#sort_order>). `String`'s `<` depends on Unicode tables that
  /// change between versions, which two replicas need not share.
  package static func < (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.integer(let left), .integer(let right)): left < right
    case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.bytes(let left), .bytes(let right)): left.lexicographicallyPrecedes(right)
    default: left.rank < right.rank
    }
  }

  /// Text is equal if its bytes are: `String`'s `==` also equates composed and decomposed forms, and two replicas must
  /// agree with SQLite about what changed.
  package static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.integer(let left), .integer(let right)): left == right
    case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
    case (.bytes(let left), .bytes(let right)): left == right
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(rank)
    switch self {
    case .null: break
    case .integer(let value): hasher.combine(value)
    case .text(let value): for byte in value.utf8 { hasher.combine(byte) }
    case .bytes(let value): hasher.combine(value)
    }
  }

  private var rank: Int {
    switch self {
    case .null: 0
    case .integer: 1
    case .text: 2
    case .bytes: 3
    }
  }

  package var isNull: Bool { self == .null }

  /// Bytes that the value itself takes, for limits.
  package var byteCount: Int {
    switch self {
    case .null: 0
    case .integer: 8
    case .text(let value): value.utf8.count
    case .bytes(let value): value.count
    }
  }
}

/// What a field shows: a plain value, or the visible part of a set, a counter or custom fields.
package enum FieldContent: Hashable, Sendable {
  case value(Value)
  /// Ascending, without repetition.
  case set([Value])
  case counter(Int64)
  /// Ascending by the key's UTF-8 bytes; no null values.
  case customFields([CustomField])

  package static let null = FieldContent.value(.null)
}

/// One entry of a `customFields` field.
package struct CustomField: Hashable, Sendable {
  package var key: String
  package var value: Value

  package init(key: String, value: Value) {
    self.key = key
    self.value = value
  }
}
