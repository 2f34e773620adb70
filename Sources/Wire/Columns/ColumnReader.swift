/// Reads columns of whole numbers. Nothing that it reads can trap it, and it takes memory for a count only after the
/// caller has bounded that count.
struct ColumnReader {
  private let bytes: [UInt8]
  private(set) var offset = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var remaining: Int { bytes.count - offset }

  func invalid(_ expected: String) -> DecodeError {
    DecodeError(offset: offset, reason: .invalidValue(expected: expected))
  }

  mutating func readByte() throws(DecodeError) -> UInt8 {
    guard offset < bytes.count else {
      throw DecodeError(offset: offset, reason: .endOfInput(expectedBytes: 1, foundBytes: 0))
    }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func readVarint() throws(DecodeError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try readByte()
      // The tenth byte holds the last bit of 64.
      guard shift < 63 || byte <= 1 else { throw DecodeError(offset: start, reason: .integerOutOfRange) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        guard byte != 0 || shift == 0 else { throw DecodeError(offset: start, reason: .notShortest) }
        return value
      }
      shift += 7
    }
  }

  mutating func readSigned() throws(DecodeError) -> Int64 {
    let folded = try readVarint()
    return Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
  }

  /// A count or a number of at most `limit`.
  mutating func readCount(limit: Int) throws(DecodeError) -> Int {
    let start = offset
    let found = try readVarint()
    guard found <= UInt64(limit) else {
      throw DecodeError(offset: start, reason: .overLimit(found: found, limit: limit))
    }
    return Int(found)
  }

  mutating func readBytes(_ count: Int) throws(DecodeError) -> ArraySlice<UInt8> {
    try need(count)
    defer { offset += count }
    return bytes[offset..<offset + count]
  }

  /// All that is left.
  mutating func readRest() -> [UInt8] {
    defer { offset = bytes.count }
    return Array(bytes[offset...])
  }

  private func need(_ count: Int) throws(DecodeError) {
    guard count <= remaining else {
      throw DecodeError(offset: offset, reason: .endOfInput(expectedBytes: count, foundBytes: remaining))
    }
  }

  // MARK: Columns

  /// The first byte of a column.
  mutating func readHead() throws(DecodeError) -> (kind: ColumnKind, layout: NumberLayout, isDelta: Bool) {
    let byte = try readByte()
    guard let kind = ColumnKind(rawValue: byte >> 4), let layout = NumberLayout(rawValue: byte & NumberLayout.mask)
    else { throw invalid("a kind of column") }
    let isDelta = byte & NumberLayout.deltaFlag != 0
    guard !isDelta || layout != .places else { throw invalid("a layout of numbers") }
    return (kind, layout, isDelta)
  }

  /// A column of plain numbers.
  mutating func readNumbers(_ count: Int) throws(DecodeError) -> [Int64] {
    let head = try readHead()
    guard head.kind == .integer, head.layout != .places else { throw invalid("a column of numbers") }
    return try readNumbers(count, head.layout, isDelta: head.isDelta, places: [])
  }

  /// - Parameter places: of each row behind the first one of its kind in the group.
  mutating func readNumbers(
    _ count: Int, _ layout: NumberLayout, isDelta: Bool, places: [Int32]
  ) throws(DecodeError) -> [Int64] {
    guard isDelta else { return try readPlain(count, layout, places: places) }
    guard count > 1 else { throw invalid("differences of at least two numbers") }
    var values = [try readSigned()]
    values.reserveCapacity(count)
    for difference in try readPlain(count - 1, layout, places: []) {
      values.append(values[values.count - 1] &+ difference)
    }
    return values
  }

  private mutating func readPlain(
    _ count: Int, _ layout: NumberLayout, places: [Int32]
  ) throws(DecodeError) -> [Int64] {
    let base: Int64
    switch layout {
    case .zero, .varints, .bits: base = 0
    case .constant, .varintsAbove, .bitsAbove, .planes, .places: base = try readSigned()
    }
    switch layout {
    case .zero, .constant: return [Int64](repeating: base, count: count)
    case .varints, .varintsAbove:
      try need(count)
      var values: [Int64] = []
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(base &+ Int64(bitPattern: try readVarint())) }
      return values
    case .bits, .bitsAbove: return try readBits(count, above: base)
    case .planes: return try readPlanes(count, above: base)
    case .places: return places.map { base &+ Int64($0) }
    }
  }

  private mutating func readPlanes(_ count: Int, above base: Int64) throws(DecodeError) -> [Int64] {
    let planes = Int(try readByte())
    guard (1...8).contains(planes) else { throw invalid("1 to 8 planes") }
    try need(planes * count)
    var values = [Int64](repeating: 0, count: count)
    for plane in 0..<planes {
      let shift = Int64(8 * plane)
      for index in 0..<count { values[index] |= Int64(bytes[offset + index]) << shift }
      offset += count
    }
    for index in 0..<count { values[index] &+= base }
    return values
  }

  private mutating func readBits(_ count: Int, above base: Int64) throws(DecodeError) -> [Int64] {
    let head = try readByte()
    let wide = Int(head & 0x7F)
    let hasTwo = head & 0x80 != 0
    let narrow = hasTwo ? Int(try readByte()) : wide
    guard (1...64).contains(wide), hasTwo ? narrow < wide : true else { throw invalid("widths of 0 to 64 bits") }
    var values = [Int64](repeating: 0, count: count)
    var position = 0
    var total = count * narrow
    if hasTwo {
      try need((count + 7) / 8)
      for index in 0..<count where bytes[offset + index >> 3] >> UInt8(index & 7) & 1 == 1 {
        values[index] = 1
        total += wide - narrow
      }
      position = count
      total += count
    }
    try need((total + 7) / 8)
    for index in 0..<count {
      let width = hasTwo && values[index] == 0 ? narrow : wide
      values[index] = base &+ Int64(bitPattern: bits(at: position, width: width))
      position += width
    }
    guard total & 7 == 0 || bytes[offset + total >> 3] >> UInt8(total & 7) == 0 else {
      throw invalid("zeros behind the last bit")
    }
    offset += (total + 7) / 8
    return values
  }

  /// Bits behind `offset`; they are there.
  private func bits(at position: Int, width: Int) -> UInt64 {
    var value: UInt64 = 0
    var have = 0
    var index = offset + position >> 3
    var skipped = position & 7
    while have < width {
      value |= UInt64(bytes[index] >> UInt8(skipped)) << UInt64(have)
      have += 8 - skipped
      skipped = 0
      index += 1
    }
    return width == 64 ? value : value & (1 << UInt64(width) - 1)
  }
}
