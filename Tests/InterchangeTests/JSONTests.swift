import Base
import Interchange
import JSON
import Testing

@Suite struct JSONParserTests {
  static func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)[...]) }

  static func error(_ text: String) -> ByteError? {
    do throws(ByteError) {
      _ = try JSONParser.parse(Array(text.utf8)[...])
      return nil
    } catch {
      return error
    }
  }

  @Test func values() throws {
    #expect(try Self.parse("null") == .null)
    #expect(try Self.parse(" [ true , false ] ") == .array([.bool(true), .bool(false)]))
    #expect(try Self.parse("[]") == .array([]))
    #expect(try Self.parse("{}") == .object(JSONObject()))
    let object = try Self.parse(#"{"b":1,"a":{"c":[{}]}}"#)
    guard case .object(let members) = object else {
      Issue.record("no object")
      return
    }
    #expect(members.members.map(\.name) == ["b", "a"])
    #expect(members["b"] == .integer(1) && members["c"] == nil)
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("9223372036854775807", Int64.max),
    ("-9223372036854775808", Int64.min), ("9007199254740993", 9_007_199_254_740_993),
  ])
  func wholeNumbersAreExact(_ text: String, _ number: Int64) throws {
    #expect(try Self.parse(text) == .integer(number))
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "1.0", "1e2", "-1.5E+3", "2e-1", "99999999999999999999999", "0.10",
  ])
  func otherNumbersAreKeptAsWritten(_ text: String) throws {
    #expect(try Self.parse(text) == .number(text))
  }

  @Test(arguments: [
    (#""""#, ""), (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{08}\u{0C}\n\r\t"), (#""\u00e9\u964Fx""#, "é陏x"),
    (#""\ud83d\ude00""#, "😀"), ("\"张涛 😀\"", "张涛 😀"), (#""\u0000""#, "\0"),
  ])
  func strings(_ text: String, _ expected: String) throws {
    #expect(try Self.parse(text) == .string(expected))
  }

  @Test(arguments: [
    ("", 0), ("  ", 2), ("nul", 0), ("[1,]", 3), ("[1 2]", 3), ("[1", 2), (#"{"a":1,}"#, 7), (#"{"a" 1}"#, 5),
    (#"{a:1}"#, 1), (#"{"a":1"#, 6), ("1 2", 2), ("01", 0), ("-", 1), ("1.", 2), ("1e", 2), ("1e+", 3), (".5", 0),
    ("+1", 0), ("NaN", 0), ("1e999", 0), ("\"a", 0), ("\"a\\", 2), ("\"\\x\"", 1), ("\"\\u12\"", 1),
    ("\"\\ud800\"", 1), ("\"\\ud800\\u0041\"", 1), ("\"\\udc00\"", 1), ("\"a\tb\"", 2), ("\"a\\n\u{01}\"", 4),
    (#"{"a":1,"b":2,"a":3}"#, 13), (#"{"a":1,"\u0061":3}"#, 7), ("\u{FEFF}1", 0), ("[1]]", 3), ("'a'", 0),
  ])
  func whatIsRefusedAndWhere(_ text: String, _ offset: Int) {
    #expect(Self.error(text)?.offset == offset, "\(text)")
  }

  @Test func bytesThatAreNotUTF8() {
    let bytes: [UInt8] = Array(#"{"name":""#.utf8) + [0xD5, 0xC5] + Array(#""}"#.utf8)
    #expect(throws: ByteError.self) { try JSONParser.parse(bytes[...]) }
  }

  @Test func depthHasALimit() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try Self.parse(nested(JSONLimits.depth))
    #expect(Self.error(nested(JSONLimits.depth + 1))?.offset == JSONLimits.depth)
    #expect(Self.error(String(repeating: #"{"a":"#, count: 100_000)) != nil)
  }

  @Test func aNumberOfManyDigitsIsRefused() throws {
    let limit = JSONLimits.numberBytes
    _ = try Self.parse("0." + String(repeating: "1", count: limit - 2))
    #expect(Self.error("0." + String(repeating: "1", count: limit - 1)) != nil)
  }

  @Test func aNameOfManyMembersMayNotOccurTwice() throws {
    let members = (0..<5_000).map { #""k\#($0)":0"# }
    _ = try Self.parse("{" + members.joined(separator: ",") + "}")
    #expect(
      Self.error("{" + members.joined(separator: ",") + #","k17":1}"#)?.reason == "a second member of the same name")
  }

  @Test func manyEscapesAreReadInLinearTime() throws {
    let text = "\"" + String(repeating: "\\n", count: 300_000) + "\""
    #expect(try Self.parse(text) == .string(String(repeating: "\n", count: 300_000)))
  }

  /// No bytes trap, and what is accepted reads the same again.
  @Test func anyBytesAreRefusedOrRead() {
    let seed: UInt64 = 0x5EED_1505
    var generator = SeededGenerator(seed: seed)
    let alphabet = Array(#"{}[]",:\u0123deE+-. tfn"#.utf8) + [0xC3, 0xA9, 0xFF, 0]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator) ?? 0
      }
      if let first = try? JSONParser.parse(bytes[...]) {
        #expect((try? JSONParser.parse(([0x20] + bytes)[...])) == first, "SEED \(seed) \(bytes)")
      }
    }
  }
}

@Suite struct JSONLinesReaderTests {
  @Test func linesAndTheirErrors() {
    let text = "{\"a\":1}\r\n\n  \n{\"a\":}\n[1]\n{\"a\":2}"
    for chunk in [1, 2, 5, Int.max] {
      let lines = parseJSONLines([0xEF, 0xBB, 0xBF] + Array(text.utf8), chunk: chunk)
      #expect(lines.map(\.line) == [1, 4, 5, 6])
      #expect(
        errors(lines).map(\.description) == [
          "line 4, column 6: expected a value", "line 5: expected an object in braces",
        ])
    }
  }

  @Test func otherEncodingsAreNamed() {
    let lines = parseJSONLines(Array(#"{"n":""#.utf8) + [0xD5, 0xC5] + Array("\"}\n{}\n".utf8))
    #expect(errors(lines).map(\.line) == [1] && lines.count == 2)
    #expect(errors(lines)[0].reason.contains("not UTF-8; they fit GB18030"))
    let nuls = parseJSONLines([0, 0, 0x0A] + Array("{}\n".utf8))
    #expect(errors(nuls).map(\.line) == [1] && nuls.count == 2)
  }

  @Test func aLineHasALimit() {
    let long =
      Array("{\"a\":\"".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20) + Array("\"}\n{}\n".utf8)
    let lines = parseJSONLines(long, chunk: 65_536)
    #expect(lines.map(\.line) == [1, 2])
    #expect(errors(lines).map(\.reason) == ["found a line of more than \(InterchangeLimits.lineBytes) bytes; split it"])
    let fits = Array("{}".utf8) + [UInt8](repeating: 0x20, count: InterchangeLimits.lineBytes - 2)
    #expect(errors(parseJSONLines(fits)).isEmpty)
    #expect(errors(parseJSONLines(fits + [0x20])).count == 1)
  }
}
