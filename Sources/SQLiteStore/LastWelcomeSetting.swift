import Base
import Causality
import RecordStore

/// What a store remembers of HQ's last welcome, as a setting: 8 bytes each of the epoch of its own log then, of how far HQ's
/// clock was ahead of the machine's (two's complement), and of the latest time that is known since.
enum LastWelcomeSetting {
  static let name = "last-welcome"

  static func pack(_ welcome: LastWelcome) -> [UInt8] {
    var writer = ByteWriter(reserving: 24)
    writer.append(bigEndian: welcome.epoch.rawValue)
    writer.append(bigEndian: UInt64(bitPattern: welcome.clockDifference))
    writer.append(bigEndian: UInt64(bitPattern: welcome.time.milliseconds))
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> LastWelcome? {
    var reader = ByteReader(bytes)
    do throws(ByteError) {
      let epoch = Epoch(rawValue: try reader.readBigEndianUInt64())
      let difference = Int64(bitPattern: try reader.readBigEndianUInt64())
      let time = Int64(bitPattern: try reader.readBigEndianUInt64())
      guard reader.isAtEnd else { return nil }
      return LastWelcome(epoch: epoch, clockDifference: difference, time: WallTime(milliseconds: time))
    } catch {
      return nil
    }
  }
}
