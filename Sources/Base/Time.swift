/// A point in civil time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
///
/// Wall clocks jump, backwards too. Nothing in the engine orders events by them alone: see `HybridTimestamp`.
package struct WallTime: Hashable, Comparable, Sendable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.milliseconds < right.milliseconds
  }

  /// The time `milliseconds` later; saturates at the ends of the range instead of trapping.
  package func advanced(byMilliseconds milliseconds: Int64) -> WallTime {
    let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
    guard !overflow else { return WallTime(milliseconds: milliseconds < 0 ? .min : .max) }
    return WallTime(milliseconds: sum)
  }

  /// How much later this is than another time; saturates, because a peer may say any time at all.
  package func milliseconds(since other: WallTime) -> Int64 {
    let (difference, overflow) = milliseconds.subtractingReportingOverflow(other.milliseconds)
    return overflow ? (milliseconds < other.milliseconds ? .min : .max) : difference
  }
}

/// A point on a clock that never jumps, in milliseconds since an origin of its own. For time-outs and pacing only.
package struct Instant: Hashable, Comparable, Sendable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.milliseconds < right.milliseconds
  }

  /// The instant `milliseconds` later; saturates instead of trapping.
  package func advanced(byMilliseconds milliseconds: Int64) -> Instant {
    let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
    guard !overflow else { return Instant(milliseconds: milliseconds < 0 ? .min : .max) }
    return Instant(milliseconds: sum)
  }
}

/// Where the engine reads civil time. A parameter everywhere, so that a simulation and a test can own the time.
package protocol WallClock: Sendable {
  var now: WallTime { get }
}
