import Base

/// What identifies an entity's records.
package enum Identity: Hashable, Sendable {
  /// A UUID, 16 bytes; version 7, so that ids are in the order of time.
  case uuid
  /// A natural key, such as an article number: 1 to `ModelLimits.keyBytes` bytes of text without control characters.
  case key
  /// A number of 32 bits: a store's node number.
  case number
  /// Several keys one after the other, such as store and product.
  case composed([Component])

  package enum Component: Hashable, Sendable {
    case uuid
    case key
    case number
  }

  /// Between a key and what follows it: below every character that a key may hold.
  package static let separator: UInt8 = 0x1F
  private static let percent = UInt8(ascii: "%")
  private static let slash = UInt8(ascii: "/")
}

/// Why a text or a value is not an id.
package struct IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
  package var found: String
  package var expected: String

  package var description: String { "found “\(found)”, expected \(expected)" }
}

extension Identity {
  /// What a person writes for an id of this kind, for messages.
  package var expectation: String {
    switch self {
    case .uuid: "a UUID such as 018fc2b6-4c10-7aaa-8000-0123456789ab"
    case .key: "a key of 1 to \(ModelLimits.keyBytes) bytes without control characters"
    case .number: "a whole number from 0 to 4294967295"
    case .composed(let components): components.map { $0.identity.expectation }.joined(separator: ", then “/” and ")
    }
  }

  /// Whether the bytes have the form of this kind.
  package func isValid(_ id: RecordID) -> Bool {
    switch self {
    case .uuid: id.bytes.count == 16
    case .number: id.bytes.count == 4
    case .key: Self.isKey(id.bytes[...])
    // Most of what is sold is named so: a document and a number.
    case .composed([.uuid, .number]): id.bytes.count == 20
    // A price: a store and a product.
    case .composed([.number, .key]): id.bytes.count > 4 && Self.isKey(id.bytes[4...])
    case .composed(let components): Self.split(id, components) != nil
    }
  }

  /// The text of an id: a UUID with hyphens, a key as it is, a number in decimal, a composed id with “/” between its
  /// parts (“%” and “/” within a part are written %25 and %2F).
  package func text(of id: RecordID) -> String {
    switch self {
    case .uuid: return Self.uuidText(id.bytes[...])
    case .key: return String(decoding: id.bytes, as: UTF8.self)
    case .number: return String(Self.number(id.bytes[...]))
    case .composed(let components):
      guard let parts = Self.split(id, components) else { return id.description }
      return zip(components, parts).map { component, part in
        Self.escape(component.identity.text(of: RecordID(Array(part))))
      }.joined(separator: "/")
    }
  }

  /// The id that `text(of:)` writes as `text`.
  package func parse(_ text: String) throws(IdentityError) -> RecordID {
    func failure() -> IdentityError { IdentityError(found: text, expected: expectation) }
    switch self {
    case .uuid:
      guard text.utf8.count == 36, let bytes = Hex.decode(text.filter { $0 != "-" }), bytes.count == 16,
        Self.uuidText(bytes[...]).utf8.elementsEqual(text.lowercased().utf8)
      else { throw failure() }
      return RecordID(bytes)
    case .key:
      let id = RecordID(key: text)
      guard isValid(id) else { throw failure() }
      return id
    case .number:
      guard let number = UInt32(text), String(number) == text else { throw failure() }
      return RecordID(number: number)
    case .composed(let components):
      let parts = Array(text.utf8).split(separator: Self.slash, omittingEmptySubsequences: false)
      guard parts.count == components.count else { throw failure() }
      var ids: [RecordID] = []
      for (component, part) in zip(components, parts) {
        guard let plain = Self.unescape(part) else { throw failure() }
        ids.append(try component.identity.parse(plain))
      }
      return try compose(ids)
    }
  }

  /// The id that consists of `parts`, one a component.
  package func compose(_ parts: [RecordID]) throws(IdentityError) -> RecordID {
    guard case .composed(let components) = self, components.count == parts.count,
      zip(components, parts).allSatisfy({ $0.identity.isValid($1) })
    else {
      throw IdentityError(found: parts.map(\.description).joined(separator: "/"), expected: expectation)
    }
    return joining(parts)
  }

