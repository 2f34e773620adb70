import SyncSession
import Wire

/// Stands in for compression: under the number of another codec the contents travel backwards. What matters is that the
/// number that a batch names decides how it is read.
struct SimulatedCodec: BatchCodec {
  var packs: Bool

  func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8]) {
    packs ? (.zstd, contents.reversed()) : (.identity, contents)
  }

  func pack(_ contents: ColumnContents) -> (codec: Codec, bytes: [UInt8]) {
    packs ? (.packedColumns, contents.bytes.reversed()) : (.columns, contents.bytes)
  }

  func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8] {
    guard bytes.count == size else { throw BatchCodecError("found \(bytes.count) bytes, expected \(size)") }
    switch UInt8(exactly: codec).flatMap(Codec.init) {
    case .identity, .columns: return bytes
    case .zstd, .packedColumns: return bytes.reversed()
    case nil: throw BatchCodecError("found codec \(codec)")
    }
  }
}
