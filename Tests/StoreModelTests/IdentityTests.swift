import Base
import StoreModel
import Testing

@Suite struct IdentityTests {
  static let pair = Identity.composed([.number, .key])
  static let keys = Identity.composed([.key, .key])

  @Test(arguments: [
    "1", "1082185", "a/b", "a%b", "%2F", "%25", "/", "%", "//", "王小明", " ", "a b", "x\u{301}", "\u{301}", "/\u{338}",
    "%\u{338}2F", "🇩🇪", String(repeating: "9", count: ModelLimits.keyBytes),
  ])
  func keysRoundTripAlsoWithinComposedIDs(key: String) throws {
    let id = RecordID(key: key)
    #expect(Identity.key.isValid(id))
    #expect(try Identity.key.parse(Identity.key.text(of: id)) == id)
    #expect(Identity.key.id(from: Identity.key.value(of: id)) == id)
    for other in ["a", "/", "\u{338}", key] {
      for parts in [[id, RecordID(key: other)], [RecordID(key: other), id]] {
        let composed = try Self.keys.compose(parts)
        #expect(try Self.keys.parse(Self.keys.text(of: composed)) == composed)
        #expect(Self.keys.id(from: Self.keys.value(of: composed)) == composed)
      }
    }
  }

  @Test(arguments: [
    "", "a\n", "\u{0}", "a\u{1F}b", "\u{7F}", String(repeating: "9", count: ModelLimits.keyBytes + 1),
    String(repeating: "王", count: 22),
  ])
  func theseAreNoKeys(key: String) {
    #expect(!Identity.key.isValid(RecordID(key: key)))
    #expect(throws: IdentityError.self) { try Identity.key.parse(key) }
    #expect(throws: IdentityError.self) { try Self.pair.compose([RecordID(number: 1), RecordID(key: key)]) }
    // Even unchecked, no part that is wrong makes an id that is right.
    #expect(!Self.pair.isValid(Self.pair.joining([RecordID(number: 1), RecordID(key: key)])))
    #expect(!Self.keys.isValid(Self.keys.joining([RecordID(key: key), RecordID(key: "a")])))
    #expect(!Self.keys.isValid(Self.keys.joining([RecordID(key: "a"), RecordID(key: key)])))
  }

  @Test func bytesThatAreNoTextAreNoKey() {
    #expect(!Identity.key.isValid(RecordID([0x61, 0xFF])))
    #expect(!Identity.key.isValid(RecordID([0xED, 0xA0, 0x80])))
  }

