import Base

/// How often the change feed has begun anew, as a varint; absent while it never has.
enum FeedTurnSetting {
  static let name = "feed-turn"

  static func pack(_ turn: UInt64) -> [UInt8] {
    var writer = ByteWriter(reserving: 2)
    writer.append(varint: turn)
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> UInt64? {
    var reader = ByteReader(bytes)
    guard let turn = try? reader.readVarint(), reader.isAtEnd else { return nil }
    return turn
  }
}
