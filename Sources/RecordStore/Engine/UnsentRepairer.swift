import Base
import Causality
import Merge
import StoreModel

/// The commits of one incarnation that no peer has seen.
private struct Unsent {
  let replica: ReplicaID
  /// Where in the log it first wrote.
  var start: Sequence64
  /// Its commits, each with the entry that it begins with.
  var times: [HybridTimestamp: Sequence64] = [:]
  var entries: [Sequence64: HybridTimestamp] = [:]
  var sent: Set<HybridTimestamp> = []
  /// Its latest commit that others may have seen.
  var lastSent: HybridTimestamp { sent.max() ?? .zero }
}

/// Renames the commits of this node in the unsent part of its log, and in the records that belong to it.
struct UnsentRepairer<Backend: StorageBackend> {
  let backend: Backend
  let model: Model
  var node: NodeState
  let repair: UnsentRepair

  /// - Returns: the new names of each incarnation's commits, in the order in which they were given.
  mutating func run() throws(StoreError) -> [Restamping] {
    let present = node.identity.replica
    var all = try findUnsent()
    let own = all.removeValue(forKey: present) ?? Unsent(replica: present, start: 0)
    let target = target(lastSent: own.lastSent)
    // What this node wrote as it was before has the times that it has, unless its clock was wrong.
    let earlier = all.values.filter { repair.clock != nil && !$0.times.isEmpty }.sorted { $0.start < $1.start }
    let names = names((earlier + [own]).flatMap(\.commits), target, lastSent: own.lastSent)
    // The present one first: the names that the others get are the target's, and must not be taken for its old ones.
    let parts = [own] + earlier
    let restampings = parts.map { part in
      let own = names.reduce(into: [HybridTimestamp: Stamp]()) {
        if $1.key.replica == part.replica { $0[$1.key.time] = $1.value }
      }
      let kept = part.times.keys.filter { own[$0] == nil }.max() ?? .zero
      return Restamping(replica: part.replica, lastSent: max(part.lastSent, kept), names: own)
    }
    for (part, restamping) in zip(parts, restampings) {
      for lane in Lane.allCases { try rename(lane, restamping, part) }
    }
    // Records show other versions, and perhaps other values, where no new entry tells of them.
    if restampings.contains(where: { !$0.names.isEmpty }) { try backend.setFeedTurn(backend.feedTurn() + 1) }
    node.identity.replica = target
    return restampings
  }

  private func target(lastSent: HybridTimestamp) -> ReplicaID {
    var replica = node.identity.replica
    if let incarnation = repair.incarnation { replica.incarnation = incarnation }
    if let clock = repair.clock, let spare = clock.spareIncarnation,
      lastSent.wall > clock.now.advanced(byMilliseconds: StoreLimits.clockRepairMilliseconds)
    {
      replica.incarnation = spare
    }
    return replica
  }

  /// What HQ has not seen of each incarnation of this node.
  ///
  /// A commit counts by the entry that wrote it here. One that was received is known elsewhere: it may be of another life of
  /// this node, or have been to HQ and come back with more.
  private func findUnsent() throws(StoreError) -> [ReplicaID: Unsent] {
    var all: [ReplicaID: Unsent] = [:]
    for lane in Lane.allCases {
      try forEachEntry(lane, after: 0) { entry throws(StoreError) in
        guard entry.stamp.replica.node == node.identity.replica.node else { return }
        var unsent = all[entry.stamp.replica] ?? Unsent(replica: entry.stamp.replica, start: entry.sequence)
        unsent.start = min(unsent.start, entry.sequence)
        if entry.isReceived || repair.sent.contains(entry) {
          unsent.sent.insert(entry.stamp.time)
        } else {
          unsent.times[entry.stamp.time] = min(unsent.times[entry.stamp.time] ?? .max, entry.sequence)
          unsent.entries[entry.sequence] = entry.stamp.time
        }
        all[entry.stamp.replica] = unsent
      }
    }
    return all.mapValues { unsent in
      var unsent = unsent
      for time in unsent.sent { unsent.times[time] = nil }
      return unsent
    }
  }

  /// - Parameter commits: in the order in which they are to stay.
  private mutating func names(
    _ commits: [(stamp: Stamp, sequence: Sequence64)], _ target: ReplicaID, lastSent: HybridTimestamp
  ) -> [Stamp: Stamp] {
    var names: [Stamp: Stamp] = [:]
    guard let clock = repair.clock else {
      for (stamp, _) in commits { names[stamp] = Stamp(time: stamp.time, replica: target) }
      return names
    }
    // A replica's clock never goes back behind what others have seen of it.
    var ticking = HybridClock(last: target == node.identity.replica ? lastSent : .zero)
    for (stamp, sequence) in commits {
      let isMeasured = sequence <= clock.measuredThrough
      // It may be earlier than what was sent: the lanes do not wait for each other.
      if isMeasured, stamp.time.wall <= clock.now {
        ticking.observe(stamp.time)
        continue
      }
      let wall = min(stamp.time.wall.advanced(byMilliseconds: isMeasured ? 0 : clock.offset), clock.now)
      names[stamp] = Stamp(time: ticking.tick(wall: wall), replica: target)
    }
    node.clock = ticking
    return names
  }

  private func rename(_ lane: Lane, _ restamping: Restamping, _ unsent: Unsent) throws(StoreError) {
    try forEachEntry(lane, after: repair.sent.cursors[lane]) { entry throws(StoreError) in
      let stamp = restamping.name(entry.stamp)
      if stamp != entry.stamp { try backend.setStamp(stamp, ofEntry: entry) }
      for ref in entry.records {
        // A record belongs to its last entry; if others have seen that, they have seen all of it.
        guard var stored = try backend.read(ref), stored.sequence == entry.sequence, let state = stored.state else {
          continue
        }
        let schema = model.entity(state.entity)
        let steps = try backend.counterSteps(of: ref, after: 0).filter { step in
          unsent.entries[step.sequence].map { restamping.names[$0] != nil } ?? false
        }
        let renamed = state.restamped(restamping, isImmutable: schema?.mutability == .immutable) { tag in
          steps.lazy.filter { $0.field == tag }.reduce(0) { $0.addingSaturating($1.difference) }
        }
        guard renamed != state else { continue }
        let before = stored
        stored.body = .held(renamed)
        try backend.update(stored)
        guard let schema else { continue }
        var transaction = StoreTransaction(
          backend: backend, model: model, node: node, wall: renamedAt, rules: FactRules.Table(model))
        // Which of two values is shown goes by their stamps.
        let change = StoreTransaction<Backend>.Change(stored: before, state: renamed)
        try transaction.updateBalances(change, schema)
        try transaction.updateConflictCases(change, schema)
      }
    }
  }

  private var renamedAt: WallTime { repair.clock?.now ?? node.clock.last.wall }

  private func forEachEntry(
    _ lane: Lane, after start: Sequence64, _ body: (LogEntry) throws(StoreError) -> Void
  ) throws(StoreError) {
    var position = start
    while true {
      let entries = try backend.logEntries(lane: lane, after: position, limit: 256)
      guard let last = entries.last else { return }
      for entry in entries { try body(entry) }
      position = last.sequence
    }
  }
}

extension Unsent {
  fileprivate var commits: [(stamp: Stamp, sequence: Sequence64)] {
    times.sorted { $0.key < $1.key }.map { (Stamp(time: $0.key, replica: replica), $0.value) }
  }
}
