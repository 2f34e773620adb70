package import Merge
package import StoreModel

// Byte layout: Protocol/SPEC.md, "Contents in columns".

/// The contents of a batch with its facts laid out column by column: what a chain sells repeats itself down a column,
/// and takes a few bytes a record. Every batch stands by itself.
package struct ColumnContents: Hashable, Sendable {
  package var bytes: [UInt8]
  /// Where one kind of byte ends and another begins, ascending: who compresses does well to begin a new block there.
  /// Empty where the contents are too few to be compressed.
  package var cuts: [Int]

  /// Nil where the groups are beyond what such contents may hold; as rows they still travel.
  /// - Parameter model: only tells how ids are put together; contents can be read without it.
  package static func encode(_ groups: [CommitGroup], model: Model = .retail) -> ColumnContents? {
    guard groups.count <= WireLimits.maximumBatchGroups, let outline = GroupOutline(groups) else { return nil }
    var encoder = ColumnEncoder(groups, outline)
    return encoder.encode(model)
  }

  /// - Throws: if the bytes are no such contents. A record in the general form, or an eviction, that is well-formed CBOR
  ///   but nothing that this version understands is an error of its group alone.
  package static func decode(_ bytes: [UInt8]) throws(DecodeError) -> BatchContents.Decoded {
    var decoder = ColumnDecoder(bytes)
    return try decoder.decode()
  }
}
