import Base
import Testing

@Suite struct BytesTests {
  @Test(arguments: [0, 1, 127, 128, 16383, 16384, UInt64.max / 2, UInt64.max])
  func varintRoundTrips(value: UInt64) throws {
    var writer = ByteWriter()
    writer.append(varint: value)
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readVarint() == value)
    #expect(reader.isAtEnd)
  }

  @Test(arguments: [0, 1, -1, 63, -64, 64, Int64.min, Int64.max])
  func signedVarintRoundTrips(value: Int64) throws {
    var writer = ByteWriter()
    writer.append(signedVarint: value)
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readSignedVarint() == value)
  }

  @Test func overlongVarintIsAnError() {
    var reader = ByteReader(Array(repeating: 0x80, count: 10) + [0x01])
    #expect(throws: ByteError.self) { try reader.readVarint() }
    var tooLarge = ByteReader(Array(repeating: 0xFF, count: 9) + [0x02])
    #expect(throws: ByteError.self) { try tooLarge.readVarint() }
  }

  @Test func readingPastTheEndIsAnError() {
    var reader = ByteReader([5, 1, 2])
    #expect(throws: ByteError.self) { try reader.readCounted() }
    var empty = ByteReader([])
    #expect(throws: ByteError.self) { try empty.readByte() }
  }

  @Test func hexRoundTrips() {
    #expect(Hex.encode([0, 255, 16]) == "00ff10")
    #expect(Hex.decode("00FF10") == [0, 255, 16])
    #expect(Hex.decode("0") == nil)
    #expect(Hex.decode("zz") == nil)
  }
}
