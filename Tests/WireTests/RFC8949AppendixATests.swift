import Base
import Testing
import Wire

/// Every example of RFC 8949, appendix A, in its order.
@Suite struct RFC8949AppendixATests {
  struct Example: Sendable, CustomTestStringConvertible {
    var hex: String
    var outcome: Outcome

    var testDescription: String { hex }
  }

  enum Outcome: Sendable {
    /// In the protocol's subset, with this diagnostic notation.
    case accepted(String)
    case refused(DecodeError.Reason)
  }

  @Test(arguments: integers + floats + simples + tagged + strings + containers + indefinite)
  func example(example: Example) throws {
    let bytes = try #require(Hex.decode(example.hex))
    switch example.outcome {
    case .accepted(let notation):
      let value = try CBORValue(decoding: bytes)
      #expect(value.description == notation)
      #expect(value.encoded() == bytes)
      var reader = CBORReader(bytes)
      #expect(try reader.rawItem() == bytes)
      try reader.expectEnd()
    case .refused(let reason):
      #expect { try CBORValue(decoding: bytes) } throws: { ($0 as? DecodeError)?.reason == reason }
      var reader = CBORReader(bytes)
      #expect { try reader.skipItem() } throws: { ($0 as? DecodeError)?.reason == reason }
    }
  }

  @Test func theTableIsWhole() {
    let all =
      Self.integers + Self.floats + Self.simples + Self.tagged + Self.strings + Self.containers + Self.indefinite
    #expect(all.count == 81)
    #expect(Set(all.map(\.hex)).count == all.count)
  }

  private static func accepted(_ hex: String, _ notation: String) -> Example {
    Example(hex: hex, outcome: .accepted(notation))
  }

  private static func refused(_ hex: String, _ reason: DecodeError.Reason) -> Example {
    Example(hex: hex, outcome: .refused(reason))
  }

  static let integers = [
    accepted("00", "0"),
    accepted("01", "1"),
    accepted("0a", "10"),
    accepted("17", "23"),
    accepted("1818", "24"),
    accepted("1819", "25"),
    accepted("1864", "100"),
    accepted("1903e8", "1000"),
    accepted("1a000f4240", "1000000"),
    accepted("1b000000e8d4a51000", "1000000000000"),
    accepted("1bffffffffffffffff", "18446744073709551615"),
    refused("c249010000000000000000", .tag(2)),
    refused("3bffffffffffffffff", .integerOutOfRange),
    refused("c349010000000000000000", .tag(3)),
    accepted("20", "-1"),
    accepted("29", "-10"),
    accepted("3863", "-100"),
    accepted("3903e7", "-1000"),
  ]

  static let floats = [
    "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00", "f97bff", "fa47c35000", "fa7f7fffff",
    "fb7e37e43c8800759c", "f90001", "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00", "f9fc00",
    "fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000", "fbfff0000000000000",
  ].map { refused($0, .floatingPoint) }

  static let simples = [
    accepted("f4", "false"),
    accepted("f5", "true"),
    accepted("f6", "null"),
    refused("f7", .undefined),
    refused("f0", .simpleValue(16)),
    refused("f8ff", .simpleValue(255)),
  ]

  static let tagged = [
    refused("c074323031332d30332d32315432303a30343a30305a", .tag(0)),
    refused("c11a514b67b0", .tag(1)),
    refused("c1fb41d452d9ec200000", .tag(1)),
    refused("d74401020304", .tag(23)),
    refused("d818456449455446", .tag(24)),
    refused("d82076687474703a2f2f7777772e6578616d706c652e636f6d", .tag(32)),
  ]

  static let strings = [
    accepted("40", "h''"),
    accepted("4401020304", "h'01020304'"),
    accepted("60", "\"\""),
    accepted("6161", "\"a\""),
    accepted("6449455446", "\"IETF\""),
    accepted("62225c", "\"\\\"\\\\\""),
    accepted("62c3bc", "\"\u{FC}\""),
    accepted("63e6b0b4", "\"\u{6C34}\""),
    accepted("64f0908591", "\"\u{10151}\""),
  ]

  static let containers = [
    accepted("80", "[]"),
    accepted("83010203", "[1, 2, 3]"),
    accepted("8301820203820405", "[1, [2, 3], [4, 5]]"),
    accepted(
      "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
      "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]"),
    accepted("a0", "{}"),
    accepted("a201020304", "{1: 2, 3: 4}"),
    accepted("a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"),
    accepted("826161a161626163", "[\"a\", {\"b\": \"c\"}]"),
    accepted(
      "a56161614161626142616361436164614461656145",
      "{\"a\": \"A\", \"b\": \"B\", \"c\": \"C\", \"d\": \"D\", \"e\": \"E\"}"),
  ]

  static let indefinite = [
    "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff",
    "83018202039f0405ff", "83019f0203ff820405", "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
    "bf61610161629f0203ffff", "826161bf61626163ff", "bf6346756ef563416d7421ff",
  ].map { refused($0, .indefiniteLength) }
}
