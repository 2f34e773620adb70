import Base
import Merge
import Testing
import Wire

@Suite struct MessagePropertyTests {
  private var random = SeededGenerator(seed: TestSeed.value)

  @Test mutating func everyMessageRoundTrips() throws {
    for _ in 0..<2_000 {
      let message = random.message()
      let bytes = message.encoded()
      #expect(try Message(decoding: bytes) == message)
      #expect(try Message(decoding: bytes).encoded() == bytes)
      #expect(try CBORValue(decoding: bytes).encoded() == bytes, "the encoding is the deterministic one")
    }
  }

  @Test mutating func everyStrictPrefixOfAMessageIsRefused() {
    for _ in 0..<200 {
      let bytes = random.message().encoded()
      for count in 0..<bytes.count {
        #expect(throws: DecodeError.self) { try Message(decoding: Array(bytes[..<count])) }
      }
      #expect(throws: DecodeError.self) { try Message(decoding: bytes + [0]) }
    }
  }

  @Test mutating func noChangedMessageTraps() {
    for _ in 0..<100 {
      let bytes = random.message().encoded()
      for index in bytes.indices.prefix(100) {
        var changed = bytes
        changed[index] ^= UInt8.random(in: 1...255, using: &random)
        guard let message = try? Message(decoding: changed) else { continue }
        #expect((try? Message(decoding: message.encoded())) == message)
      }
    }
  }

  @Test mutating func everyGroupRoundTrips() throws {
    for _ in 0..<300 {
      let groups = random.groups()
      let bytes = BatchContents.encode(groups)
      let decoded = try BatchContents.decode(bytes)
      #expect(try decoded.groups.map { try $0.get() } == groups)
      #expect(try CBORValue(decoding: bytes).encoded() == bytes, "the encoding is the deterministic one")
      for (index, group) in groups.enumerated() {
        let alone = try BatchContents.decode(decoded.single(index))
        #expect(try alone.groups.map { try $0.get() } == [group])
        #expect(alone.single(0) == decoded.single(index))
      }
    }
  }

  @Test mutating func everyStrictPrefixOfContentsIsRefused() {
    for _ in 0..<30 {
      let bytes = BatchContents.encode(random.groups())
      for count in 0..<bytes.count {
        #expect(throws: DecodeError.self) { try BatchContents.decode(Array(bytes[..<count])) }
      }
      #expect(throws: DecodeError.self) { try BatchContents.decode(bytes + [0]) }
    }
  }

  /// What is accepted after a change is a state in the one order that all states have.
  @Test mutating func changedContentsAreRefusedOrInOrder() {
    for _ in 0..<40 {
      let bytes = BatchContents.encode(random.groups())
      for index in bytes.indices.prefix(120) {
        var changed = bytes
        changed[index] ^= UInt8.random(in: 1...255, using: &random)
        guard let decoded = try? BatchContents.decode(changed) else { continue }
        let groups = decoded.groups.compactMap { try? $0.get() }
        let again = try? BatchContents.decode(BatchContents.encode(groups)).groups.compactMap { try? $0.get() }
        #expect(again == groups)
        for index in decoded.groups.indices {
          #expect((try? BatchContents.decode(decoded.single(index)))?.groups.count == 1)
        }
      }
    }
  }

  /// One bad group is an error of that group alone.
  @Test mutating func aBadGroupLeavesTheOthers() throws {
    let groups = [random.groups(), random.groups(), random.groups()].flatMap { $0 }
    try #require(groups.count > 1)
    guard case .array(var items) = try CBORValue(decoding: BatchContents.encode(groups)),
      case .array(var encoded) = items[1]
    else {
      Issue.record("expected contents of two arrays")
      return
    }
    encoded[1] = .array([.text("no group")])
    items[1] = .array(encoded)
    let decoded = try BatchContents.decode(CBORValue.array(items).encoded())
    for (index, result) in decoded.groups.enumerated() {
      if index == 1 {
        #expect(throws: DecodeError.self) { try result.get() }
      } else {
        #expect(try result.get() == groups[index])
      }
    }
  }
}
