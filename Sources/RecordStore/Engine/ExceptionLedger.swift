package import Base
package import Causality
import Merge
package import StoreModel

/// What is not applied between this node and a peer, kept up to date while a batch is taken in: a state that comes from
/// the peer and covers what was not applied shows that it has been since, at whichever end.
struct ExceptionLedger<Backend: StorageBackend> {
  private let backend: Backend
  private let peer: NodeNumber
  private var known: [PeerException]

  init(_ backend: Backend, peer: NodeNumber) throws(StoreError) {
    self.backend = backend
    self.peer = peer
    known = try backend.exceptions(of: peer)
  }

  mutating func note(_ result: GroupResult, of incoming: IncomingGroup, at wall: WallTime) throws(StoreError) {
    switch result {
    case .parked: return
    case .applied: if !known.isEmpty, let group = incoming.group { try clear(group) }
    case .refused(let code, let reason):
      guard let group = incoming.group else { return }
      // The same group comes again after a restore or with a new log; it is one refusal all the same.
      guard !known.contains(where: { $0.side == .here && $0.stamp == group.stamp }) else { return }
      try backend.put(
        PeerException(
          number: 0, peer: peer, side: .here, notedAt: wall, outcome: "refused", code: code, reason: reason,
          sequence: 0, stamp: group.stamp, keys: group.records.map(\.key) + group.evictions.map(\.key)))
      if known.count >= StoreLimits.exceptionCount, let oldest = known.first {
        try backend.removeException(oldest.number)
      }
      known = try backend.exceptions(of: peer)
    }
  }

  private mutating func clear(_ group: CommitGroup) throws(StoreError) {
    var rest: [PeerException] = []
    for var exception in known {
      guard let stamp = exception.stamp else {
        rest.append(exception)
        continue
      }
      let before = exception.keys.count
      exception.keys.removeAll { key in
        group.records.contains { $0.key == key && $0.vector.covers(stamp) }
      }
      if exception.keys.isEmpty {
        try backend.removeException(exception.number)
      } else {
        if exception.keys.count != before { try backend.put(exception) }
        rest.append(exception)
      }
    }
    known = rest
  }
}

extension StoreEngine {
  /// Writes down that a peer has not applied groups of this node's log, which lie after one sequence of a lane and not
  /// beyond another.
  package func noteNotApplied(
    _ groups: [NotApplied], by peer: NodeNumber, lane: Lane, after: Sequence64, through: Sequence64, at wall: WallTime
  ) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      let log = try backend.peerLog(peer)
      let entries = try backend.logEntries(lane: lane, after: after, limit: StoreLimits.exceptionScanCount)
        .filter { $0.sequence <= through && !$0.wasSent(by: peer, log) }
      for group in groups {
        // Only where it is known which group is meant, a later state of its records clears it by itself.
        let isAlone = groups.count == 1 && entries.count == 1
        let entry = isAlone ? entries.first : entries.first { $0.stamp == group.stamp }
        var keys: [RecordKey] = []
        for ref in entry?.records ?? [] {
          if let stored = try backend.read(ref), stored.sequence == entry?.sequence { keys.append(stored.key) }
        }
        try backend.put(
          PeerException(
            number: 0, peer: peer, side: .there, notedAt: wall, outcome: group.outcome, code: group.code,
            reason: group.reason, sequence: keys.isEmpty ? 0 : entry?.sequence ?? 0,
            stamp: keys.isEmpty ? nil : entry?.stamp, keys: keys))
      }
      for oldest in try backend.exceptions(of: peer).dropLast(StoreLimits.exceptionCount) {
        try backend.removeException(oldest.number)
      }
    }
  }

  /// What is not applied between this node and a peer, either way. What has been written again since and was taken then
  /// counts no more.
  package func exceptions(
    of peer: NodeNumber, acknowledged: LaneMap<Sequence64>
  ) throws(StoreError) -> [PeerException] {
    let all = try backend.exceptions(of: peer)
    var standing: [PeerException] = []
    for exception in all where try !isSuperseded(exception, all, acknowledged) { standing.append(exception) }
    return standing
  }

  private func isSuperseded(
    _ exception: PeerException, _ all: [PeerException], _ acknowledged: LaneMap<Sequence64>
  ) throws(StoreError) -> Bool {
    guard exception.side == .there, exception.sequence > 0 else { return false }
    for key in exception.keys {
      guard let stored = try backend.find(key), stored.sequence > exception.sequence,
        let entry = try backend.logEntry(stored.sequence), entry.origin == nil,
        entry.sequence <= acknowledged[entry.lane],
        // An exception of which it is not known which group it was may be this one.
        !all.contains(where: { $0.side == .there && ($0.sequence == entry.sequence || $0.sequence == 0) })
      else { return false }
    }
    return true
  }

  /// Takes exceptions off the list: a person has seen to them.
  package func forgetExceptions(_ numbers: [Int64]) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      for number in numbers { try backend.removeException(number) }
    }
  }
}
