package import Base

// Drawn by plain remainders, and not by the standard library's algorithms, so that a seed replays the same run with any
// version of the library.
extension SeededGenerator {
  /// From 0 to `bound - 1`; 0 if there is nothing to draw from.
  package mutating func below(_ bound: Int) -> Int {
    bound > 0 ? Int(truncatingIfNeeded: next() >> 1) % bound : 0
  }

  package mutating func draw(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  package mutating func draw(_ range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(below(Int(range.upperBound - range.lowerBound + 1)))
  }

  package mutating func chance(perMille: Int) -> Bool { below(1_000) < perMille }

  package mutating func pick<Item>(_ items: [Item]) -> Item {
    precondition(!items.isEmpty, "there is something to pick from")
    return items[below(items.count)]
  }
}
