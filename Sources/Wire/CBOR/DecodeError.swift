/// The kinds of item in the subset of CBOR that the protocol uses.
package enum CBORKind: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case unsigned = "an unsigned integer"
  case negative = "a negative integer"
  case bytes = "a byte string"
  case text = "a text string"
  case array = "an array"
  case map = "a map"
  case boolean = "a boolean"
  case null = "null"

  package var description: String { rawValue }

  /// The upper three bits of its head; nil where several kinds share them.
  var major: UInt8? {
    switch self {
    case .unsigned: CBORMajor.unsigned
    case .negative: CBORMajor.negative
    case .bytes: CBORMajor.bytes
    case .text: CBORMajor.text
    case .array: CBORMajor.array
    case .map: CBORMajor.map
    case .boolean, .null: nil
    }
  }
}

/// Why bytes were refused: where, in which field, and what was wrong there.
package struct DecodeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Offset in bytes, from the start of the reader's input, of the item that was refused.
  package var offset: Int
  /// The path of names that the callers gave (`CBORReader.field`), outermost first, with dots; empty if none.
  package var field: String
  package var reason: Reason

  package init(offset: Int, field: String = "", reason: Reason) {
    self.offset = offset
    self.field = field
    self.reason = reason
  }

  /// The same error as seen from one level further out.
  package func within(_ name: some CustomStringConvertible) -> DecodeError {
    DecodeError(offset: offset, field: field.isEmpty ? "\(name)" : "\(name).\(field)", reason: reason)
  }

  package var description: String {
    "at byte \(offset)\(field.isEmpty ? "" : ", in \(field)"): \(reason)"
  }
}

extension DecodeError {
  /// What was wrong.
  package enum Reason: Hashable, Sendable {
    /// The input ends inside an item.
    case endOfInput(expectedBytes: Int, foundBytes: Int)
    case wrongKind(expected: CBORKind, found: CBORKind)
    /// An integer or a length in more bytes than it needs.
    case notShortest
    case indefiniteLength
    /// The break code outside an item of indefinite length.
    case breakCode
    /// Additional information 28 to 31 where RFC 8949 gives it no meaning.
    case reservedInformation(UInt8)
    case floatingPoint
    case tag(UInt64)
    case undefined
    case simpleValue(UInt8)
    case invalidUTF8
    /// An integer below `Int64.min`, or one that does not fit the type asked for.
    case integerOutOfRange
    case unsortedKeys
    case duplicateKey
    /// A length in bytes or a count of items above the reader's limit.
    case overLimit(found: UInt64, limit: Int)
    /// A length or count that the bytes left could not hold.
    case beyondInput(found: UInt64, remainingBytes: Int)
    case tooDeep(limit: Int)
    case trailingBytes(Int)
    /// The code for a field left part of its item unread, or asked for more than its item.
    case unreadItems(Int)
    case readPastItem
    /// A map without a key that it must have.
    case missingKey(UInt64)
    /// A well-formed value that its field does not allow. `expected` is a fixed phrase, never peer data.
    case invalidValue(expected: String)
  }
}

extension DecodeError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .endOfInput(let expected, let found): "expected \(expected) more bytes, found \(found)"
    case .wrongKind(let expected, let found): "expected \(expected), found \(found)"
    case .notShortest: "expected the shortest encoding of a number or length, found a longer one"
    case .indefiniteLength: "expected a definite length, found an indefinite one"
    case .breakCode: "expected an item, found a break code"
    case .reservedInformation(let value): "expected additional information up to 27, found the reserved \(value)"
    case .floatingPoint: "expected an item of the protocol's subset, found a floating-point number"
    case .tag(let number): "expected an item of the protocol's subset, found tag \(number)"
    case .undefined: "expected an item of the protocol's subset, found undefined"
    case .simpleValue(let number): "expected an item of the protocol's subset, found simple value \(number)"
    case .invalidUTF8: "expected text in UTF-8, found bytes that are not"
    case .integerOutOfRange: "expected an integer that fits the field's 64 bits, found one that does not"
    case .unsortedKeys: "expected map keys in ascending order of their encoded bytes, found a lower one after a higher"
    case .duplicateKey: "expected each map key once, found it twice"
    case .overLimit(let found, let limit): "expected at most \(limit), found \(found)"
    case .beyondInput(let found, let remaining): "found a length or count of \(found) with \(remaining) bytes left"
    case .tooDeep(let limit): "expected arrays and maps at most \(limit) deep, found a deeper one"
    case .trailingBytes(let count): "expected the end, found \(count) more bytes"
    case .unreadItems(let count): "expected the item to be read whole, found \(count) items of it unread"
    case .readPastItem: "expected one item to be read, found an attempt to read past it"
    case .missingKey(let key): "expected key \(key), found a map without it"
    case .invalidValue(let expected): "expected \(expected), found another value"
    }
  }
}
