/// Writes CBOR in the core deterministic encoding (RFC 8949 §4.2.1), in the protocol's subset: integers, byte and text
/// strings, arrays and maps of definite length, booleans, null.
///
/// A container is its count followed by its items (a map's: key, value, key, value …). The caller writes the items, and
/// a map's in ascending order of the encoded keys: unsigned keys by number, text keys by length, then bytewise.
/// `CBORValue` sorts by itself.
package struct CBORWriter: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init(reserving capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  package mutating func append(unsigned value: UInt64) {
    appendHead(CBORMajor.unsigned, value)
  }

  package mutating func append(integer value: Int64) {
    if value >= 0 {
      appendHead(CBORMajor.unsigned, UInt64(value))
    } else {
      appendHead(CBORMajor.negative, UInt64(bitPattern: ~value))
    }
  }

  package mutating func append(text value: String) {
    let utf8 = value.utf8
    appendHead(CBORMajor.text, UInt64(utf8.count))
    bytes.append(contentsOf: utf8)
  }

  package mutating func append(bytes value: some Collection<UInt8>) {
    appendHead(CBORMajor.bytes, UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// Starts an array of `count` items.
  package mutating func append(arrayCount count: Int) {
    appendHead(CBORMajor.array, UInt64(count))
  }

  /// Starts a map of `count` pairs.
  package mutating func append(mapCount count: Int) {
    appendHead(CBORMajor.map, UInt64(count))
  }

  package mutating func append(boolean value: Bool) {
    bytes.append(value ? CBORMajor.trueByte : CBORMajor.falseByte)
  }

  package mutating func appendNull() {
    bytes.append(CBORMajor.nullByte)
  }

  /// Appends an item that is encoded already, such as one from `CBORReader.rawItem()`.
  package mutating func append(rawItem value: some Collection<UInt8>) {
    bytes.append(contentsOf: value)
  }

  private mutating func appendHead(_ major: UInt8, _ argument: UInt64) {
    let top = major << 5
    switch argument {
    case 0..<24:
      bytes.append(top | UInt8(truncatingIfNeeded: argument))
    case 24...0xFF:
      bytes.append(top | 24)
      bytes.append(UInt8(truncatingIfNeeded: argument))
    case 0x100...0xFFFF:
      bytes.append(top | 25)
      appendBigEndian(argument, byteCount: 2)
    case 0x1_0000...0xFFFF_FFFF:
      bytes.append(top | 26)
      appendBigEndian(argument, byteCount: 4)
    default:
      bytes.append(top | 27)
      appendBigEndian(argument, byteCount: 8)
    }
  }

  private mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
    var shift = byteCount * 8
    while shift > 0 {
      shift -= 8
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }
}

/// The numbers of RFC 8949 §3.1: the upper three bits of an item's first byte, and the whole byte of the simple ones.
enum CBORMajor {
  static let unsigned: UInt8 = 0
  static let negative: UInt8 = 1
  static let bytes: UInt8 = 2
  static let text: UInt8 = 3
  static let array: UInt8 = 4
  static let map: UInt8 = 5
  static let tag: UInt8 = 6
  static let simple: UInt8 = 7

  static let falseByte: UInt8 = 0xF4
  static let trueByte: UInt8 = 0xF5
  static let nullByte: UInt8 = 0xF6
}
