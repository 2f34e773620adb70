import Base
import Testing
import Wire

@Suite struct CBORValueTests {
  /// The key order of RFC 8949 §4.2.1, with its example less what the subset has not.
  @Test func mapsAreSortedByEncodedKey() {
    let keys: [CBORValue] = [
      .unsigned(10), .unsigned(100), .negative(-1), .text("z"), .text("aa"), .array([.unsigned(100)]),
      .array([.negative(-1)]), .boolean(false),
    ]
    let map = CBORValue.map(keys.reversed().map { CBORValue.Pair($0, .null) })
    #expect(
      Hex.encode(map.encoded()) == "a8" + "0af6" + "1864f6" + "20f6" + "617af6" + "626161f6" + "811864f6" + "8120f6"
        + "f4f6")
  }

  @Test func integersChooseTheCaseByTheSign() {
    #expect(CBORValue.integer(0) == .unsigned(0))
    #expect(CBORValue.integer(-1) == .negative(-1))
    #expect(CBORValue.integer(.min).encoded() == CBORValue.negative(.min).encoded())
  }

  @Test func diagnosticNotationEscapesWhatIsNotPrintable() {
    #expect(CBORValue.text("a\n\t\r\u{0}\u{7F}\"\\").description == #""a\n\t\r\u0000\u007f\"\\""#)
    #expect(CBORValue.map([.init(.unsigned(1), .bytes([0xAB]))]).description == "{1: h'ab'}")
  }

  @Test func aKeyTwiceIsAMistakeOfTheCaller() async {
    await #expect(processExitsWith: .failure) {
      _ = CBORValue.map([.init(.unsigned(1), .null), .init(.unsigned(1), .null)]).encoded()
    }
  }
}
