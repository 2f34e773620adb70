import Testing
import Wire

@Suite struct CBORReaderTests {
  @Test(arguments: [0, 1, -1, 23, 24, -24, -25, 255, 256, 65_535, 65_536, 1 << 32, Int64.min, Int64.max])
  func integersRoundTrip(value: Int64) throws {
    var writer = CBORWriter()
    writer.append(integer: value)
    var reader = CBORReader(writer.bytes)
    #expect(try reader.readInteger() == value)
    try reader.expectEnd()
  }
}
