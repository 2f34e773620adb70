import Base
import Merge
import RecordStore
import SQLiteStore
import SyncSession
import Wire

/// How a store comes back to terms with HQ after its database was restored, or its clock was wrong; in words, for a person.
enum Recovery {
  /// Keeps what a welcome has told, and sets right the stamps of what HQ has not seen if the clock was wrong.
  /// - Returns: what was set right; nil if nothing was.
  static func keep(
    _ keeping: Keeping, in engine: StoreGate.Engine, _ clock: CorrectedClock
  ) throws(StoreError) -> String? {
    let measured = clock.base.now
    let repaired = try engine.keep(
      keeping, measured: measured, correction: clock.correction, spareIncarnation: .random(in: .min ... .max)
    ) { token throws(StoreError) in
      try NodeSettings.save(sessionToken: token, in: engine)
    }
    clock.measured(keeping.clock.milliseconds(since: measured))
    return repaired.map {
      "this machine's clock says \(RFC3339.format(measured)), HQ's \(RFC3339.format(keeping.clock)); \($0.commitCount) "
        + "commits that HQ has not seen were stamped anew. Set the clock, and look at its battery"
    }
  }

  /// Does what a refusal asks for before the next attempt.
  /// - Returns: what was done; nil if the refusal asks for nothing.
  static func answer(
    _ refusal: Refusal, in engine: StoreGate.Engine
  ) throws(StoreError) -> String? {
    let repaired = try engine.answer(refusal, newIncarnation: .random(in: .min ... .max))
    guard let count = repaired?.commitCount else { return nil }
    return
      "this database was put back to an earlier state. What it had sent since comes back from HQ; \(count) commits "
      + "that HQ has not seen go on as \(engine.identity.replica)"
  }
}
