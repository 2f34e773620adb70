import Base
import Causality
import RecordStore
import StoreModel

/// The entries of a peer's log that came along with other lanes, as a setting: for each lane their number, and each as the
/// difference to the one before, all varints.
enum BroughtSetting {
  static func name(of peer: NodeNumber) -> String { "brought.\(peer)" }

  static func pack(_ entries: LaneMap<[Sequence64]>) -> [UInt8] {
    var writer = ByteWriter(reserving: 16)
    for lane in Lane.allCases {
      writer.append(varint: UInt64(entries[lane].count))
      var previous: Sequence64 = 0
      for sequence in entries[lane] {
        writer.append(varint: sequence &- previous)
        previous = sequence
      }
    }
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> LaneMap<[Sequence64]>? {
    var reader = ByteReader(bytes)
    var entries = LaneMap<[Sequence64]>(repeating: [])
    do throws(ByteError) {
      for lane in Lane.allCases {
        var previous: Sequence64 = 0
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
          previous &+= try reader.readVarint()
          entries[lane].append(previous)
        }
      }
      return reader.isAtEnd ? entries : nil
    } catch {
      return nil
    }
  }
}
