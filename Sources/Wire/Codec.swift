/// How the contents of a batch are packed, as the number that the batch carries. Numbers are never reused.
package enum Codec: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case identity = 0
  /// One zstd frame (RFC 8878).
  case zstd = 1
  /// In columns, as they are.
  case columns = 2
  /// In columns, as one zstd frame.
  case packedColumns = 3

  /// Whether the contents are laid out in columns (`ColumnContents`) and not in rows (`BatchContents`).
  package var isColumns: Bool { self == .columns || self == .packedColumns }

  /// The codecs that this version reads, as a greeting tells them: bit n for codec n.
  package static let readable = mask(allCases)

  /// Whether whoever told `codecs` reads columns, in both forms. Who tells nothing reads rows.
  package static func readsColumns(_ codecs: UInt64?) -> Bool {
    let needed = mask([.columns, .packedColumns])
    return (codecs ?? 0) & needed == needed
  }

  private static func mask(_ codecs: [Codec]) -> UInt64 { codecs.reduce(0) { $0 | 1 << UInt64($1.rawValue) } }

  package var description: String {
    switch self {
    case .identity: "identity"
    case .zstd: "zstd"
    case .columns: "columns"
    case .packedColumns: "columns in zstd"
    }
  }
}
