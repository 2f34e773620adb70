import RecordStore
import StoreModel
import Wire

/// The receiving half of a link: the peer's log on its way into this node's store.
struct Inbound {
  let epoch: Epoch
  /// Where each lane's next batch starts.
  private(set) var expected: LaneMap<Sequence64>
  /// Received and not yet durable, in order.
  private var pending: [Pending] = []
  private var pendingBytes = LaneMap<UInt64>(repeating: 0)

  private struct Pending: Hashable {
    var lane: Lane
    var through: Sequence64
    var bytes: UInt64
  }

  init(epoch: Epoch, cursors: LaneMap<Sequence64>) {
    self.epoch = epoch
    expected = cursors
  }

  var isQuiet: Bool { pending.isEmpty }

  /// Takes a batch into account.
  /// - Returns: what is wrong with it, if it breaks the protocol.
  mutating func received(_ batch: Batch) -> Refusal? {
    guard batch.after == expected[batch.lane], batch.through > batch.after else {
      return Refusal(
        .wrongCursor,
        "a batch from \(batch.after) to \(batch.through), expected one that starts after \(expected[batch.lane])")
    }
    let bytes = UInt64(batch.payload.count)
    guard pendingBytes[batch.lane] + bytes <= SessionLimits.windowBytes + SessionLimits.windowSlackBytes else {
      return Refusal(.protocolError, "found \(pendingBytes[batch.lane] + bytes) bytes on their way, above the window")
    }
    guard batch.contentsBytes <= UInt64(WireLimits.maximumContentsBytes) else {
      return Refusal(
        .protocolError,
        "found contents of \(batch.contentsBytes) bytes, expected at most \(WireLimits.maximumContentsBytes)")
    }
    expected[batch.lane] = batch.through
    pending.append(Pending(lane: batch.lane, through: batch.through, bytes: bytes))
    pendingBytes[batch.lane] += bytes
    return nil
  }

  /// The oldest batch is durable.
  mutating func stored(_ lane: Lane, results: [GroupResult]) -> Acknowledgement {
    precondition(pending.first?.lane == lane, "batches become durable in the order in which they came")
    let first = pending.removeFirst()
    pendingBytes[first.lane] -= first.bytes
    return Acknowledgement(lane: lane, through: first.through, exceptions: results.exceptions)
  }
}

extension [GroupResult] {
  fileprivate var exceptions: [Acknowledgement.Exception] {
    enumerated().compactMap { index, result in
      switch result {
      case .applied: nil
      case .parked(let code, let reason):
        Acknowledgement.Exception(index: UInt64(index), outcome: .parked, code: code, reason: reason.clipped)
      case .refused(let code, let reason):
        Acknowledgement.Exception(index: UInt64(index), outcome: .refused, code: code, reason: reason.clipped)
      }
    }
  }
}

extension String {
  /// Short enough for a message; the whole reason stays with the parked group.
  fileprivate var clipped: String { String(prefix(500)) }
}
