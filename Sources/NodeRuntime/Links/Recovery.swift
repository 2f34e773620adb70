import Base
import Causality
import RecordStore
import SQLiteStore
import SyncSession
import Wire

/// How a store comes back to terms with HQ after its database was restored, or its clock was wrong.
enum Recovery {
  /// Keeps what a welcome has told, and sets right the stamps of what HQ has not seen if the clock was wrong.
  /// - Returns: what was set right; nil if nothing was.
  static func keep(
    _ keeping: Keeping, in engine: StoreGate.Engine, _ clock: CorrectedClock
  ) throws(StoreError) -> String? {
    let measured = clock.base.now
    let offset = keeping.clock.milliseconds(since: measured)
    if let log = keeping.log { _ = try engine.meet(.hq, log, resumingAt: keeping.resumption) }
    if let token = keeping.token { try NodeSettings.save(sessionToken: token, in: engine) }
    let repaired = try engine.repairClock(
      sent: keeping.sent, offset: offset, now: keeping.clock, spareIncarnation: .random(in: .min ... .max))
    clock.measured(offset)
    return repaired.map {
      "this machine's clock says \(RFC3339.format(measured)), HQ's \(RFC3339.format(keeping.clock)); \($0) commits that HQ "
        + "has not seen were stamped anew. Set the clock, and look at its battery"
    }
  }

  /// Does what a refusal asks for before the next attempt.
  /// - Returns: what was done; nil if the refusal asks for nothing.
  static func answer(
    _ refusal: Refusal, in engine: StoreGate.Engine, _ clock: CorrectedClock
  ) throws(StoreError) -> String? {
    guard let sent = refusal.cursors else { return nil }
    switch Refusal.Code(rawValue: refusal.code) {
    case .restored:
      let count = try engine.repairUnsent(
        UnsentRepair(sent: sent, incarnation: .random(in: .min ... .max), clock: nil))
      return
        "this database was put back to an earlier state. What it had sent since comes back from HQ; \(count) commits "
        + "that HQ has not seen go on as \(engine.identity.replica)"
    case .clock:
      let repair = ClockRepair(offset: 0, now: clock.now, spareIncarnation: .random(in: .min ... .max))
      let count = try engine.repairUnsent(UnsentRepair(sent: sent, incarnation: nil, clock: repair))
      return "stamps ahead of HQ's clock: \(count) commits that HQ has not seen were stamped anew"
    default: return nil
    }
  }
}
