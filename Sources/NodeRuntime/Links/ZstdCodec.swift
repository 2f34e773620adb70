import CZstd
package import SyncSession
package import Wire

/// Batches as one zstd frame each (RFC 8878), where that is smaller.
package struct ZstdCodec: BatchCodec, Sendable {
  /// Level 1: on sales data higher levels win little and cost several times the time.
  private static let level: Int32 = 1
  /// Contents below this do not get smaller.
  private static let leastBytes = 96

  package init() {}

  package func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8]) {
    guard contents.count >= Self.leastBytes else { return (.identity, contents) }
    let packed = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(contents.count)) { buffer, count in
      let size = contents.withUnsafeBytes {
        ZSTD_compress(buffer.baseAddress, buffer.count, $0.baseAddress, $0.count, Self.level)
      }
      count = ZSTD_isError(size) == 0 ? size : 0
    }
    return packed.isEmpty || packed.count >= contents.count ? (.identity, contents) : (.zstd, packed)
  }

  /// In blocks that begin where another kind of byte does, so that each has a code of its own, or as it comes: many small
  /// blocks lose in their heads what they gain.
  package func pack(_ contents: ColumnContents) -> (codec: Codec, bytes: [UInt8]) {
    guard !contents.cuts.isEmpty, let context = ZSTD_createCCtx() else { return (.columns, contents.bytes) }
    defer { ZSTD_freeCCtx(context) }
    let packed = [
      Self.frame(contents.bytes, cuts: contents.cuts, context), Self.frame(contents.bytes, cuts: [], context),
    ].compactMap(\.self)
    guard let least = packed.min(by: { $0.count < $1.count }), least.count < contents.bytes.count else {
      return (.columns, contents.bytes)
    }
    return (.packedColumns, least)
  }

  /// One frame with a block's end at each of `cuts`; nil if it does not get smaller.
  private static func frame(_ contents: [UInt8], cuts: [Int], _ context: OpaquePointer) -> [UInt8]? {
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    ZSTD_CCtx_setPledgedSrcSize(context, UInt64(contents.count))
    var isWhole = false
    let frame = [UInt8](unsafeUninitializedCapacity: contents.count) { buffer, count in
      var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
      contents.withUnsafeBytes { bytes in
        var start = 0
        for end in cuts.filter({ $0 < contents.count }) + [contents.count] {
          var input = ZSTD_inBuffer(src: bytes.baseAddress, size: end, pos: start)
          let isLast = end == contents.count
          let left = ZSTD_compressStream2(context, &output, &input, isLast ? ZSTD_e_end : ZSTD_e_flush)
          guard left == 0 else { return }
          start = end
        }
        isWhole = true
      }
      count = output.pos
    }
    return isWhole ? frame : nil
  }

  /// Contents as one frame, as the program `zstd` reads it; level 3, which is that program's own.
  static func frame(_ contents: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(contents.count)) { buffer, count in
      count = contents.withUnsafeBytes { ZSTD_compress(buffer.baseAddress, buffer.count, $0.baseAddress, $0.count, 3) }
      precondition(ZSTD_isError(count) == 0, "what has room in its bound can be compressed")
    }
  }

  package func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8] {
    switch UInt8(exactly: codec).flatMap(Codec.init) {
    case .identity, .columns:
      return try IdentityCodec().unpack(bytes, codec: codec, size: size)
    case .zstd, .packedColumns:
      var failure: String?
      let contents = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        // The announced size bounds what is inflated, whatever the frame itself says.
        let result = bytes.withUnsafeBytes {
          ZSTD_decompress(buffer.baseAddress, buffer.count, $0.baseAddress, $0.count)
        }
        if ZSTD_isError(result) != 0 {
          failure = String(cString: ZSTD_getErrorName(result))
          count = 0
        } else {
          count = result
        }
      }
      if let failure { throw BatchCodecError("a zstd frame that cannot be read: \(failure)") }
      guard contents.count == size else { throw BatchCodecError("found \(contents.count) bytes, expected \(size)") }
      return contents
    case nil:
      throw BatchCodecError("found codec \(codec), expected 0 to 3; upgrade this node")
    }
  }
}
