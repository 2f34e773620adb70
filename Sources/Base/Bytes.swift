/// An error in reading bytes: where it was noticed, and what was wrong there.
package struct ByteError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Offset in bytes from the start of the input.
  package var offset: Int
  package var reason: String

  package init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }

  package var description: String { "at byte \(offset): \(reason)" }
}

/// Appends integers and byte strings to an array.
package struct ByteWriter: Sendable {
  package private(set) var bytes: [UInt8]

  package init(reserving capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  package var count: Int { bytes.count }

  package mutating func append(byte: UInt8) {
    bytes.append(byte)
  }

  package mutating func append(_ other: some Sequence<UInt8>) {
    bytes.append(contentsOf: other)
  }

  /// An unsigned LEB128 varint: seven bits a byte, least significant first.
  package mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// A signed integer, zigzag-folded so that small magnitudes stay short, as a varint.
  package mutating func append(signedVarint value: Int64) {
    append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  package mutating func append(bigEndian value: UInt32) {
    for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  package mutating func append(bigEndian value: UInt64) {
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  /// A byte string behind its length as a varint.
  package mutating func append(counted value: some Collection<UInt8>) {
    append(varint: UInt64(value.count))
    bytes.append(contentsOf: value)
  }
}

/// Reads integers and byte strings from an array; every read is checked against the end.
package struct ByteReader: Sendable {
  private let bytes: [UInt8]
  package private(set) var offset: Int
  private let end: Int

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    offset = 0
    end = bytes.count
  }

  package var isAtEnd: Bool { offset == end }
  package var remaining: Int { end - offset }

  package mutating func readByte() throws(ByteError) -> UInt8 {
    guard offset < end else { throw ByteError(offset: offset, reason: "expected one more byte, found the end") }
    defer { offset += 1 }
    return bytes[offset]
  }

  package mutating func read(count: Int) throws(ByteError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw ByteError(offset: offset, reason: "expected \(count) more bytes, found \(remaining)")
    }
    defer { offset += count }
    return bytes[offset..<offset + count]
  }

  package mutating func readVarint() throws(ByteError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try readByte()
      let bits = UInt64(byte & 0x7F)
      guard shift < 63 || bits <= 1 else { throw ByteError(offset: start, reason: "a varint of more than 64 bits") }
      value |= bits << shift
      if byte < 0x80 { return value }
      shift += 7
      guard shift <= 63 else { throw ByteError(offset: start, reason: "a varint of more than ten bytes") }
    }
  }

  package mutating func readSignedVarint() throws(ByteError) -> Int64 {
    let folded = try readVarint()
    return Int64(bitPattern: (folded >> 1) ^ (0 &- (folded & 1)))
  }

  /// A varint that must fit an `Int` and be at most `limit`: for counts, before anything is allocated.
  package mutating func readCount(limit: Int) throws(ByteError) -> Int {
    let start = offset
    let value = try readVarint()
    guard value <= UInt64(limit) else {
      throw ByteError(offset: start, reason: "a count of \(value), more than the limit of \(limit)")
    }
    return Int(value)
  }

  package mutating func readBigEndianUInt32() throws(ByteError) -> UInt32 {
    try read(count: 4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  package mutating func readBigEndianUInt64() throws(ByteError) -> UInt64 {
    try read(count: 8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A byte string behind its length.
  package mutating func readCounted() throws(ByteError) -> ArraySlice<UInt8> {
    try read(count: readCount(limit: remaining))
  }
}

/// Lower-case hexadecimal.
package enum Hex {
  private static let digits = Array("0123456789abcdef".utf8)

  package static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil if `text` has an odd length or a character that is not a hexadecimal digit (either case).
  package static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let utf8 = Array(text.utf8)
    guard utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8.count / 2)
    for index in stride(from: 0, to: utf8.count, by: 2) {
      guard let high = value(of: utf8[index]), let low = value(of: utf8[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
