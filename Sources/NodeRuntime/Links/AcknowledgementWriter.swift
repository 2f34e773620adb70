import Causality
import Dispatch
import RecordStore
import StoreModel

/// Writes down how far peers have taken the log, now and then: the peer itself is the truth about it, and what is kept
/// here only serves `status` while it is away, and at a store `purge`, which takes what HQ has had for some days.
///
/// Confined to `queue` (`@unchecked Sendable`).
final class AcknowledgementWriter: @unchecked Sendable {
  /// One transaction at most in this time, however many acknowledgements come in.
  private static let pauseMilliseconds = 1_000

  private let gate: StoreGate
  private let queue: DispatchQueue
  private var unwritten: [NodeNumber: LaneMap<Sequence64>] = [:]
  private var isScheduled = false

  init(gate: StoreGate, queue: DispatchQueue) {
    self.gate = gate
    self.queue = queue
  }

  func note(_ acknowledged: LaneMap<Sequence64>, by peer: NodeNumber) {
    dispatchPrecondition(condition: .onQueue(queue))
    unwritten[peer] = acknowledged
    guard !isScheduled else { return }
    isScheduled = true
    queue.asyncAfter(deadline: .now() + .milliseconds(Self.pauseMilliseconds)) { self.flush {} }
  }

  func flush(_ completion: @escaping @Sendable () -> Void) {
    dispatchPrecondition(condition: .onQueue(queue))
    isScheduled = false
    let batch = unwritten
    unwritten = [:]
    guard !batch.isEmpty else { return completion() }
    let now = gate.clock.now
    gate.write { engine throws(StoreError) in
      try engine.noteAcknowledged(batch.map { (peer: $0.key, through: $0.value) })
      if let hq = batch[.hq] { try NodeSettings.noteDay(of: hq, at: now, in: engine) }
    } completion: { _ in
      completion()
    }
  }
}
