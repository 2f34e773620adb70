package import Causality
import Merge
import StoreModel

/// What a peer has not durably taken yet of a node's log.
package struct PendingSummary: Hashable, Sendable {
  /// Commit groups that hold something for the peer.
  package var groups = 0
  /// Bytes of their records, about.
  package var bytes = 0
  /// The first of the log's entries that are pending; 0 if there is none.
  package var firstSequence: Sequence64 = 0
  /// The time of the oldest of them.
  package var oldest: HybridTimestamp?
  /// Whether counting ended at its limit.
  package var isAtLeast = false

  package init() {}
}

extension StoreEngine {
  /// Counts what the peer lacks beyond `acknowledged`, looking at `entryLimit` log entries at the most.
  package func pending(
    for peer: NodeNumber, beyond acknowledged: LaneMap<Sequence64>, entryLimit: Int
  ) throws(StoreError) -> PendingSummary {
    try backend.transaction { () throws(StoreError) -> PendingSummary in
      let peerLog = try backend.peerLog(peer)
      var summary = PendingSummary()
      var left = entryLimit
      for lane in Lane.allCases where !summary.isAtLeast {
        try count(lane, for: peer, peerLog, after: acknowledged[lane], page: 256, &left, into: &summary)
      }
      return summary
    }
  }

  /// The same lane by lane, looking at `entryLimit` entries of each at the most.
  package func backlog(
    for peer: NodeNumber, beyond acknowledged: LaneMap<Sequence64>, entryLimit: Int
  ) throws(StoreError) -> LaneMap<PendingSummary> {
    try backend.transaction { () throws(StoreError) -> LaneMap<PendingSummary> in
      let peerLog = try backend.peerLog(peer)
      var summaries = LaneMap(repeating: PendingSummary())
      for lane in Lane.allCases {
        var left = entryLimit
        try count(
          lane, for: peer, peerLog, after: acknowledged[lane], page: min(entryLimit, 256), &left,
          into: &summaries[lane])
      }
      return summaries
    }
  }

  /// Adds what the peer lacks of a lane. Ends once it has looked at more than is left to look at.
  private func count(
    _ lane: Lane, for peer: NodeNumber, _ peerLog: PeerLog?, after first: Sequence64, page: Int, _ left: inout Int,
    into summary: inout PendingSummary
  ) throws(StoreError) {
    var after = first
    while true {
      let entries = try backend.logEntries(lane: lane, after: after, limit: page)
      guard let last = entries.last else { return }
      for entry in entries {
        let bytes = try bytes(of: entry, for: peer, peerLog)
        guard bytes > 0 else { continue }
        summary.groups += 1
        summary.bytes += bytes
        summary.firstSequence =
          summary.firstSequence == 0 ? entry.sequence : min(summary.firstSequence, entry.sequence)
        summary.oldest = min(summary.oldest ?? entry.stamp.time, entry.stamp.time)
      }
      after = last.sequence
      left -= entries.count
      guard left > 0 else {
        summary.isAtLeast = true
        return
      }
    }
  }

  /// About how many bytes the peer is still to have of an entry; 0 if nothing.
  private func bytes(of entry: LogEntry, for peer: NodeNumber, _ peerLog: PeerLog?) throws(StoreError) -> Int {
    guard !entry.wasSent(by: peer, peerLog), entry.audience.mayConcern(peer) else { return 0 }
    var bytes = 0
    for ref in entry.records {
      guard let stored = try backend.read(ref), stored.sequence == entry.sequence, let state = stored.state else {
        continue
      }
      let isInScope = model.entity(state.entity).map { state.scope($0).contains(peer) } ?? (peer == .hq)
      if isInScope {
        bytes += max(1, state.approximateByteCount)
      } else if try backend.departures(of: ref).contains(peer) {
        bytes += max(1, state.id.bytes.count)
      }
    }
    return bytes
  }

  /// How far a peer is with what was there when it first came with its log, in per cent; nil once it has all of that.
  package func firstLoad(of peer: NodeNumber, _ pending: PendingSummary) throws(StoreError) -> Int? {
    guard pending.firstSequence > 0, let log = try backend.peerLog(peer), pending.firstSequence <= log.metAt else {
      return nil
    }
    return Int((pending.firstSequence - 1) * 100 / max(1, log.metAt))
  }
}
