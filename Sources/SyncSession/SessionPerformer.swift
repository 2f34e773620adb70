package import Causality
import Merge
package import RecordStore
package import Wire

/// Packs the contents of batches. The codec's number goes with each batch.
package protocol BatchCodec {
  /// - Returns: the codec that was used, and the bytes.
  func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8])
  /// The same for contents in columns, for peers that read them.
  func pack(_ contents: ColumnContents) -> (codec: Codec, bytes: [UInt8])
  /// - Parameter size: what the contents will be; checked against the limit already.
  func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8]
}

package struct BatchCodecError: Error, Hashable, Sendable {
  package var reason: String

  package init(_ reason: String) {
    self.reason = reason
  }
}

extension BatchCodec {
  package func pack(_ contents: ColumnContents) -> (codec: Codec, bytes: [UInt8]) { (.columns, contents.bytes) }
}

/// Contents as they are.
package struct IdentityCodec: BatchCodec, Sendable {
  package init() {}

  package func pack(_ contents: [UInt8]) -> (codec: Codec, bytes: [UInt8]) { (.identity, contents) }

  package func unpack(_ bytes: [UInt8], codec: UInt64, size: Int) throws(BatchCodecError) -> [UInt8] {
    guard codec == UInt64(Codec.identity.rawValue) || codec == UInt64(Codec.columns.rawValue) else {
      throw BatchCodecError(
        "found codec \(codec), expected \(Codec.identity.rawValue) or \(Codec.columns.rawValue)")
    }
    guard bytes.count == size else { throw BatchCodecError("found \(bytes.count) bytes, expected \(size)") }
    return bytes
  }
}

/// The storage half of a session's effects, the same for the daemons and for a simulation: from records to batches and
/// back.
package enum SessionPerformer {
  /// Performs `SessionEffect.load`.
  package static func load(
    _ request: OutgoingRequest, from store: some RecordStore, codec: some BatchCodec
  ) throws(StoreError) -> LoadedStretch {
    let stretch = try store.outgoing(request)
    var batch: Batch?
    if !stretch.groups.isEmpty {
      let packed = try pack(stretch.groups, inColumns: request.readsColumns, codec)
      batch = Batch(
        lane: stretch.lane, after: stretch.after, through: stretch.through, incompleteUntil: stretch.incompleteUntil,
        awaited: stretch.awaited, brought: stretch.brought, codec: UInt64(packed.codec.rawValue),
        groupCount: UInt64(stretch.groups.count),
        contentsBytes: UInt64(packed.contentsBytes), payload: packed.bytes)
    }
    return LoadedStretch(
      lane: stretch.lane, after: stretch.after, through: stretch.through, hasMore: stretch.hasMore,
      skipped: stretch.skipped, batch: batch, stamps: stretch.groups.map(\.stamp))
  }

  private static func pack(
    _ groups: [CommitGroup], inColumns: Bool, _ codec: some BatchCodec
  ) throws(StoreError) -> (codec: Codec, bytes: [UInt8], contentsBytes: Int) {
    if inColumns, let contents = ColumnContents.encode(groups) {
      let packed = codec.pack(contents)
      return (packed.codec, packed.bytes, contents.bytes.count)
    }
    let contents = BatchContents.encode(groups)
    guard contents.count <= WireLimits.maximumContentsBytes else {
      throw StoreError(.internalError, "a batch of \(contents.count) bytes, above \(WireLimits.maximumContentsBytes)")
    }
    let packed = codec.pack(contents)
    return (packed.codec, packed.bytes, contents.count)
  }

  /// The first half of `SessionEffect.store`, which needs no store: unpacks and decodes. A batch that breaks the
  /// protocol is an error in words.
  package static func decode(
    _ batch: Batch, peer: NodeNumber, epoch: Epoch, codec: some BatchCodec
  ) -> Result<IncomingBatch, BatchCodecError> {
    var incoming = IncomingBatch(
      peer: peer, lane: batch.lane, epoch: epoch, after: batch.after, through: batch.through,
      incompleteUntil: batch.incompleteUntil, awaited: batch.awaited, brought: batch.brought, groups: [],
      payload: { _ in [] })
    guard batch.groupCount > 0 || !batch.payload.isEmpty else { return .success(incoming) }
    do throws(BatchCodecError) {
      guard batch.contentsBytes <= UInt64(WireLimits.maximumContentsBytes) else {
        throw BatchCodecError(
          "found contents of \(batch.contentsBytes) bytes, expected at most \(WireLimits.maximumContentsBytes)")
      }
      let contents = try codec.unpack(batch.payload, codec: batch.codec, size: Int(batch.contentsBytes))
      let isColumns = UInt8(exactly: batch.codec).flatMap(Codec.init)?.isColumns == true
      let decoded = try decode(contents, isColumns: isColumns)
      guard decoded.received.count == batch.groupCount else {
        throw BatchCodecError("found \(decoded.received.count) groups, expected \(batch.groupCount)")
      }
      incoming.groups = decoded.received.map { group in
        switch group {
        case .whole(let group): .decoded(group)
        case .facts(let facts): .facts(facts)
        case .unreadable(let error): .undecodable(reason: error.description)
        }
      }
      incoming.payload = { decoded.single($0) }
      return .success(incoming)
    } catch {
      return .failure(error)
    }
  }

  private static func decode(
    _ contents: [UInt8], isColumns: Bool
  ) throws(BatchCodecError) -> BatchContents.Decoded {
    do throws(DecodeError) {
      return isColumns ? try ColumnContents.decode(contents) : try BatchContents.decode(contents)
    } catch {
      throw BatchCodecError("the contents of a batch cannot be read: \(error)")
    }
  }

  /// Reads the payload of a parked group again.
  package static func decodeParked(_ payload: [UInt8]) -> IncomingGroup {
    do throws(DecodeError) {
      switch try BatchContents.decode(payload).groups.first {
      case .success(let group)?: return .decoded(group)
      case .failure(let error)?: return .undecodable(reason: error.description)
      case nil: return .undecodable(reason: "no group is in it")
      }
    } catch {
      return .undecodable(reason: error.description)
    }
  }

  package static var parkedCoding: ParkedCoding {
    ParkedCoding(decode: { decodeParked($0) }, encode: { BatchContents.encode([$0]) })
  }
}
