package import Base

/// The identity of a record within its entity: bytes whose order is the order of the keys they stand for.
///
/// How they read as text, and what they are in a database column, is the entity's `Identity`.
package struct RecordID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var bytes: [UInt8]

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }

  /// Hexadecimal, for logs. People see `Identity.text(of:)`.
  package var description: String { Hex.encode(bytes) }
}

extension RecordID {
  /// A natural key. Its bytes are the text's UTF-8.
  package init(key: String) {
    bytes = Array(key.utf8)
  }

  /// A number, most significant byte first.
  package init(number: UInt32) {
    var writer = ByteWriter(reserving: 4)
    writer.append(bigEndian: number)
    bytes = writer.bytes
  }

  /// A UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds in front, so that ids made one after the other lie
  /// one after the other in an index; the rest is random, or derived from the key of the source that is imported.
  package init(milliseconds: Int64, random: (high: UInt64, low: UInt64)) {
    let time = UInt64(min(max(milliseconds, 0), 1 << 48 - 1))
    var writer = ByteWriter(reserving: 16)
    writer.append(bigEndian: time << 16 | 0x7000 | random.high & 0x0FFF)
    writer.append(bigEndian: 0x8000_0000_0000_0000 | random.low & 0x3FFF_FFFF_FFFF_FFFF)
    bytes = writer.bytes
  }

  /// The bytes that the records of one document have in common: its UUID, with which their ids begin.
  package static let documentByteCount = 16

  /// When the document was made that the id begins with, if that is a UUID version 7.
  package var documentTime: WallTime? {
    guard bytes.count >= Self.documentByteCount, bytes[6] >> 4 == 7 else { return nil }
    return WallTime(milliseconds: bytes.prefix(6).reduce(0) { $0 << 8 | Int64($1) })
  }

  /// A UUID version 7 of a new record.
  package init(at time: WallTime, using generator: inout some RandomNumberGenerator) {
    self.init(milliseconds: time.milliseconds, random: (generator.next(), generator.next()))
  }

  /// The id of an imported record: the business time in front keeps ids ordered, and the rest comes from the source's
  /// key alone, so that importing the same file again finds the same records.
  package init(importedAt time: WallTime, source: String, key: String) {
    var high = FNV1a(basis: FNV1a.offsetBasis)
    high.combine(source.utf8)
    high.combine(CollectionOfOne(0x1F))
    high.combine(key.utf8)
    var low = FNV1a(basis: high.value ^ 0x9E37_79B9_7F4A_7C15)
    low.combine(key.utf8)
    low.combine(CollectionOfOne(0x1F))
    low.combine(source.utf8)
    self.init(milliseconds: time.milliseconds, random: (high.mixed, low.mixed))
  }
}

/// The 64-bit Fowler–Noll–Vo hash, variant 1a (draft-eastlake-fnv), with a final mix. Stable for good: ids of imported
/// records come from it. Not for keeping an adversary out.
private struct FNV1a {
  static let offsetBasis: UInt64 = 0xCBF2_9CE4_8422_2325
  private(set) var value: UInt64

  init(basis: UInt64) {
    value = basis
  }

  mutating func combine(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
  }

  var mixed: UInt64 {
    var generator = SeededGenerator(seed: value)
    return generator.next()
  }
}
