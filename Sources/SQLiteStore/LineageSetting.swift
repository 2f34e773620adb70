import Base
import Causality
import RecordStore

/// The epochs that a log went on from, as a setting: each its epoch in 8 bytes and its end as a varint.
enum LineageSetting {
  /// There if no peer can know the present epoch: how many before it no peer can know either, as a second byte, which older
  /// databases lack. Absent in databases of before there were lineages, which were shown.
  static let hidden = "lineage-hidden"

  static func packHidden(_ count: Int) -> [UInt8] { [1, UInt8(clamping: count)] }
  static func unpackHidden(_ bytes: [UInt8]) -> Int { bytes.count > 1 ? Int(bytes[1]) : 0 }

  static func name(of peer: NodeNumber?) -> String { peer.map { "lineage.\($0)" } ?? "lineage" }

  static func pack(_ ancestors: [Lineage.Ancestor]) -> [UInt8] {
    var writer = ByteWriter(reserving: ancestors.count * 12)
    for ancestor in ancestors {
      writer.append(bigEndian: ancestor.epoch.rawValue)
      writer.append(varint: ancestor.end)
    }
    return writer.bytes
  }

  static func unpack(_ bytes: [UInt8]) -> [Lineage.Ancestor]? {
    var reader = ByteReader(bytes)
    var ancestors: [Lineage.Ancestor] = []
    do throws(ByteError) {
      while !reader.isAtEnd {
        let epoch = Epoch(rawValue: try reader.readBigEndianUInt64())
        ancestors.append(Lineage.Ancestor(epoch: epoch, end: try reader.readVarint()))
      }
      return ancestors
    } catch {
      return nil
    }
  }
}
