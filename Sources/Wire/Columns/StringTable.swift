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
  static func read(_ reader: inout ColumnReader, time: Int64) throws(DecodeError) -> [[UInt8]] {
    let count = try reader.readCount(limit: WireLimits.maximumContentsBytes / ExpandedSize.fieldBytes)
    guard count > 0 else { return [] }
    let lengths = try reader.readNumbers(count)
    guard lengths.allSatisfy({ (0...Int64(ModelLimits.recordBytes) + 1).contains($0) }) else {
      throw reader.invalid("lengths of at most \(ModelLimits.recordBytes)")
    }
    var entries = [[UInt8]](repeating: [], count: count)
    let timed = lengths.indices.filter { lengths[$0] == 0 }
    if !timed.isEmpty {
      let times = try reader.readNumbers(timed.count)
      for (index, difference) in zip(timed, times) {
        let milliseconds = time &+ difference
        guard (0..<1 << 48).contains(milliseconds) else { throw reader.invalid("a time of 48 bits") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Timed.bytes)
        for shift in stride(from: Int64(40), through: 0, by: -8) {
          bytes.append(UInt8(truncatingIfNeeded: milliseconds >> shift))
        }
        bytes += try reader.readBytes(Timed.bytes - Timed.timeBytes)
        entries[index] = bytes
      }
    }
    for (index, length) in lengths.enumerated() where length > 1 {
      entries[index] = Array(try reader.readBytes(Int(length) - 1))
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
