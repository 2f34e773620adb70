import Base
import Causality
import RecordStore

/// Which of the node's own commits were stamped by a measured clock, as a setting: the last entry of those as a varint, and 8
/// bytes of the epoch in which the clock was measured, if that lasts.
enum ClockMeasurementSetting {
  static let name = "clock-measured"

  static func pack(_ measurement: ClockMeasurement) -> [UInt8] {
    var writer = ByteWriter(reserving: 16)
    writer.append(varint: measurement.through)
    if let epoch = measurement.epoch { writer.append(bigEndian: epoch.rawValue) }
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> ClockMeasurement? {
    var reader = ByteReader(bytes)
    do throws(ByteError) {
      let through = try reader.readVarint()
      guard !reader.isAtEnd else { return ClockMeasurement(through: through) }
      let epoch = Epoch(rawValue: try reader.readBigEndianUInt64())
      return reader.isAtEnd ? ClockMeasurement(through: through, epoch: epoch) : nil
    } catch {
      return nil
    }
  }
}
