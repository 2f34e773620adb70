import Base

/// A time zone's offsets from UTC, as a TZif file has them (RFC 9636): a table of changes, and a rule for what comes
/// after the last.
struct TimeZoneTable: Hashable, Sendable {
  /// Seconds since 1970, ascending.
  private let changes: [Int64]
  /// In force from the change of the same index on, in seconds east of Greenwich.
  private let offsets: [Int]
  /// In force before the first change.
  private let firstOffset: Int
  private let rule: TimeZoneRule?

  /// In seconds east of Greenwich.
  func offset(at seconds: Int64) -> Int {
    guard let last = changes.last, seconds < last else {
      return rule?.offset(at: seconds) ?? offsets.last ?? firstOffset
    }
    var low = 0
    var high = changes.count
    while low < high {
      let middle = (low + high) / 2
      if changes[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? firstOffset : offsets[low - 1]
  }
}

extension TimeZoneTable {
  /// What a data block's header says of it.
  private struct Counts {
    var isUT, isStandard, leap, time, type, character: Int

    func byteCount(timeWidth: Int) -> Int {
      time * (timeWidth + 1) + type * 6 + character + leap * (timeWidth + 4) + isStandard + isUT
    }
  }

  /// Reads the contents of a TZif file.
  init(tzif bytes: [UInt8]) throws(ByteError) {
    var reader = ByteReader(bytes)
    let (version, shortCounts) = try Self.readHeader(&reader)
    guard version > 0 else {
      self = try Self.readData(&reader, shortCounts, timeWidth: 4)
      return
    }
    // Later versions repeat everything with times of 64 bits.
    _ = try reader.read(count: shortCounts.byteCount(timeWidth: 4))
    let (_, counts) = try Self.readHeader(&reader)
    self = try Self.readData(&reader, counts, timeWidth: 8)
  }

  private static func readHeader(_ reader: inout ByteReader) throws(ByteError) -> (version: UInt8, Counts) {
    let start = reader.offset
    guard try reader.read(count: 4).elementsEqual("TZif".utf8) else {
      throw ByteError(offset: start, reason: "expected “TZif”")
    }
    let version = try reader.readByte()
    _ = try reader.read(count: 15)
    func readCount() throws(ByteError) -> Int {
      let start = reader.offset
      let count = try reader.readBigEndianUInt32()
      guard count <= RetailLimits.timeZoneBytes else {
        throw ByteError(
          offset: start, reason: "found a count of \(count), expected at most \(RetailLimits.timeZoneBytes)")
      }
      return Int(count)
    }
    let counts = Counts(
      isUT: try readCount(), isStandard: try readCount(), leap: try readCount(), time: try readCount(),
      type: try readCount(), character: try readCount())
    guard counts.leap == 0 else {
      throw ByteError(offset: start, reason: "found leap seconds (a “right/” zone), expected POSIX time")
    }
    return (version, counts)
  }

  private static func readData(
    _ reader: inout ByteReader, _ counts: Counts, timeWidth: Int
  ) throws(ByteError) -> TimeZoneTable {
    guard counts.byteCount(timeWidth: timeWidth) <= reader.remaining, counts.type > 0 else {
      throw ByteError(offset: reader.offset, reason: "the header announces more than there is, or no offsets")
    }
    var changes: [Int64] = []
    for _ in 0..<counts.time {
      let start = reader.offset
      let change =
        timeWidth == 4
        ? Int64(Int32(bitPattern: try reader.readBigEndianUInt32()))
        : Int64(bitPattern: try reader.readBigEndianUInt64())
      guard changes.last.map({ $0 < change }) ?? true else {
        throw ByteError(offset: start, reason: "changes are not in the order of time")
      }
      changes.append(change)
    }
    let typeOffset = reader.offset
    let types = Array(try reader.read(count: counts.time))
    let offsets = try readOffsets(&reader, count: counts.type)
    guard types.allSatisfy({ $0 < offsets.count }) else {
      throw ByteError(offset: typeOffset, reason: "a change names an offset that is not there")
    }
    _ = try reader.read(count: counts.character + counts.isStandard + counts.isUT)
    return TimeZoneTable(
      changes: changes, offsets: types.map { offsets[Int($0)] }, firstOffset: offsets[0],
      rule: timeWidth == 4 ? nil : try readFooter(&reader))
  }

  private static func readOffsets(_ reader: inout ByteReader, count: Int) throws(ByteError) -> [Int] {
    var offsets: [Int] = []
    for _ in 0..<count {
      let start = reader.offset
      let offset = Int(Int32(bitPattern: try reader.readBigEndianUInt32()))
      guard abs(offset) < RetailLimits.offsetSeconds else {
        throw ByteError(offset: start, reason: "found an offset of \(offset) seconds, expected about a day at most")
      }
      offsets.append(offset)
      _ = try reader.read(count: 2)
    }
    return offsets
  }

  private static func readFooter(_ reader: inout ByteReader) throws(ByteError) -> TimeZoneRule? {
    let start = reader.offset
    let footer = try reader.read(count: reader.remaining)
    guard footer.count >= 2, footer.first == UInt8(ascii: "\n"), footer.last == UInt8(ascii: "\n") else {
      throw ByteError(offset: start, reason: "expected a rule between two line feeds")
    }
    let text = Array(footer.dropFirst().dropLast())
    if text.isEmpty { return nil }
    guard let rule = TimeZoneRule(text) else {
      throw ByteError(offset: start, reason: "the rule is no POSIX TZ string")
    }
    return rule
  }
}
