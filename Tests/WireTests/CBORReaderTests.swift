import Base
import Testing
import Wire

@Suite struct CBORReaderTests {
  private func reader(_ hex: String) throws -> CBORReader {
    CBORReader(try #require(Hex.decode(hex)))
  }

  /// Skips the item and expects `reason` at `offset`.
  private func expectRefused(
    _ hex: String, _ reason: DecodeError.Reason, at offset: Int = 0, location: SourceLocation = #_sourceLocation
  ) throws {
    var reader = try reader(hex)
    #expect(sourceLocation: location) {
      try reader.skipItem()
      try reader.expectEnd()
    } throws: {
      $0 as? DecodeError == DecodeError(offset: offset, reason: reason)
    }
  }

  @Test(arguments: [0, 1, -1, 23, 24, -24, -25, 255, 256, 65_535, 65_536, 1 << 32, Int64.min, Int64.max])
  func integersRoundTrip(value: Int64) throws {
    var writer = CBORWriter()
    writer.append(integer: value)
    var reader = CBORReader(writer.bytes)
    #expect(try reader.readInteger() == value)
    try reader.expectEnd()
  }

  @Test func theEndsOfTheIntegerRange() throws {
    var lowest = try reader("3b7fffffffffffffff")
    #expect(try lowest.readInteger() == .min)
    try expectRefused("3b8000000000000000", .integerOutOfRange)
    var highest = try reader("1bffffffffffffffff")
    #expect(throws: DecodeError(offset: 0, reason: .integerOutOfRange)) { try highest.readInteger() }
    var unsigned = try reader("1bffffffffffffffff")
    #expect(try unsigned.readUnsigned() == .max)
  }

  @Test(arguments: [
    "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "3900ff", "5800", "580141", "7801" + "61", "9800",
    "990001" + "00", "b800", "ba00000000", "d817" + "00",
  ])
  func longerFormsAreRefused(hex: String) throws {
    try expectRefused(hex, .notShortest)
  }

  @Test func otherTypesAreRefusedByName() throws {
    for head in ["1c", "3d", "5e", "7c", "9d", "be", "dc"] {
      let byte = try #require(UInt8(head, radix: 16))
      try expectRefused(head, .reservedInformation(byte & 31))
    }
    for head in ["1f", "3f", "df"] { try expectRefused(head, .reservedInformation(31)) }
    for head in ["5f", "7f", "9f", "bf"] { try expectRefused(head, .indefiniteLength) }
    try expectRefused("ff", .breakCode)
    try expectRefused("e0", .simpleValue(0))
    try expectRefused("f3", .simpleValue(19))
    try expectRefused("f818", .simpleValue(24))
    try expectRefused("f8", .endOfInput(expectedBytes: 2, foundBytes: 1))
    try expectRefused("fc", .reservedInformation(28))
    try expectRefused("d9d9f700", .tag(55_799))
    try expectRefused("8200f7", .undefined, at: 2)
  }

  /// Overlong forms, surrogates, beyond U+10FFFF, stray and missing continuation bytes.
  @Test(arguments: ["62c080", "63eda080", "64f4908080", "6180", "61c3", "62c328", "61ff", "64f8888080"])
  func textMustBeUTF8(hex: String) throws {
    try expectRefused(hex, .invalidUTF8)
    var reader = try reader(hex)
    #expect(throws: DecodeError(offset: 0, reason: .invalidUTF8)) { try reader.readText(limit: 10) }
  }

