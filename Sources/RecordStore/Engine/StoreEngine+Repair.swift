package import Base
import Causality
package import Merge
import StoreModel

// Moving what nobody has seen to other stamps.

/// What is to become of the commits that no peer has seen.
package struct UnsentRepair: Hashable, Sendable {
  /// What HQ has of this node's log: nobody else has seen the rest.
  package var sent: LogCoverage
  /// The incarnation that they move to, and that the node goes on with; nil to stay.
  package var incarnation: UInt32?
  /// By how much the wall clock was wrong, and what time it is really; nil to keep the times.
  package var clock: ClockRepair?

  package init(sent: LogCoverage, incarnation: UInt32?, clock: ClockRepair?) {
    self.sent = sent
    self.incarnation = incarnation
    self.clock = clock
  }
}

package struct ClockRepair: Hashable, Sendable {
  /// What is added to a time that the clock has given, in milliseconds.
  package var offset: Int64
  /// Commits up to this entry were stamped by a clock that had been measured, and keep their times.
  package var measuredThrough: Sequence64
  /// The time by HQ's clock: no repaired stamp lies beyond it, except to keep the order.
  package var now: WallTime
  /// The incarnation to move to if stamps of the present one that others have seen are themselves ahead: its clock can't go back.
  package var spareIncarnation: UInt32?

  package init(
    offset: Int64, now: WallTime, measuredThrough: Sequence64 = 0, spareIncarnation: UInt32? = nil
  ) {
    self.measuredThrough = measuredThrough
    self.offset = offset
    self.now = now
    self.spareIncarnation = spareIncarnation
  }
}

extension StoreEngine {
  /// Gives the commits that nobody has seen new stamps, in order, in one transaction.
  /// - Returns: which commits they are and their names now, for each incarnation, in the order in which they were renamed.
  package func repairUnsent(_ repair: UnsentRepair) throws(StoreError) -> [Restamping] {
    try change { (node) throws(StoreError) in
      var repairer = UnsentRepairer(backend: backend, model: model, node: node, repair: repair)
      let restampings = try repairer.run()
      node = repairer.node
      return restampings
    }
  }

  /// Sets right what HQ has not seen, if this node's clock was wrong: now, by the difference to HQ's clock, or earlier, by stamps
  /// ahead of it. What it stamps from now on counts as right, as long as it runs.
  /// - Parameters:
  ///   - offset: how far HQ's clock is ahead of the one by which this node stamps, corrected as that may be.
  ///   - correction: what is added to the machine's clock to make that one.
  /// - Returns: which commits got new stamps; nil if all was well.
  package func repairClock(
    sent: LogCoverage, offset: Int64, correction: Int64, now: WallTime, spareIncarnation: UInt32
  ) throws(StoreError) -> [Restamping]? {
    let isOff = offset.magnitude > StoreLimits.clockRepairMilliseconds.magnitude
    let isAhead = try isClockAhead(of: now)
    let hasUnsent = try hasUnsent(beyond: sent)
    let difference = offset.addingSaturating(correction)
    guard isAhead || isOff && hasUnsent else {
      try noteMeasured(difference, at: now)
      return nil
    }
    let clock = ClockRepair(
      offset: isOff ? offset : 0, now: now, measuredThrough: try backend.clockMeasurement().through,
      spareIncarnation: spareIncarnation)
    let restampings = try repairUnsent(UnsentRepair(sent: sent, incarnation: nil, clock: clock))
    try noteMeasured(difference, at: now)
    return restampings
  }

  /// All that is there has the right time, and so has what this run of the node adds.
  private func noteMeasured(_ difference: Int64, at now: WallTime) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      try backend.setClockMeasurement(ClockMeasurement(through: node.head, epoch: node.identity.epoch))
      try backend.setLastWelcome(LastWelcome(epoch: node.identity.epoch, clockDifference: difference, time: now))
    }
  }

  private func isClockAhead(of now: WallTime) throws(StoreError) -> Bool {
    try backend.loadNode().clock.last.wall
      > now.advanced(byMilliseconds: StoreLimits.clockRepairMilliseconds)
  }

  private func hasUnsent(beyond sent: LogCoverage) throws(StoreError) -> Bool {
    for lane in Lane.allCases {
      var position = sent.cursors[lane]
      while true {
        let entries = try backend.logEntries(lane: lane, after: position, limit: 256)
        let own = entries.filter { $0.stamp.replica.node == identity.replica.node && !$0.isReceived }
        if own.contains(where: { !sent.contains($0) }) { return true }
        guard let last = entries.last else { break }
        position = last.sequence
      }
    }
    return false
  }
}
