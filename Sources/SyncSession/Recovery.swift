package import Base
import Causality
package import Merge
package import RecordStore
import StoreModel
package import Wire

// How HQ and a store come back to terms after a database was put back to an earlier state, or a clock was wrong: the same
// for the daemons and for a simulation.

extension RecordStore {
  // MARK: HQ

  /// Where a store goes on in HQ's log. An older program takes it from the beginning where the epoch is another.
  package func resumption(of hello: Hello) throws(StoreError) -> LaneMap<Sequence64> {
    guard hello.ancestors == nil else { return try resumption(of: hello.cursors, in: hello.peerLog) }
    return hello.peerEpoch == identity.epoch ? hello.cursors : LaneMap(repeating: 0)
  }

  /// Whether a store has more of HQ than HQ has, so that HQ's own database was put back to an earlier state.
  package func hasLost(
    _ hello: Hello, resumingAt resumption: LaneMap<Sequence64>, _ history: StoreHistory?
  ) -> Bool {
    Lane.allCases.contains { hello.cursors[$0] > resumption[$0] } || history?.isBehind(hello.token) == true
  }

  // MARK: A store

  /// Takes note of what a welcome has told, and sets right the stamps of what HQ has not seen if the clock was wrong.
  /// - Parameters:
  ///   - measured: this node's clock, with the welcome.
  ///   - correction: what has been added to that clock for stamps since the last measurement, in milliseconds.
  ///   - keepToken: writes down HQ's session token.
  /// - Returns: which commits got new stamps; nil if all was well.
  package func keep(
    _ keeping: Keeping, measured: WallTime, correction: Int64, spareIncarnation: UInt32,
    keepToken: ([UInt8]) throws(StoreError) -> Void
  ) throws(StoreError) -> [Restamping]? {
    if let log = keeping.log {
      _ = try meet(.hq, log, resumingAt: keeping.resumption, spareIncarnation: spareIncarnation)
    }
    if let token = keeping.token { try keepToken(token) }
    return try repairClock(
      sent: keeping.sent, offset: keeping.clock.milliseconds(since: measured) - correction, correction: correction,
      now: keeping.clock, spareIncarnation: spareIncarnation)
  }

  /// Does what a refusal asks for before the next attempt.
  /// - Returns: which commits got new stamps; nil if the refusal asks for nothing.
  package func answer(_ refusal: Refusal, newIncarnation: UInt32) throws(StoreError) -> [Restamping]? {
    guard Refusal.Code(rawValue: refusal.code) == .restored, let sent = refusal.coverage else { return nil }
    return try repairUnsent(UnsentRepair(sent: sent, incarnation: newIncarnation, clock: nil))
  }
}

/// By how much a node corrects its wall clock.
package enum ClockCorrection {
  /// Small differences are left alone: they do no harm, and a measurement over a slow line is no better.
  /// - Parameter measured: how far HQ's clock was ahead.
  package static func offset(_ measured: Int64) -> Int64 {
    measured.magnitude > StoreLimits.clockRepairMilliseconds.magnitude ? measured : 0
  }
}
