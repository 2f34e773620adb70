import Merge
import StoreModel

/// The distinct byte strings of a batch, in the order in which its columns first name them.
struct StringTable {
  private(set) var entries: [[UInt8]] = []
  private var indexes: [[UInt8]: Int] = [:]

  /// The place of `bytes`, which are put at the end if they are new.
  mutating func place(of bytes: [UInt8]) -> Int64 {
    if let index = indexes[bytes] { return Int64(index) }
    indexes[bytes] = entries.count
    entries.append(bytes)
    return Int64(entries.count - 1)
  }

  /// A UUID of version 7 begins with the milliseconds at which it was made, which lie close to those of others.
  private static func isTimed(_ bytes: [UInt8]) -> Bool { bytes.count == Timed.bytes && bytes[6] >> 4 == 7 }

  private enum Timed {
    static let bytes = 16
    static let timeBytes = 6
  }

  /// - Parameter time: the milliseconds that times are told from.
  func append(to writer: inout ColumnWriter, time: Int64) {
    writer.append(varint: entries.count)
    guard !entries.isEmpty else { return }
    writer.append(entries.map { Self.isTimed($0) ? 0 : Int64($0.count) + 1 })
    let timed = entries.filter(Self.isTimed)
    if !timed.isEmpty {
      writer.append(
        timed.map { bytes in bytes[..<Timed.timeBytes].reduce(0) { $0 << 8 | Int64($1) } - time })
      writer.cut()
      for bytes in timed { writer.append(bytes: bytes[Timed.timeBytes...]) }
      writer.cut()
    }
    for bytes in entries where !Self.isTimed(bytes) { writer.append(bytes: bytes) }
  }

  /// The entries of a table.
  static func read(_ reader: inout ColumnReader, time: Int64) throws(DecodeError) -> PackedStrings {
    let count = try reader.readCount(limit: WireLimits.maximumContentsBytes / ExpandedSize.fieldBytes)
    var entries = PackedStrings()
    guard count > 0 else { return entries }
    let lengths = try reader.readNumbers(count)
    guard lengths.allSatisfy({ (0...Int64(ModelLimits.recordBytes) + 1).contains($0) }) else {
      throw reader.invalid("lengths of at most \(ModelLimits.recordBytes)")
    }
    let timedCount = lengths.count { $0 == 0 }
    let times = timedCount > 0 ? try reader.readNumbers(timedCount) : []
    let tails = try reader.readBytes(timedCount * (Timed.bytes - Timed.timeBytes))
    entries.reserve(strings: count, bytes: tails.count + reader.remaining)
    var timed = 0
    for length in lengths {
      if length > 0 {
        entries.append(try reader.readBytes(Int(length) - 1))
        continue
      }
      let milliseconds = time &+ times[timed]
      guard (0..<1 << 48).contains(milliseconds) else { throw reader.invalid("a time of 48 bits") }
      for shift in stride(from: Int64(40), through: 0, by: -8) {
        entries.add(UInt8(truncatingIfNeeded: milliseconds >> shift))
      }
      let start = tails.startIndex + timed * (Timed.bytes - Timed.timeBytes)
      entries.append(tails[start..<start + Timed.bytes - Timed.timeBytes])
      timed += 1
    }
    return entries
  }
}

/// Texts that are the decimal form of an integer: as it, they take less.
enum DecimalText {
  /// The integer that is written as `text`; nil if that is not exactly how it is written.
  static func number(_ text: some Sequence<UInt8>) -> Int64? {
    var value: Int64 = 0
    var digits = 0
    var isNegative = false
    for byte in text {
      if digits == 0, byte == UInt8(ascii: "-"), !isNegative {
        isNegative = true
        continue
      }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      // No zero in front, no “-0”, and no more than always fit 64 bits.
      if digits == 1, value == 0 { return nil }
      if isNegative, digits == 0, byte == UInt8(ascii: "0") { return nil }
      guard digits < 18 else { return nil }
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      digits += 1
    }
    return digits == 0 ? nil : isNegative ? -value : value
  }
}
