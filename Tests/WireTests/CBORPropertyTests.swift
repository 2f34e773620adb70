import Base
import Testing
import Wire

@Suite struct CBORPropertyTests {
  private var random = SeededGenerator(seed: TestSeed.value)

  @Test mutating func everyValueRoundTrips() throws {
    for _ in 0..<2_000 {
      let value = random.value()
      let bytes = value.encoded()
      let decoded = try CBORValue(decoding: bytes)
      #expect(decoded == value)
      #expect(decoded.encoded() == bytes)
      var reader = CBORReader(bytes)
      #expect(try reader.rawItem() == bytes)
    }
  }

  @Test mutating func theOrderOfPairsNeverReachesTheBytes() {
    for _ in 0..<500 {
      guard case .map(let pairs) = random.value() else { continue }
      #expect(CBORValue.map(pairs.shuffled(using: &random)).encoded() == CBORValue.map(pairs).encoded())
    }
  }

  @Test mutating func everyStrictPrefixIsRefused() {
    for _ in 0..<300 {
      let bytes = random.value().encoded()
      for count in 0..<bytes.count {
        let prefix = Array(bytes[..<count])
        #expect(throws: DecodeError.self, "\(Hex.encode(prefix))") { try CBORValue(decoding: prefix) }
      }
    }
  }

  @Test mutating func everyByteMoreIsRefused() {
    for _ in 0..<300 {
      let bytes = random.value().encoded()
      let longer = bytes + [UInt8.random(in: 0...255, using: &random)]
      #expect { try CBORValue(decoding: longer) } throws: {
        ($0 as? DecodeError) == DecodeError(offset: bytes.count, reason: .trailingBytes(1))
      }
    }
  }

  /// What is accepted has one encoding only, so whatever a changed byte gives is refused or encodes to the same.
  @Test mutating func everyMutationIsRefusedOrCanonical() {
    for _ in 0..<150 {
      let bytes = random.value().encoded()
      for index in bytes.indices.prefix(200) {
        var mutated = bytes
        mutated[index] ^= UInt8.random(in: 1...255, using: &random)
        expectRefusedOrCanonical(mutated)
      }
    }
  }

  @Test mutating func noBytesTrap() {
    for _ in 0..<20_000 { expectRefusedOrCanonical(random.bytes(upTo: 48)) }
  }

  /// Bytes drawn from heads that belong to the subset get deeper than random ones.
  @Test mutating func noPlausibleBytesTrap() {
    let likely: [UInt8] = [
      0x00, 0x17, 0x18, 0x20, 0x40, 0x41, 0x60, 0x61, 0x80, 0x81, 0x82, 0xA0, 0xA1, 0xA2, 0xF4, 0xF6,
    ]
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...16, using: &random)
      expectRefusedOrCanonical((0..<count).map { _ in likely.randomElement(using: &random) ?? 0 })
    }
  }

  @Test mutating func noReadOfAnyKindTraps() {
    for _ in 0..<5_000 {
      let bytes = random.bytes(upTo: 24)
      let limit = Int.random(in: -1...24, using: &random)
      for read in Self.reads {
        var reader = CBORReader(bytes)
        try? read(&reader, limit)
        #expect(reader.offset <= bytes.count)
      }
    }
  }

  private static let reads: [@Sendable (inout CBORReader, Int) throws -> Void] = [
    { (reader, _) in _ = try reader.readUnsigned() },
    { (reader, _) in _ = try reader.readInteger() },
    { (reader, _) in _ = try reader.readBoolean() },
    { (reader, _) in try reader.readNull() },
    { (reader, _) in _ = reader.peekIsNull },
    { (reader, limit) in _ = try reader.readText(limit: limit) },
    { (reader, limit) in _ = try reader.readBytes(limit: limit) },
    { (reader, limit) in _ = try reader.readArrayCount(limit: limit) },
    { (reader, limit) in _ = try reader.readMapCount(limit: limit) },
    { (reader, limit) in
      try reader.readIntegerKeyedMap(limit: limit) { (reader, _) throws(DecodeError) in try reader.skipItem() }
    },
    { (reader, limit) in
      try reader.readTextKeyedMap(limit: limit, keyLimit: 8) { (reader, _) throws(DecodeError) in
        try reader.skipItem()
      }
    },
    { (reader, _) in while true { try reader.skipItem() } },
  ]

  private func expectRefusedOrCanonical(_ bytes: [UInt8]) {
    var reader = CBORReader(bytes)
    do {
      let value = try CBORValue(decoding: bytes, itemLimit: .max)
      #expect(value.encoded() == bytes)
      #expect(throws: Never.self) { try reader.skipItem() }
      #expect(reader.isAtEnd)
    } catch {
      #expect((0...bytes.count).contains(error.offset))
      // Skipping refuses the same, for the same reason, unless what is wrong is behind the item.
      #expect {
        try reader.skipItem()
        try reader.expectEnd()
      } throws: {
        $0 as? DecodeError == error
      }
    }
  }
}
