package import Causality
import Merge
import StoreModel

/// What a peer has not durably taken yet of a node's log.
package struct PendingSummary: Hashable, Sendable {
  /// Commit groups that hold something for the peer.
  package var groups = 0
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
      var looked = 0
      for lane in Lane.allCases {
        var after = acknowledged[lane]
        while true {
          let entries = try backend.logEntries(lane: lane, after: after, limit: 256)
          guard let last = entries.last else { break }
          for entry in entries where try concerns(entry, peer, peerLog) {
            summary.groups += 1
            summary.oldest = min(summary.oldest ?? entry.stamp.time, entry.stamp.time)
          }
          after = last.sequence
          looked += entries.count
          if looked >= entryLimit {
            summary.isAtLeast = true
            return summary
          }
        }
      }
      return summary
    }
  }

  private func concerns(_ entry: LogEntry, _ peer: NodeNumber, _ peerLog: PeerLog?) throws(StoreError) -> Bool {
    guard !entry.wasSent(by: peer, peerLog), entry.audience.mayConcern(peer) else { return false }
    for ref in entry.records {
      guard let stored = try backend.read(ref), stored.sequence == entry.sequence, let state = stored.state else {
        continue
      }
      let isInScope = model.entity(state.entity).map { state.scope($0).contains(peer) } ?? (peer == .hq)
      if isInScope { return true }
      if try backend.departures(of: ref).contains(peer) { return true }
    }
    return false
  }
}