  @Test func mapKeysMustAscendByTheirEncodedBytes() throws {
    try expectRefused("a2020001" + "00", .unsortedKeys, at: 3)
    try expectRefused("a2010001" + "00", .duplicateKey, at: 3)
    try expectRefused("a2616200616100", .unsortedKeys, at: 4)
    // A longer key sorts behind a shorter one, whatever their letters.
    try expectRefused("a262616100" + "616200", .unsortedKeys, at: 5)
    var sorted = try reader("a3" + "1818" + "00" + "20" + "00" + "6161" + "00")
    #expect(throws: Never.self) { try sorted.skipItem() }
    // Equal as Swift strings, different as bytes: two keys.
    var twoForms = try reader("a2" + "62c3a9" + "01" + "6365cc81" + "02")
    var keys: [String] = []
    try twoForms.readTextKeyedMap(limit: 2, keyLimit: 4) { (reader, key) throws(DecodeError) in
      keys.append(key)
      try reader.skipItem()
    }
    #expect(keys.count == 2)
  }

  @Test func integerKeyedMapGivesKeysAndValues() throws {
    var reader = try reader("a301617818640a1903e8f6")
    var seen: [UInt64] = []
    try reader.readIntegerKeyedMap(limit: 3) { (reader, key) throws(DecodeError) in
      seen.append(key)
      if key == 1 { #expect(try reader.readText(limit: 1) == "x") } else { try reader.skipItem() }
    }
    try reader.expectEnd()
    #expect(seen == [1, 100, 1_000])
  }

  @Test func keysOfAnotherKindAreRefused() throws {
    var text = try reader("a1616100")
    #expect(throws: DecodeError(offset: 1, reason: .wrongKind(expected: .unsigned, found: .text))) {
      try text.readIntegerKeyedMap(limit: 1) { (reader, _) throws(DecodeError) in try reader.skipItem() }
    }
    var integer = try reader("a10100")
    #expect(throws: DecodeError(offset: 1, reason: .wrongKind(expected: .text, found: .unsigned))) {
      try integer.readTextKeyedMap(limit: 1, keyLimit: 1) { (reader, _) throws(DecodeError) in try reader.skipItem() }
    }
  }

  @Test func aBodyMustReadExactlyItsItem() throws {
    var nothing = try reader("a10100")
    #expect(throws: DecodeError(offset: 2, reason: .unreadItems(1))) {
      try nothing.readIntegerKeyedMap(limit: 1) { (_, _) throws(DecodeError) in }
    }
    var half = try reader("a101820000")
    #expect(throws: DecodeError(offset: 4, reason: .unreadItems(1))) {
      try half.readIntegerKeyedMap(limit: 1) { (reader, _) throws(DecodeError) in
        _ = try reader.readArrayCount(limit: 2)
        try reader.skipItem()
      }
    }
    var tooMuch = try reader("a201000200")
    #expect(throws: DecodeError(offset: 3, reason: .readPastItem)) {
      try tooMuch.readIntegerKeyedMap(limit: 2) { (reader, _) throws(DecodeError) in
        try reader.skipItem()
        try reader.skipItem()
      }
    }
    // One integer and the head of an array are as many items as were owed, yet not the item.
    var crossed = try reader("8200" + "8100")
    #expect(throws: DecodeError(offset: 2, reason: .readPastItem)) {
      try crossed.readArray(limit: 2) { (reader) throws(DecodeError) in
        _ = try reader.readUnsigned()
        _ = try reader.readArrayCount(limit: 1)
      }
    }
  }

  @Test func lengthsAreCheckedAgainstLimitAndInput() throws {
    var text = try reader("6461626364")
    #expect(throws: DecodeError(offset: 0, reason: .overLimit(found: 4, limit: 3))) { try text.readText(limit: 3) }
    var bytes = try reader("5b7fffffffffffffff")
    #expect(throws: DecodeError(offset: 0, reason: .beyondInput(found: UInt64(Int64.max), remainingBytes: 0))) {
      try bytes.readBytes(limit: .max)
    }
    var negativeLimit = try reader("4100")
    #expect(throws: DecodeError(offset: 0, reason: .overLimit(found: 1, limit: -1))) {
      try negativeLimit.readBytes(limit: -1)
    }
    try expectRefused("9bffffffffffffffff", .beyondInput(found: .max, remainingBytes: 0))
    try expectRefused("9a0100000000", .beyondInput(found: 1 << 24, remainingBytes: 1))
    // Three bytes can't hold two pairs.
    try expectRefused("a2000001", .beyondInput(found: 2, remainingBytes: 3))
  }

  @Test func depthIsLimitedOnEveryWay() throws {
    let limit = WireLimits.maximumDepth
    func nested(_ depth: Int) -> [UInt8] { Array(repeating: 0x81, count: depth) + [0x00] }
    var deepest = CBORReader(nested(limit))
    try deepest.skipItem()
    #expect(try CBORValue(decoding: nested(limit)).encoded() == nested(limit))
    let expected = DecodeError(offset: limit, reason: .tooDeep(limit: limit))
    var tooDeep = CBORReader(nested(limit + 1))
    #expect(throws: expected) { try tooDeep.skipItem() }
    #expect(throws: expected) { try CBORValue(decoding: nested(limit + 1)) }
    let hostile = Array(repeating: UInt8(0x81), count: 1 << 20)
    var hostileReader = CBORReader(hostile)
    #expect(throws: expected) { try hostileReader.skipItem() }
    // Depth counts from the outside in, and comes back after each item.
    var shallow = CBORReader(try #require(Hex.decode("8281008100")), depthLimit: 2)
    try shallow.skipItem()
    var oneDeep = CBORReader(try #require(Hex.decode("818100")), depthLimit: 1)
    #expect(throws: DecodeError(offset: 1, reason: .tooDeep(limit: 1))) { try oneDeep.skipItem() }
  }

  @Test func valuesHaveAnItemLimit() throws {
    let bytes = CBORValue.array([.map([.init(.unsigned(1), .null)]), .null]).encoded()
    #expect(throws: Never.self) { try CBORValue(decoding: bytes, itemLimit: 5) }
    #expect(throws: DecodeError(offset: 4, reason: .overLimit(found: 5, limit: 4))) {
      try CBORValue(decoding: bytes, itemLimit: 4)
    }
    let count = WireLimits.maximumValueItems
    var writer = CBORWriter()
    writer.append(arrayCount: count)
    for _ in 0..<count { writer.appendNull() }
    #expect(throws: DecodeError.self) { try CBORValue(decoding: writer.bytes) }
  }

  @Test func unknownItemsAreKeptAsTheyCame() throws {
    var reader = try reader("82" + "a1616182f5f6" + "07")
    #expect(try reader.readArrayCount(limit: 2) == 2)
    let raw = try reader.rawItem()
    #expect(Hex.encode(raw) == "a1616182f5f6")
    #expect(try reader.readUnsigned() == 7)
    var writer = CBORWriter()
    writer.append(rawItem: raw)
    #expect(writer.bytes == raw)
  }

  @Test func lookingAheadTakesNothing() throws {
    var null = try reader("f6")
    #expect(null.peekIsNull)
    #expect(try null.peekKind() == .null)
    try null.readNull()
    #expect(!null.peekIsNull)
    #expect(throws: DecodeError(offset: 1, reason: .endOfInput(expectedBytes: 1, foundBytes: 0))) {
      try null.peekKind()
    }
    for (hex, kind) in [("00", .unsigned), ("20", .negative), ("40", .bytes), ("60", .text), ("80", .array)]
      as [(
        String, CBORKind
      )]
    {
      #expect(try reader(hex).peekKind() == kind)
    }
  }

  @Test func errorsNameTheFieldThePlaceAndTheMismatch() throws {
    var reader = try reader("8161" + "61")
    #expect {
      try reader.field("header") { (reader) throws(DecodeError) in
        try reader.readArray(limit: 1) { (reader) throws(DecodeError) in
          _ = try reader.field("store") { (reader) throws(DecodeError) in try reader.readInteger() }
        }
      }
    } throws: {
      "\($0)" == "at byte 1, in header.store: expected an unsigned integer, found a text string"
    }
  }
}
