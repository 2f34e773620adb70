import RecordStore
import StoreModel
import Wire

/// The receiving half of a link: the peer's log on its way into this node's store.
struct Inbound {
  let epoch: Epoch
  /// Where each lane's next batch starts.
  private(set) var expected: LaneMap<Sequence64>
  /// What of it is durable.
  private(set) var durable: LaneMap<Sequence64>
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
    durable = cursors
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
    guard pending.count < SessionLimits.windowBatches * Lane.allCases.count else {
      return Refusal(
        .protocolError,
        "found \(pending.count + 1) batches on their way, expected at most \(SessionLimits.windowBatches) a lane")
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
    durable[first.lane] = first.through
    return Acknowledgement(lane: lane, through: first.through, exceptions: results.exceptions)
  }
}

extension [GroupResult] {
  fileprivate var exceptions: [Acknowledgement.Exception] {
    let count = count { $0 != .applied }
    // All of them must fit one frame; the whole reason stays with the parked group.
    let reasonBytes = Swift.min(SessionLimits.reasonBytes, SessionLimits.allReasonsBytes / Swift.max(count, 1))
    func exception(
      _ index: Int, _ outcome: Acknowledgement.Exception.Outcome, _ code: String, _ reason: String
    ) -> Acknowledgement.Exception {
      Acknowledgement.Exception(
        index: UInt64(index), outcome: outcome, code: code.clipped(toBytes: SessionLimits.codeBytes),
        reason: reason.clipped(toBytes: reasonBytes))
    }
    return enumerated().compactMap { index, result in
      switch result {
      case .applied: nil
      case .parked(let code, let reason): exception(index, .parked, code, reason)
      case .refused(let code, let reason): exception(index, .refused, code, reason)
      }
    }
  }
}

extension String {
  /// As many whole Unicode scalars as fit: a character may be of any length.
  fileprivate func clipped(toBytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var clipped = String.UnicodeScalarView()
    var count = 0
    for scalar in unicodeScalars {
      count += UTF8.width(scalar)
      guard count <= limit else { break }
      clipped.append(scalar)
    }
    return String(clipped)
  }
}
