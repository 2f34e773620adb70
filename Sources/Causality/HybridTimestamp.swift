package import Base

/// A hybrid logical clock reading: 48 bits of milliseconds since 1970 and a 16-bit counter, in one word whose order is
/// the order of the readings (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014, §6.2).
package struct HybridTimestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Milliseconds in the upper 48 bits, the counter in the lower 16.
  package var rawValue: UInt64

  /// The largest time that fits 48 bits: in the year 10889.
  package static let maximumMilliseconds: Int64 = 1 << 48 - 1

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Times before 1970 and after `maximumMilliseconds` are clamped: a clock may be that wrong, and must not trap.
  package init(wall: WallTime, counter: UInt16 = 0) {
    let clamped = min(max(wall.milliseconds, 0), Self.maximumMilliseconds)
    rawValue = UInt64(clamped) << 16 | UInt64(counter)
  }

  package var wall: WallTime { WallTime(milliseconds: Int64(rawValue >> 16)) }
  package var counter: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

  /// Before every reading of every clock; a version vector's entry for a replica that it does not name.
  package static let zero = HybridTimestamp(rawValue: 0)

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  package var description: String { "\(wall.milliseconds).\(counter)" }
}

/// The clock that stamps a replica's commits: strictly increasing whatever the wall clock does.
package struct HybridClock: Hashable, Sendable {
  /// The highest reading given out or observed.
  package private(set) var last: HybridTimestamp

  /// The latest reading (in the year 6429) that a clock follows, its wall clock's or a peer's. The half of the range
  /// beyond it is kept for counting, more than any replica can, so that no reading, however wrong, exhausts the clock.
  private static let ceiling = HybridTimestamp(rawValue: 1 << 63)

  package init(last: HybridTimestamp = .zero) {
    self.last = last
  }

  /// The next reading: the wall clock's where that is ahead, otherwise one past the last, so that a wall clock that
  /// jumps back never breaks local order. A counter that is full carries into the milliseconds.
  package mutating func tick(wall: WallTime) -> HybridTimestamp {
    let now = min(HybridTimestamp(wall: wall), Self.ceiling)
    last = now > last ? now : HybridTimestamp(rawValue: last.rawValue + 1)
    return last
  }

  /// Takes note of a peer's reading, so that what this replica writes next is stamped after all that it has seen.
  /// The caller has checked the reading against the tolerance: a clock follows whatever it is shown.
  package mutating func observe(_ other: HybridTimestamp) {
    last = max(last, min(other, Self.ceiling))
  }
}