  @Test func textsAreWhatPeopleWrite() throws {
    let listing = try Self.pair.compose([RecordID(number: 367), RecordID(key: "a/b%")])
    #expect(Self.pair.text(of: listing) == "367/a%2Fb%25")
    #expect(Identity.number.text(of: RecordID(number: .max)) == "4294967295")
    let uuid = RecordID(milliseconds: 1_496_509_500_000, random: (1, 2))
    #expect(Identity.uuid.text(of: uuid) == "015c6eea-ca60-7001-8000-000000000002")
    #expect(try Identity.uuid.parse("015C6EEA-CA60-7001-8000-000000000002") == uuid)
    let line = Identity.composed([.uuid, .number])
    #expect(
      try line.text(of: line.compose([uuid, RecordID(number: 3)])) == "015c6eea-ca60-7001-8000-000000000002/3")
  }

  @Test(arguments: [
    (Identity.number, ""), (.number, "-1"), (.number, "4294967296"), (.number, "+1"), (.number, "01"), (.number, "1.0"),
    (.uuid, ""), (.uuid, "015c6eeaca60700180000000000000002"), (.uuid, "015c6eea-ca60-7001-8000-00000000000g"),
    (.uuid, "015c6eeac-a60-7001-8000-000000000002"), (.uuid, "015c6eea-ca60-7001-8000-0000000000021"),
    (pair, "1"), (pair, "1/"), (pair, "/a"), (pair, "1/a/b"), (pair, "1/%2"), (pair, "1/%41"), (pair, "1/%"),
  ])
  func textsThatAreNoIDAreErrors(identity: Identity, text: String) throws {
    let error = try #require(throws: IdentityError.self) { try identity.parse(text) }
    // A part's own error says more than the whole's.
    #expect(identity.expectation.contains(error.expected))
  }

  @Test func theOrderOfComposedIDsIsTheOrderOfTheirParts() throws {
    let seed: UInt64 = 11
    var generator = SeededGenerator(seed: seed)
    let alphabet = ["", " ", "!", "0", "1", "10", "a", "aa", "ab", "é", "王", "~"]
    for _ in 0..<2_000 {
      func key() -> RecordID {
        let text = (0..<2).map { _ in alphabet.randomElement(using: &generator) ?? "" }.joined()
        return RecordID(key: text.isEmpty ? "x" : text)
      }
      func number() -> RecordID { RecordID(number: .random(in: 0...300, using: &generator)) }
      for identity in [Self.keys, Self.pair, .composed([.key, .number]), .composed([.key, .key, .key])] {
        guard case .composed(let components) = identity else { continue }
        let left = components.map { $0 == .key ? key() : number() }
        let right = components.map { $0 == .key ? key() : number() }
        let isBefore = left.lexicographicallyPrecedes(right)
        #expect(try (identity.compose(left) < identity.compose(right)) == isBefore, "SEED \(seed)")
        #expect(try (identity.compose(left) == identity.compose(right)) == (left == right), "SEED \(seed)")
      }
    }
  }

  @Test func partsOfTheWrongKindAreErrors() {
    #expect(throws: IdentityError.self) { try Self.pair.compose([RecordID(key: "a"), RecordID(key: "a")]) }
    #expect(throws: IdentityError.self) { try Self.pair.compose([RecordID(number: 1)]) }
    #expect(throws: IdentityError.self) { try Identity.key.compose([RecordID(key: "a")]) }
  }

  @Test func valuesOfAnotherKindAreNoIDs() {
    #expect(Identity.number.id(from: .integer(-1)) == nil)
    #expect(Identity.number.id(from: .integer(1 << 32)) == nil)
    #expect(Identity.number.id(from: .text("1")) == nil)
    #expect(Identity.key.id(from: .integer(1)) == nil)
    #expect(Identity.uuid.id(from: .bytes([1])) == nil)
    #expect(Self.pair.id(from: .null) == nil)
  }

  /// Ids of two keys and a UUID fit the limit that indexes and messages are made for.
  @Test func theLongestIDsFitTheLimit() {
    let key = RecordID(key: String(repeating: "9", count: ModelLimits.keyBytes))
    let uuid = RecordID(milliseconds: 0, random: (0, 0))
    let longest = Identity.composed([.key, .key, .uuid]).joining([key, key, uuid])
    #expect(longest.bytes.count <= ModelLimits.recordIDBytes)
  }
}

@Suite struct ValueTests {
  /// SQLite's own order, so that what is shown and what SQL sorts agree.
  @Test func valuesAreInTheOrderOfSQLite() {
    let ascending: [Value] = [
      .null, .integer(.min), .integer(-1), .integer(0), .integer(.max), .text(""), .text("Z"), .text("a"), .text("é"),
      .text("王"), .bytes([]), .bytes([0]), .bytes([0, 0]), .bytes([1]),
    ]
    for (index, value) in ascending.enumerated() {
      for (otherIndex, other) in ascending.enumerated() {
        #expect((value < other) == (index < otherIndex))
        #expect((value == other) == (index == otherIndex))
      }
    }
  }

  /// A composed and a decomposed “é” are the same to `String`, and two values to SQLite.
  @Test func textIsComparedByBytes() {
    #expect("\u{E9}" == "e\u{301}")
    #expect(Value.text("\u{E9}") != .text("e\u{301}"))
    #expect(Set([Value.text("\u{E9}"), .text("e\u{301}")]).count == 2)
    #expect(Value.text("e\u{301}") < .text("\u{E9}"))
  }
}
