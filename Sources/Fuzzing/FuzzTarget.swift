/// What reads bytes from outside, each with the rules that hold whatever the bytes are.
///
/// The fuzzer and the tests call the same: nothing traps, and a rule that does not hold is told.
package enum FuzzTarget: String, CaseIterable, Sendable {
  case frames, messages, cbor, contents, columns, merge, history, joincode, csv, json, lineage, metadata

  /// - Returns: the rule that does not hold; nil if all do.
  package func problem(with bytes: [UInt8]) -> String? {
    switch self {
    case .frames: WireFuzz.frames(bytes)
    case .messages: WireFuzz.message(bytes)
    case .cbor: WireFuzz.cbor(bytes)
    case .contents: WireFuzz.contents(bytes)
    case .columns: WireFuzz.columns(bytes)
    case .merge: MergeFuzz.decoded(bytes)
    case .history: MergeFuzz.history(bytes)
    case .joincode: TextFuzz.joinCode(bytes)
    case .csv: TextFuzz.csv(bytes)
    case .json: TextFuzz.json(bytes)
    case .lineage: StorageFuzz.lineage(bytes)
    case .metadata: StorageFuzz.metadata(bytes)
    }
  }

  /// More would only make the fuzzer slow: every limit that matters is reached with less, or has a test of its own.
  package static let inputBytes = 4_096
}

/// Takes decisions from the bytes of an input; after its end all are 0.
struct Choices {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
  }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func below(_ bound: Int) -> Int { Int(byte()) % bound }
}
