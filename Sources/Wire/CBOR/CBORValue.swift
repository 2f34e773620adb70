import Base

/// Any item of the protocol's subset as a tree, for control messages, tests and tools. Records and batches go through
/// `CBORReader` and `CBORWriter` directly, which allocate nothing per item.
///
/// Two texts are equal here as Swift's strings are, by canonical equivalence; compare `encoded()` where bytes matter.
package enum CBORValue: Hashable, Sendable {
  case unsigned(UInt64)
  /// Below zero. `integer(_:)` chooses the case by the sign.
  case negative(Int64)
  case bytes([UInt8])
  case text(String)
  case array([CBORValue])
  /// Pairs in any order; encoding sorts them. Each key once.
  case map([Pair])
  case boolean(Bool)
  case null

  /// A key and its value.
  package struct Pair: Hashable, Sendable {
    package var key: CBORValue
    package var value: CBORValue

    package init(_ key: CBORValue, _ value: CBORValue) {
      self.key = key
      self.value = value
    }
  }

  package static func integer(_ value: Int64) -> CBORValue {
    value < 0 ? .negative(value) : .unsigned(UInt64(value))
  }
}

// MARK: Encoding

extension CBORValue {
  /// The one encoding of this value. A map with one key twice has none, and traps: it is a mistake of the caller's, as
  /// `init(decoding:)` never gives one.
  package func encoded() -> [UInt8] {
    var writer = CBORWriter()
    encode(into: &writer)
    return writer.bytes
  }

  package func encode(into writer: inout CBORWriter) {
    switch self {
    case .unsigned(let value): writer.append(unsigned: value)
    case .negative(let value): writer.append(integer: value)
    case .bytes(let value): writer.append(bytes: value)
    case .text(let value): writer.append(text: value)
    case .array(let items):
      writer.append(arrayCount: items.count)
      for item in items { item.encode(into: &writer) }
    case .map(let pairs):
      writer.append(mapCount: pairs.count)
      for (key, value) in Self.sorted(pairs) {
        writer.append(rawItem: key)
        value.encode(into: &writer)
      }
    case .boolean(let value): writer.append(boolean: value)
    case .null: writer.appendNull()
    }
  }

  /// The pairs with their keys encoded, in the order of RFC 8949 §4.2.1: bytewise by encoded key.
  private static func sorted(_ pairs: [Pair]) -> [(key: [UInt8], value: CBORValue)] {
    let sorted = pairs.map { (key: $0.key.encoded(), value: $0.value) }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    for (left, right) in zip(sorted, sorted.dropFirst()) {
      precondition(left.key != right.key, "a map to be encoded has a key twice; give each key once")
    }
    return sorted
  }
}

// MARK: Decoding

extension CBORValue {
  /// Decodes one item that is all of `bytes`.
  package init(
    decoding bytes: [UInt8], itemLimit: Int = WireLimits.maximumValueItems
  ) throws(DecodeError) {
    var reader = CBORReader(bytes)
    self = try CBORValue(reading: &reader, itemLimit: itemLimit)
    try reader.expectEnd()
  }

  /// Reads the next item of a reader. `itemLimit` counts every item in it, keys too, and bounds the memory that a value
  /// takes beyond its strings.
  package init(
    reading reader: inout CBORReader, itemLimit: Int = WireLimits.maximumValueItems
  ) throws(DecodeError) {
    var budget = ItemBudget(limit: itemLimit)
    self = try CBORValue(reading: &reader, budget: &budget)
  }

  private struct ItemBudget {
    let limit: Int
    var used = 0

    init(limit: Int) {
      self.limit = limit
    }

    mutating func take(at offset: Int) throws(DecodeError) {
      guard used < limit else {
        throw DecodeError(offset: offset, reason: .overLimit(found: UInt64(used) + 1, limit: limit))
      }
      used += 1
    }
  }

  private init(reading reader: inout CBORReader, budget: inout ItemBudget) throws(DecodeError) {
    try budget.take(at: reader.offset)
    switch try reader.peekKind() {
    case .unsigned: self = .unsigned(try reader.readUnsigned())
    case .negative: self = .negative(try reader.readInteger())
    case .bytes: self = .bytes(try reader.readBytes(limit: .max))
    case .text: self = .text(try reader.readText(limit: .max))
    case .boolean: self = .boolean(try reader.readBoolean())
    case .null:
      try reader.readNull()
      self = .null
    case .array:
      var items: [CBORValue] = []
      try reader.readArray(limit: budget.limit) { (reader) throws(DecodeError) in
        items.append(try CBORValue(reading: &reader, budget: &budget))
      }
      self = .array(items)
    case .map:
      var pairs: [Pair] = []
      try reader.readMap(
        limit: budget.limit,
        key: { (reader) throws(DecodeError) in try CBORValue(reading: &reader, budget: &budget) },
        value: { (reader, key) throws(DecodeError) in
          pairs.append(Pair(key, try CBORValue(reading: &reader, budget: &budget)))
        })
      self = .map(pairs)
    }
  }
}

// MARK: Diagnostic notation

extension CBORValue: CustomStringConvertible {
  /// Diagnostic notation (RFC 8949 §8). Text stays as it is, except what JSON escapes.
  package var description: String {
    switch self {
    case .unsigned(let value): "\(value)"
    case .negative(let value): "\(value)"
    case .bytes(let value): "h'\(Hex.encode(value))'"
    case .text(let value): Self.quoted(value)
    case .array(let items): "[" + items.map(\.description).joined(separator: ", ") + "]"
    case .map(let pairs): "{" + pairs.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
    case .boolean(let value): value ? "true" : "false"
    case .null: "null"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        result += "\\u00" + Hex.encode([UInt8(scalar.value)])
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
