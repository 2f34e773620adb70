import Base
import Testing
import TextEncoding

@Suite struct TextConverterTests {
  static func converted(_ bytes: [UInt8], from name: String, chunk: Int) throws -> ([UInt8], [TextConverter.Malformed])
  {
    let converter = try TextConverter(from: name)
    var output: [UInt8] = []
    var malformed: [TextConverter.Malformed] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      malformed += converter.convert(Array(rest.prefix(chunk)), into: &output)
      rest = rest.dropFirst(chunk)
    }
    malformed += converter.finish(into: &output)
    return (output, malformed)
  }

  static func encoded(_ text: String, as name: String) throws -> [UInt8] {
    let converter = try TextConverter(from: "UTF-8", to: name)
    var bytes: [UInt8] = []
    let malformed = converter.convert(Array(text.utf8), into: &bytes) + converter.finish(into: &bytes)
    try #require(malformed.isEmpty, "\(name) lacks a character of \(text)")
    return bytes
  }

  @Test(arguments: ["gb18030", "GBK", "utf-16", "UTF-16LE", "utf-32", "big5", "shift_jis", "iso-2022-jp", "EUC-KR"])
  func whatIsWrittenIsReadHoweverItIsCut(_ name: String) throws {
    let text = "id,name\r\n1,\"東京, 大阪\"\n2,plain\n"
    let all = ["gb18030", "utf-16", "UTF-16LE", "utf-32"].contains(name) ? text + "é 😀 𠀀 €\n" : text
    let bytes = try Self.encoded(all, as: name)
    for chunk in [1, 2, 3, 5, 1_000] {
      let (output, malformed) = try Self.converted(bytes, from: name, chunk: chunk)
      #expect(String(decoding: output, as: UTF8.self) == all && malformed.isEmpty, "\(name), chunks of \(chunk)")
    }
  }

  @Test func malformedSequencesAreReportedAndStand() throws {
    // A lead byte with nothing that may follow it, then a whole character.
    let bytes = Array("ab".utf8) + [0x81, 0x20] + Array("c\n".utf8) + [0xD5, 0xC5, 0xD5]
    for chunk in 1...bytes.count {
      let (output, malformed) = try Self.converted(bytes, from: "gb18030", chunk: chunk)
      #expect(output == Array("ab".utf8) + [0xFF] + Array(" c\n张".utf8) + [0xFF], "chunks of \(chunk)")
      #expect(malformed.map(\.inputOffset) == [2, 8] && malformed.map(\.outputOffset) == [2, 9], "chunks of \(chunk)")
    }
    let (odd, lost) = try Self.converted([0x61, 0, 0, 0xD8, 0x62, 0, 0x63], from: "utf-16le", chunk: 1)
    #expect(odd == [0x61, 0xFF, 0x62, 0xFF] && lost.map(\.inputOffset) == [2, 6])
  }

  @Test func anyBytesAreReadTheSameHoweverTheyAreCut() throws {
    let seed: UInt64 = 0x5EED_1C0F
    var generator = SeededGenerator(seed: seed)
    for round in 0..<400 {
      let name = ["gb18030", "utf-16le", "big5", "utf-8"].randomElement(using: &generator) ?? "gbk"
      let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      let whole = try Self.converted(bytes, from: name, chunk: 1_000)
      for chunk in 1...4 {
        let (output, malformed) = try Self.converted(bytes, from: name, chunk: chunk)
        #expect(output == whole.0 && malformed == whole.1, "SEED \(seed) round \(round) \(name) chunk \(chunk)")
      }
    }
  }

  @Test(arguments: ["klingon", "", "gbk//IGNORE", "../x", String(repeating: "x", count: 100)])
  func whatIsNoEncoding(_ name: String) {
    let error = #expect(throws: TextEncodingError.self) { try TextConverter(from: name) }
    #expect(error?.description.contains("gb18030") == true && error?.name == name)
  }
}
