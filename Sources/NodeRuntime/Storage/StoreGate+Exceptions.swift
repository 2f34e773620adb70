import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Wire

extension StoreGate {
  /// Writes down what a peer says that it has not applied, so that `status` knows it after a restart.
  func noteNotApplied(
    _ exceptions: [Acknowledgement.Exception], of stamps: [Stamp?], by peer: NodeNumber, _ lane: Lane,
    after: Sequence64, through: Sequence64
  ) {
    guard !exceptions.isEmpty else { return }
    let groups = zip(exceptions, stamps).map { exception, stamp in
      NotApplied(outcome: "\(exception.outcome)", code: exception.code, reason: exception.reason, stamp: stamp)
    }
    let now = clock.now
    write { engine throws(StoreError) in
      try engine.noteNotApplied(groups, by: peer, lane: lane, after: after, through: through, at: now)
    } completion: { _ in
    }
  }

  /// Reads a parked group's bytes as those of a batch are read.
  static func decodeParked(_ payload: [UInt8]) -> IncomingGroup { SessionPerformer.decodeParked(payload) }
}
