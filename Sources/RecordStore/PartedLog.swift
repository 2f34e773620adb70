import Causality
import StoreModel

/// A log of a peer of which this node has had more than the peer shows now: it is on another disk, one that was put away, lost or
/// copied, and may come again.
package struct PartedLog: Hashable, Sendable {
  /// As it was when the peer last showed it.
  package var log: Lineage
  /// What this node has had of it.
  package var coverage: LogCoverage

  package init(log: Lineage, coverage: LogCoverage) {
    self.log = log
    self.coverage = coverage
  }

  /// What of it the peer's log as it is now has as well; nil if the two have nothing in common that is remembered.
  package func coverage(in log: Lineage) -> LogCoverage? {
    guard let end = self.log.shared(with: log) else { return nil }
    var shared = LaneMap<Sequence64>(repeating: 0)
    for lane in Lane.allCases { shared[lane] = min(coverage.cursors[lane], end) }
    return LogCoverage(cursors: shared, brought: coverage.brought.beyond(shared, through: end))
  }

  /// Whether the peer's log as it is now has all of it that this node has had.
  package func isHeld(by log: Lineage) -> Bool {
    coverage(in: log) == LogCoverage(cursors: coverage.cursors).union(coverage)
  }
}

extension LogCoverage {
  /// What either has, of one log.
  package func union(_ other: LogCoverage) -> LogCoverage {
    var both = LogCoverage(cursors: cursors, brought: LaneMap(repeating: []))
    for lane in Lane.allCases { both.cursors[lane] = max(cursors[lane], other.cursors[lane]) }
    both.brought = brought.union(other.brought, limit: .max).beyond(both.cursors, through: .max)
    return both
  }
}
