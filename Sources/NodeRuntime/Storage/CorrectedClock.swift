package import Base
import SyncSession
import Synchronization

/// A wall clock and by how much it was found to be off.
///
/// Small differences are left alone: they do no harm, and a measurement over a slow line is no better.
package final class CorrectedClock: WallClock {
  package let base: any WallClock
  private let offset: Atomic<Int64>

  /// - Parameter correction: what is added until the clock is measured, in milliseconds.
  package init(_ base: any WallClock, correction: Int64 = 0) {
    self.base = base
    offset = Atomic(correction)
  }

  package var now: WallTime { base.now.advanced(byMilliseconds: offset.load(ordering: .relaxed)) }

  /// What is added to the clock's time, in milliseconds.
  package var correction: Int64 { offset.load(ordering: .relaxed) }

  /// HQ's clock was so many milliseconds ahead.
  package func measured(_ milliseconds: Int64) {
    offset.store(ClockCorrection.offset(milliseconds), ordering: .relaxed)
  }

  /// The clock was set by so many milliseconds: what was measured is off by as much now.
  package func wasSet(byMilliseconds step: Int64) {
    guard correction != 0 else { return }
    measured(correction - step)
  }
}
