import Base
import Causality
import RecordStore
import StoreModel

/// The settings that list the logs of a store that HQ has had more of than the store shows now: for each the epoch (8 bytes), a
/// varint of how many bytes its ancestors take, these as in `lineage`, a varint for each lane's cursor, and a varint of how many
/// bytes follow of what was brought, as in `brought`.
enum PartedLogSetting {
  static func name(of peer: NodeNumber) -> String { "parted.\(peer)" }

  static func pack(_ logs: [PartedLog]) -> [UInt8] {
    var writer = ByteWriter(reserving: logs.count * 64)
    for parted in logs {
      writer.append(bigEndian: parted.log.epoch.rawValue)
      writer.append(counted: LineageSetting.pack(parted.log.ancestors))
      for lane in Lane.allCases { writer.append(varint: parted.coverage.cursors[lane]) }
      writer.append(counted: BroughtSetting.pack(parted.coverage.brought))
    }
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> [PartedLog]? {
    var reader = ByteReader(bytes)
    var logs: [PartedLog] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        guard let parted = try readLog(&reader) else { return nil }
        logs.append(parted)
      }
      return logs
    } catch {
      return nil
    }
  }

  private static func readLog(_ reader: inout ByteReader) throws(ByteError) -> PartedLog? {
    let epoch = Epoch(rawValue: try reader.readBigEndianUInt64())
    let ancestors = LineageSetting.unpack(Array(try reader.readCounted()))
    var cursors = LaneMap<Sequence64>(repeating: 0)
    for lane in Lane.allCases { cursors[lane] = try reader.readVarint() }
    let brought = BroughtSetting.unpack(Array(try reader.readCounted()))
    guard let ancestors, let brought else { return nil }
    return PartedLog(
      log: Lineage(epoch: epoch, ancestors: ancestors), coverage: LogCoverage(cursors: cursors, brought: brought))
  }
}