  /// The id that consists of `parts`, unchecked: for an entity's own `id`, whose parts are its fields. Writing checks
  /// the outcome with `isValid`.
  package func joining(_ parts: [RecordID]) -> RecordID {
    guard case .composed(let components) = self else { return RecordID(parts.flatMap(\.bytes)) }
    var bytes: [UInt8] = []
    for (index, part) in parts.enumerated() {
      bytes += part.bytes
      // Below every character that a key may hold, so that the order of ids is the order of their parts.
      if index < components.count, components[index] == .key, index + 1 < parts.count { bytes.append(Self.separator) }
    }
    return RecordID(bytes)
  }

  /// The parts of a composed id, in order; nil if it is none of this kind.
  package func parts(of id: RecordID) -> [RecordID]? {
    guard case .composed(let components) = self else { return nil }
    return Self.split(id, components)?.map { RecordID(Array($0)) }
  }

  /// The id as a column value: an integer, text or bytes, so that SQL reads and joins it without functions.
  package func value(of id: RecordID) -> Value {
    switch self {
    case .uuid, .composed: .bytes(id.bytes)
    case .key: .text(String(decoding: id.bytes, as: UTF8.self))
    case .number: .integer(Int64(Self.number(id.bytes[...])))
    }
  }

  /// The inverse of `value(of:)`; nil if the value is none of this kind.
  package func id(from value: Value) -> RecordID? {
    let id: RecordID
    switch (self, value) {
    case (.uuid, .bytes(let bytes)), (.composed, .bytes(let bytes)): id = RecordID(bytes)
    case (.key, .text(let text)): id = RecordID(key: text)
    case (.number, .integer(let number)):
      guard let number = UInt32(exactly: number) else { return nil }
      id = RecordID(number: number)
    default: return nil
    }
    return isValid(id) ? id : nil
  }

  /// Whether `id(from:)` gives an id, without making it.
  package func isValue(_ value: Value) -> Bool {
    switch (self, value) {
    case (.uuid, .bytes(let bytes)): return bytes.count == 16
    case (.number, .integer(let number)): return UInt32(exactly: number) != nil
    case (.key, .text(let text)):
      let utf8 = text.utf8
      return (1...ModelLimits.keyBytes).contains(utf8.count) && utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    default: return id(from: value) != nil
    }
  }

  private static func isKey(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard isKeyText(bytes) else { return false }
    return bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
  }

  /// Whether bytes that are UTF-8 are a natural key.
  package static func isKeyText(_ utf8: ArraySlice<UInt8>) -> Bool {
    (1...ModelLimits.keyBytes).contains(utf8.count) && utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func uuidText(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array(Hex.encode(bytes).utf8)
    guard digits.count == 32 else { return String(decoding: digits, as: UTF8.self) }
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (place, digit) in digits.enumerated() {
      if place == 8 || place == 12 || place == 16 || place == 20 { text.append(UInt8(ascii: "-")) }
      text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func split(_ id: RecordID, _ components: [Component]) -> [ArraySlice<UInt8>]? {
    var rest = id.bytes[...]
    var parts: [ArraySlice<UInt8>] = []
    for (index, component) in components.enumerated() {
      let isLast = index + 1 == components.count
      switch component {
      case .uuid, .number:
        let width = component == .uuid ? 16 : 4
        guard rest.count >= width else { return nil }
        parts.append(rest.prefix(width))
        rest = rest.dropFirst(width)
      case .key:
        guard let end = isLast ? rest.endIndex : rest.firstIndex(of: separator) else { return nil }
        let part = rest[..<end]
        guard isKey(part) else { return nil }
        parts.append(part)
        rest = isLast ? [] : rest[(end + 1)...]
      }
    }
    return rest.isEmpty ? parts : nil
  }

  // By bytes: to `Character` a “/” with a combining mark behind it is no “/”, and neither would round-trip.

  private static func escape(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == percent || $0 == slash }) else { return text }
    let bytes = text.utf8.flatMap { byte in
      byte == percent ? Array("%25".utf8) : byte == slash ? Array("%2F".utf8) : [byte]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func unescape(_ text: ArraySlice<UInt8>) -> String? {
    var result: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte != percent {
        result.append(byte)
      } else if rest.starts(with: "25".utf8) || rest.starts(with: "2F".utf8) {
        result.append(rest.starts(with: "25".utf8) ? percent : slash)
        rest.removeFirst(2)
      } else {
        return nil
      }
    }
    return String(validating: result, as: UTF8.self)
  }
}

extension Identity.Component {
  /// The identity of records that this component alone identifies.
  package var identity: Identity {
    switch self {
    case .uuid: .uuid
    case .key: .key
    case .number: .number
    }
  }
}
