/// Reads CBOR item by item, and refuses all that `CBORWriter` would not have written: longer forms of numbers, items of
/// indefinite length, other types, invalid UTF-8, map keys out of order or twice. What it accepts has one encoding only,
/// so equal values are equal bytes.
///
/// Nothing that it reads can trap it, and it allocates only the strings asked for, after their length was checked.
/// Counts are checked against a limit and against the bytes left, but a caller who reserves memory per item must choose
/// its limit accordingly. After an error a reader is of no further use.
package struct CBORReader: Sendable {
  private let bytes: [UInt8]
  /// Where the next item starts.
  package private(set) var offset = 0
  /// Arrays and maps that are open around the next item, as far as the closures below opened them.
  private var depth = 0
  private let depthLimit: Int
  /// Items that may still be read before the item at hand is complete: how a closure is held to exactly one item.
  /// At the top there is no bound; `expectEnd` is the check there.
  private var outstanding = Int.max / 2

  package init(_ bytes: [UInt8], depthLimit: Int = WireLimits.maximumDepth) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  package var isAtEnd: Bool { offset == bytes.count }
  package var remaining: Int { bytes.count - offset }

  // MARK: Looking ahead

  /// The kind of the next item; an error if it is none of the subset, or there is none.
  package func peekKind() throws(DecodeError) -> CBORKind {
    // Most heads are one byte.
    guard offset < bytes.count, bytes[offset] & 31 < 24 else { return try head().kind }
    switch bytes[offset] >> 5 {
    case CBORMajor.unsigned: return .unsigned
    case CBORMajor.negative: return .negative
    case CBORMajor.bytes: return .bytes
    case CBORMajor.text: return .text
    case CBORMajor.array: return .array
    case CBORMajor.map: return .map
    default: return try head().kind
    }
  }

  /// Whether the next item is null; false at the end.
  package var peekIsNull: Bool {
    offset < bytes.count && bytes[offset] == CBORMajor.nullByte
  }

  // MARK: Single items

  package mutating func readUnsigned() throws(DecodeError) -> UInt64 {
    try take(.unsigned)
  }

  /// Either sign, as far as it fits.
  package mutating func readInteger() throws(DecodeError) -> Int64 {
    let start = offset
    if try peekKind() == .negative {
      let argument = try take(.negative)
      return ~Int64(bitPattern: argument)
    }
    guard let value = Int64(exactly: try take(.unsigned)) else {
      throw DecodeError(offset: start, reason: .integerOutOfRange)
    }
    return value
  }

  package mutating func readBoolean() throws(DecodeError) -> Bool {
    try take(.boolean) == 1
  }

  package mutating func readNull() throws(DecodeError) {
    _ = try take(.null)
  }

  /// Text of at most `limit` bytes of UTF-8.
  package mutating func readText(limit: Int) throws(DecodeError) -> String {
    let start = offset
    let range = try takeContent(.text, limit: limit)
    do {
      return String(copying: try UTF8Span(validating: bytes.span.extracting(range)))
    } catch {
      throw DecodeError(offset: start, reason: .invalidUTF8)
    }
  }

  /// A byte string of at most `limit` bytes.
  package mutating func readBytes(limit: Int) throws(DecodeError) -> [UInt8] {
    Array(bytes[try takeContent(.bytes, limit: limit)])
  }

  /// The head of an array: that many items follow. `readArray` also holds the depth and each item to account.
  package mutating func readArrayCount(limit: Int) throws(DecodeError) -> Int {
    try takeCount(.array, limit: limit, itemsEach: 1)
  }

  /// The head of a map: that many pairs follow. `readMap` and its kin also check the order of the keys.
  package mutating func readMapCount(limit: Int) throws(DecodeError) -> Int {
    try takeCount(.map, limit: limit, itemsEach: 2)
  }

  /// An error unless all input was read.
  package func expectEnd() throws(DecodeError) {
    guard isAtEnd else { throw DecodeError(offset: offset, reason: .trailingBytes(remaining)) }
  }

  // MARK: Heads

  /// The first bytes of an item: what it is, and its number, length or count. Booleans are 0 and 1.
  private struct Head {
    var kind: CBORKind
    var argument: UInt64
    var byteCount: Int
  }

  private func head() throws(DecodeError) -> Head {
    guard offset < bytes.count else {
      throw DecodeError(offset: offset, reason: .endOfInput(expectedBytes: 1, foundBytes: 0))
    }
    let major = bytes[offset] >> 5
    guard major != CBORMajor.simple else { return try simpleHead() }
    let (argument, byteCount) = try argument(ofMajor: major)
    let kind: CBORKind
    switch major {
    case CBORMajor.unsigned: kind = .unsigned
    case CBORMajor.negative:
      guard argument <= UInt64(Int64.max) else { throw DecodeError(offset: offset, reason: .integerOutOfRange) }
      kind = .negative
    case CBORMajor.bytes: kind = .bytes
    case CBORMajor.text: kind = .text
    case CBORMajor.array: kind = .array
    case CBORMajor.map: kind = .map
    default: throw DecodeError(offset: offset, reason: .tag(argument))
    }
    return Head(kind: kind, argument: argument, byteCount: byteCount)
  }

  private func argument(ofMajor major: UInt8) throws(DecodeError) -> (value: UInt64, byteCount: Int) {
    let information = bytes[offset] & 31
    guard information >= 24 else { return (UInt64(information), 1) }
    guard information <= 27 else {
      let canBeIndefinite = major >= CBORMajor.bytes && major <= CBORMajor.map
      let isIndefinite = information == 31 && canBeIndefinite
      throw DecodeError(offset: offset, reason: isIndefinite ? .indefiniteLength : .reservedInformation(information))
    }
    let width = 1 << Int(information - 24)
    guard remaining > width else {
      throw DecodeError(offset: offset, reason: .endOfInput(expectedBytes: 1 + width, foundBytes: remaining))
    }
    var value: UInt64 = 0
    var index = offset + 1
    while index <= offset + width {
      value = value << 8 | UInt64(bytes[index])
      index += 1
    }
    guard value >= Self.leastOfWidth(width) else { throw DecodeError(offset: offset, reason: .notShortest) }
    return (value, 1 + width)
  }

  private func simpleHead() throws(DecodeError) -> Head {
    let information = bytes[offset] & 31
    let reason: DecodeError.Reason
    switch information {
    case 20, 21: return Head(kind: .boolean, argument: UInt64(information - 20), byteCount: 1)
    case 22: return Head(kind: .null, argument: 0, byteCount: 1)
    case 23: reason = .undefined
    case 24 where remaining < 2: reason = .endOfInput(expectedBytes: 2, foundBytes: remaining)
    case 24: reason = .simpleValue(bytes[offset + 1])
    case 25...27: reason = .floatingPoint
    case 28...30: reason = .reservedInformation(information)
    case 31: reason = .breakCode
    default: reason = .simpleValue(information)
    }
    throw DecodeError(offset: offset, reason: reason)
  }

  // MARK: Taking

  /// Takes the head of an item of `kind`; gives its number, length or count.
  private mutating func take(_ kind: CBORKind) throws(DecodeError) -> UInt64 {
    // Most heads are one byte.
    if offset < bytes.count, outstanding != 0, let major = kind.major, bytes[offset] >> 5 == major,
      bytes[offset] & 31 < 24
    {
      outstanding &-= 1
      offset += 1
      return UInt64(bytes[offset - 1] & 31)
    }
    let head = try head()
    guard head.kind == kind else {
      throw DecodeError(offset: offset, reason: .wrongKind(expected: kind, found: head.kind))
    }
    guard outstanding != 0 else { throw DecodeError(offset: offset, reason: .readPastItem) }
    outstanding &-= 1
    offset += head.byteCount
    return head.argument
  }

  /// Takes a whole string; gives the range of its contents.
  private mutating func takeContent(_ kind: CBORKind, limit: Int) throws(DecodeError) -> Range<Int> {
    let start = offset
    let found = try take(kind)
    let length = try checked(found, limit: limit, bytesEach: 1, at: start)
    defer { offset += length }
    return offset..<offset + length
  }

  /// Takes the head of a container; its items become outstanding.
  private mutating func takeCount(_ kind: CBORKind, limit: Int, itemsEach: Int) throws(DecodeError) -> Int {
    let start = offset
    let found = try take(kind)
    let count = try checked(found, limit: limit, bytesEach: itemsEach, at: start)
    outstanding &+= count * itemsEach
    return count
  }

  /// A length or count that is within the limit and that the bytes left can hold, with at least `bytesEach` for each.
  private func checked(_ found: UInt64, limit: Int, bytesEach: Int, at start: Int) throws(DecodeError) -> Int {
    guard found <= UInt64(remaining / bytesEach) else {
      throw DecodeError(offset: start, reason: .beyondInput(found: found, remainingBytes: remaining))
    }
    guard found <= UInt64(max(limit, 0)) else {
      throw DecodeError(offset: start, reason: .overLimit(found: found, limit: limit))
    }
    return Int(found)
  }

  // MARK: Skipping

  /// Passes over the next item, whatever it is, and checks all of it as if it were read.
  package mutating func skipItem() throws(DecodeError) {
    if outstanding != 0, let end = Self.soundEnd(bytes.span, offset, depth: depthLimit - depth) {
      outstanding &-= 1
      offset = end
      return
    }
    let start = offset
    switch try peekKind() {
    case .unsigned: _ = try take(.unsigned)
    case .negative: _ = try take(.negative)
    case .boolean: _ = try take(.boolean)
    case .null: _ = try take(.null)
    case .bytes: _ = try takeContent(.bytes, limit: .max)
    case .text: try skipText()
    // As `readArray` and `readMap` do, but that each item is one is certain here.
    case .array:
      let count = try readArrayCount(limit: .max)
      try open(at: start)
      for _ in 0..<count { try skipItem() }
      depth -= 1
    case .map:
      let count = try readMapCount(limit: .max)
      try open(at: start)
      try skipPairs(count)
      depth -= 1
    }
  }

  private mutating func skipPairs(_ count: Int) throws(DecodeError) {
    var previous = 0..<0
    for _ in 0..<count {
      let keyStart = offset
      try skipItem()
      try checkOrder(previous, keyStart..<offset)
      previous = keyStart..<offset
      try skipItem()
    }
  }

  private mutating func skipText() throws(DecodeError) {
    let start = offset
    let range = try takeContent(.text, limit: .max)
    do {
      _ = try UTF8Span(validating: bytes.span.extracting(range))
    } catch {
      throw DecodeError(offset: start, reason: .invalidUTF8)
    }
  }

  /// The encoded bytes of the next item, checked: to keep what this version does not know, as it came.
  package mutating func rawItem() throws(DecodeError) -> [UInt8] {
    let start = offset
    try skipItem()
    return Array(bytes[start..<offset])
  }

  // MARK: Containers

  /// Reads an array; `body` is called for each item and must read exactly that.
  package mutating func readArray(
    limit: Int, _ body: (inout CBORReader) throws(DecodeError) -> Void
  ) throws(DecodeError) {
    let start = offset
    let count = try readArrayCount(limit: limit)
    try open(at: start)
    for _ in 0..<count { try exactlyOneItem(body) }
    depth -= 1
  }

  /// Reads a map: `key` reads each key, `value` its value, each exactly one item. Keys must ascend bytewise.
  package mutating func readMap<Key>(
    limit: Int,
    key readKey: (inout CBORReader) throws(DecodeError) -> Key,
    value readValue: (inout CBORReader, Key) throws(DecodeError) -> Void
  ) throws(DecodeError) {
    let start = offset
    let count = try readMapCount(limit: limit)
    try open(at: start)
    var previous = 0..<0
    for _ in 0..<count {
      let keyStart = offset
      let key = try exactlyOneItem(readKey)
      try checkOrder(previous, keyStart..<offset)
      previous = keyStart..<offset
      try exactlyOneItem { (reader) throws(DecodeError) in try readValue(&reader, key) }
    }
    depth -= 1
  }

  /// Reads a map whose keys are unsigned integers: `body` gets each key and must read exactly its value.
  package mutating func readIntegerKeyedMap(
    limit: Int, _ body: (inout CBORReader, UInt64) throws(DecodeError) -> Void
  ) throws(DecodeError) {
    try readMap(limit: limit, key: { (reader) throws(DecodeError) in try reader.readUnsigned() }, value: body)
  }

  /// Reads a map whose keys are texts of at most `keyLimit` bytes.
  package mutating func readTextKeyedMap(
    limit: Int, keyLimit: Int, _ body: (inout CBORReader, String) throws(DecodeError) -> Void
  ) throws(DecodeError) {
    try readMap(
      limit: limit, key: { (reader) throws(DecodeError) in try reader.readText(limit: keyLimit) }, value: body)
  }

  /// Names what `body` reads, in the errors that it throws.
  package mutating func field<Value>(
    _ name: StaticString, _ body: (inout CBORReader) throws(DecodeError) -> Value
  ) throws(DecodeError) -> Value {
    do {
      return try body(&self)
    } catch {
      throw error.within(name)
    }
  }

  private mutating func open(at start: Int) throws(DecodeError) {
    guard depth < depthLimit else { throw DecodeError(offset: start, reason: .tooDeep(limit: depthLimit)) }
    depth += 1
  }

  private mutating func exactlyOneItem<Value>(
    _ body: (inout CBORReader) throws(DecodeError) -> Value
  ) throws(DecodeError) -> Value {
    let outer = outstanding
    outstanding = 1
    let value = try body(&self)
    guard outstanding == 0 else { throw DecodeError(offset: offset, reason: .unreadItems(outstanding)) }
    outstanding = outer &- 1
    return value
  }

  private func checkOrder(_ previous: Range<Int>, _ current: Range<Int>) throws(DecodeError) {
    // Most keys are one byte.
    if previous.count == 1, current.count == 1, bytes[previous.lowerBound] < bytes[current.lowerBound] { return }
    for (left, right) in zip(previous, current) where bytes[left] != bytes[right] {
      guard bytes[left] < bytes[right] else { throw DecodeError(offset: current.lowerBound, reason: .unsortedKeys) }
      return
    }
    // No encoded item is a prefix of another, so equal so far is equal; the empty range stands for no key before.
    guard previous.isEmpty else { throw DecodeError(offset: current.lowerBound, reason: .duplicateKey) }
  }
}
