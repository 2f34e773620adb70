import SyncSession
import Wire

/// Stands in for compression: under the number of another codec the contents travel backwards. What matters is that the
/// number that a batch names decides how it is read.
struct SimulatedCodec: BatchCodec {
  var packs: Bool

  func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8]) {
    packs ? (.zstd, contents.reversed()) : (.identity, contents)
  }

  func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8] {
    guard bytes.count == size else { throw BatchCodecError("found \(bytes.count) bytes, expected \(size)") }
    switch codec {
    case UInt64(Codec.identity.rawValue): return bytes
    case UInt64(Codec.zstd.rawValue): return bytes.reversed()
    default: throw BatchCodecError("found codec \(codec)")
    }
  }
}
