import Base
import Glibc
import Wire

/// The seed of the property tests: `SEED` from the environment, or a fixed one; printed, to run a failure again.
enum TestSeed {
  static let value: UInt64 = {
    let seed = getenv("SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_260_101
    print("SEED=\(seed)")
    return seed
  }()
}

extension SeededGenerator {
  mutating func bytes(upTo count: Int) -> [UInt8] {
    (0..<Int.random(in: 0...count, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
  }

  /// An integer of any magnitude, with the ends of each encoded width likely.
  mutating func magnitude() -> UInt64 {
    let edges: [UInt64] = [
      0, 23, 24, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, UInt64(Int64.max), .max,
    ]
    guard Bool.random(using: &self) else { return edges[Int.random(in: 0..<edges.count, using: &self)] }
    return next() >> UInt64.random(in: 0...63, using: &self)
  }

  mutating func text() -> String {
    let alphabet: [Character] = [
      "a", "z", "0", "\"", "\\", "\n", "\u{0}", "\u{E9}", "e\u{301}", "\u{6C34}", "\u{1F6D2}",
    ]
    return String((0..<Int.random(in: 0...30, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? "a" })
  }

  /// A value in the form that decoding gives: map pairs sorted, each key once.
  mutating func value(depth: Int = 4) -> CBORValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
    case 0: return .unsigned(magnitude())
    case 1: return .negative(~Int64(magnitude() & UInt64(Int64.max)))
    case 2: return .bytes(bytes(upTo: 40))
    case 3: return .text(text())
    case 4: return .boolean(Bool.random(using: &self))
    case 5: return .null
    case 6:
      return .array((0..<Int.random(in: 0...5, using: &self)).map { _ in value(depth: depth - 1) })
    default:
      var pairs: [[UInt8]: CBORValue.Pair] = [:]
      for _ in 0..<Int.random(in: 0...5, using: &self) {
        let key = value(depth: depth - 2)
        pairs[key.encoded()] = CBORValue.Pair(key, value(depth: depth - 1))
      }
      return .map(pairs.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value))
    }
  }
}
