/// How the contents of a batch are packed, as the number that the batch carries. Numbers are never reused.
package enum Codec: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case identity = 0
  /// One zstd frame (RFC 8878).
  case zstd = 1

  package var description: String {
    switch self {
    case .identity: "identity"
    case .zstd: "zstd"
    }
  }
}
