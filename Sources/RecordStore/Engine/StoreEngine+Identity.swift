package import Base
package import Causality
package import Merge
import StoreModel

extension StoreEngine {
  /// Begins to write as another incarnation, without a new log: what the present one has written stays as it is.
  package func takeIncarnation(_ incarnation: UInt32) throws(StoreError) {
    try change { (node) throws(StoreError) in node.identity.replica.incarnation = incarnation }
  }
}

extension StoreEngine {
  /// This node's log, and the ones that it went on from.
  package func lineage() throws(StoreError) -> Lineage {
    Lineage(epoch: try backend.loadNode().identity.epoch, ancestors: try backend.ancestors(of: nil))
  }

  /// A node starts: its log goes on under a new epoch. Should this database be an earlier state of the node's, the peers
  /// find out by the epoch where the two parted.
  /// - Parameter incarnation: what the node writes as from now on, where it is known to have been restored or copied.
  package func begin(_ epoch: Epoch, incarnation: UInt32? = nil) throws(StoreError) {
    try change { (node) throws(StoreError) in
      let lineage = Lineage(epoch: node.identity.epoch, ancestors: try backend.ancestors(of: nil))
      // An epoch that nobody has been told of needs no memory.
      if try backend.isLogShown() {
        try backend.setAncestors(lineage.branched(to: epoch, at: node.head).ancestors, of: nil)
        try backend.setLogShown(false)
      }
      node.identity.epoch = epoch
      if let incarnation { node.identity.replica.incarnation = incarnation }
    }
  }

  /// To be durable before a peer is told of the present epoch.
  package func noteLogShown() throws(StoreError) {
    guard try !backend.isLogShown() else { return }
    try backend.transaction { () throws(StoreError) in try backend.setLogShown(true) }
  }

  /// Takes note of the log that a peer shows, before anything is sent to it, and finds where this node stands in it.
  package func meet(
    _ peer: NodeNumber, _ log: Lineage, resumingAt resumption: LaneMap<Sequence64>?
  ) throws(StoreError) -> Meeting {
    try backend.transaction { () throws(StoreError) in
      let known = try knownLog(of: peer).log
      let meeting = try standing(of: peer, in: log, resumingAt: resumption)
      for lane in Lane.allCases {
        guard var cursor = try backend.receiveCursor(peer: peer, lane: lane) else { continue }
        let through = meeting.cursors[lane]
        // A chain that was open where the two logs part is told anew.
        if through < cursor.through { cursor.incompleteUntil = 0 }
        cursor.through = through
        cursor.epoch = log.epoch
        try backend.setReceiveCursor(cursor, peer: peer, lane: lane)
      }
      // A peer that goes on where it was has what it once sent. Any other is sent its own records again.
      let old = try backend.peerLog(peer)
      let isKnown = known?.shared(with: log) != nil || meeting.cursors != LaneMap(repeating: 0)
      let metAt = isKnown && !meeting.hasLost ? old?.metAt ?? 0 : try backend.loadNode().head
      if old?.epoch != log.epoch || old?.metAt != metAt {
        try backend.setPeerLog(PeerLog(epoch: log.epoch, metAt: metAt), of: peer)
      }
      if try backend.ancestors(of: peer) != log.ancestors { try backend.setAncestors(log.ancestors, of: peer) }
      return meeting
    }
  }

  /// Where this node stands in the log that a peer shows; nothing is noted.
  package func standing(
    of peer: NodeNumber, in log: Lineage, resumingAt resumption: LaneMap<Sequence64>?
  ) throws(StoreError) -> Meeting {
    let shared = try knownLog(of: peer).log?.shared(with: log)
    var meeting = Meeting(cursors: LaneMap(repeating: 0), hasLost: false)
    for lane in Lane.allCases {
      guard let cursor = try backend.receiveCursor(peer: peer, lane: lane) else { continue }
      let end = resumption?[lane] ?? shared ?? 0
      meeting.cursors[lane] = min(cursor.through, end)
      if cursor.through > end { meeting.hasLost = true }
    }
    return meeting
  }

  package func knownLog(
    of peer: NodeNumber
  ) throws(StoreError) -> (log: Lineage?, cursors: LaneMap<Sequence64>) {
    var epoch = try backend.peerLog(peer)?.epoch
    var cursors = LaneMap<Sequence64>(repeating: 0)
    for lane in Lane.allCases {
      guard let cursor = try backend.receiveCursor(peer: peer, lane: lane) else { continue }
      epoch = cursor.epoch
      cursors[lane] = cursor.through
    }
    guard let epoch else { return (nil, cursors) }
    return (Lineage(epoch: epoch, ancestors: try backend.ancestors(of: peer)), cursors)
  }

  package func resumption(
    of cursors: LaneMap<Sequence64>, in known: Lineage?
  ) throws(StoreError) -> LaneMap<Sequence64> {
    guard let end = try known?.shared(with: lineage()) else { return LaneMap(repeating: 0) }
    return LaneMap(urgent: min(cursors.urgent, end), normal: min(cursors.normal, end), bulk: min(cursors.bulk, end))
  }
}

// MARK: - Moving what nobody has seen

/// What is to become of the commits that no peer has seen.
package struct UnsentRepair: Hashable, Sendable {
  /// HQ's cursors in this node's log: what lies beyond, nobody else has seen.
  package var sent: LaneMap<Sequence64>
  /// The incarnation that they move to, and that the node goes on with; nil to stay.
  package var incarnation: UInt32?
  /// By how much the wall clock was wrong, and what time it is really; nil to keep the times.
  package var clock: ClockRepair?

  package init(sent: LaneMap<Sequence64>, incarnation: UInt32?, clock: ClockRepair?) {
    self.sent = sent
    self.incarnation = incarnation
    self.clock = clock
  }
}

package struct ClockRepair: Hashable, Sendable {
  /// What is added to a time that the clock has given, in milliseconds.
  package var offset: Int64
  /// The time by HQ's clock: no repaired stamp lies beyond it, except to keep the order.
  package var now: WallTime
  /// The incarnation to move to if stamps of the present one that others have seen are themselves ahead: its clock can't go back.
  package var spareIncarnation: UInt32?

  package init(offset: Int64, now: WallTime, spareIncarnation: UInt32? = nil) {
    self.offset = offset
    self.now = now
    self.spareIncarnation = spareIncarnation
  }
}

extension StoreEngine {
  /// Gives the commits that nobody has seen new stamps, in order, in one transaction.
  /// - Returns: which commits they are, and their names now.
  package func repairUnsent(_ repair: UnsentRepair) throws(StoreError) -> Restamping {
    try change { (node) throws(StoreError) in
      var repairer = UnsentRepairer(backend: backend, model: model, node: node, repair: repair)
      let restamping = try repairer.run()
      node = repairer.node
      return restamping
    }
  }

  /// Sets right what HQ has not seen, if this node's clock was wrong: now, by the difference to HQ's clock, or earlier, by stamps
  /// ahead of it.
  /// - Returns: which commits got new stamps; nil if all was well.
  package func repairClock(
    sent: LaneMap<Sequence64>, offset: Int64, now: WallTime, spareIncarnation: UInt32
  ) throws(StoreError) -> Restamping? {
    let isOff = offset.magnitude > StoreLimits.clockRepairMilliseconds.magnitude
    let isAhead = try isClockAhead(of: now)
    let hasUnsent = try hasUnsent(beyond: sent)
    guard isAhead || isOff && hasUnsent else { return nil }
    let clock = ClockRepair(offset: isOff ? offset : 0, now: now, spareIncarnation: spareIncarnation)
    return try repairUnsent(UnsentRepair(sent: sent, incarnation: nil, clock: clock))
  }

  private func isClockAhead(of now: WallTime) throws(StoreError) -> Bool {
    try backend.loadNode().clock.last.wall
      > now.advanced(byMilliseconds: StoreLimits.clockRepairMilliseconds)
  }

  private func hasUnsent(beyond sent: LaneMap<Sequence64>) throws(StoreError) -> Bool {
    for lane in Lane.allCases {
      var position = sent[lane]
      while true {
        let entries = try backend.logEntries(lane: lane, after: position, limit: 256)
        if entries.contains(where: { $0.stamp.replica == node.identity.replica }) { return true }
        guard let last = entries.last else { break }
        position = last.sequence
      }
    }
    return false
  }

  private func change<Result>(
    _ body: (inout NodeState) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try write(at: WallTime(milliseconds: 0)) { transaction throws(StoreError) in try body(&transaction.node) }
  }
}

/// Renames the commits of this replica in the unsent part of its log, and in the records that belong to it.
private struct UnsentRepairer<Backend: StorageBackend> {
  let backend: Backend
  let model: Model
  var node: NodeState
  let repair: UnsentRepair

  mutating func run() throws(StoreError) -> Restamping {
    let (unsent, lastSent) = try findUnsent()
    let old = node.identity.replica
    var replica = old
    if let incarnation = repair.incarnation { replica.incarnation = incarnation }
    if let clock = repair.clock, let spare = clock.spareIncarnation,
      lastSent.wall > clock.now.advanced(byMilliseconds: StoreLimits.clockRepairMilliseconds)
    {
      replica.incarnation = spare
    }
    let restamping = Restamping(replica: old, lastSent: lastSent, names: names(unsent, lastSent, replica))
    for lane in Lane.allCases { try rename(lane, restamping) }
    node.identity.replica = replica
    return restamping
  }

  /// The times of the commits that nobody has seen, ascending, and the latest one that somebody has.
  ///
  /// HQ has seen more than its cursors say: what a sent group needed came with it, whatever its lane, and what HQ made of
  /// this node's commits comes back under their stamps.
  private func findUnsent() throws(StoreError) -> (unsent: [HybridTimestamp], lastSent: HybridTimestamp) {
    var unsent: Set<HybridTimestamp> = []
    var sent: Set<HybridTimestamp> = []
    let brought = try findBrought()
    for lane in Lane.allCases {
      try forEachEntry(lane, after: 0) { entry throws(StoreError) in
        guard entry.stamp.replica == node.identity.replica else { return }
        if entry.sequence <= repair.sent[lane] || brought.contains(entry.sequence) {
          sent.insert(entry.stamp.time)
        } else {
          unsent.insert(entry.stamp.time)
        }
      }
    }
    return (unsent.subtracting(sent).sorted(), sent.max() ?? .zero)
  }

  /// The entries beyond HQ's cursors that were sent along with what lies before them.
  private func findBrought() throws(StoreError) -> Set<Sequence64> {
    var brought: Set<Sequence64> = []
    var open: [Sequence64] = []
    func follow(_ entry: LogEntry) {
      for sequence in entry.needs where brought.insert(sequence).inserted { open.append(sequence) }
    }
    for lane in Lane.allCases {
      try forEachEntry(lane, after: 0) { entry throws(StoreError) in
        if entry.sequence <= repair.sent[lane] { follow(entry) }
      }
    }
    while let sequence = open.popLast() {
      if let entry = try backend.logEntry(sequence) { follow(entry) }
    }
    return brought
  }

  private mutating func names(
    _ unsent: [HybridTimestamp], _ lastSent: HybridTimestamp, _ replica: ReplicaID
  ) -> [HybridTimestamp: Stamp] {
    var names: [HybridTimestamp: Stamp] = [:]
    guard let clock = repair.clock else {
      for time in unsent { names[time] = Stamp(time: time, replica: replica) }
      return names
    }
    // The old replica's clock never goes back behind what others have seen of it.
    var ticking = HybridClock(last: replica == node.identity.replica ? lastSent : .zero)
    for time in unsent {
      let wall = min(time.wall.advanced(byMilliseconds: clock.offset), clock.now)
      names[time] = Stamp(time: ticking.tick(wall: wall), replica: replica)
    }
    node.clock = ticking
    return names
  }

  private func rename(_ lane: Lane, _ restamping: Restamping) throws(StoreError) {
    try forEachEntry(lane, after: repair.sent[lane]) { entry throws(StoreError) in
      let stamp = restamping.name(entry.stamp)
      if stamp != entry.stamp { try backend.setStamp(stamp, ofEntry: entry) }
      for ref in entry.records {
        // A record belongs to its last entry; if others have seen that, they have seen all of it.
        guard var stored = try backend.read(ref), stored.sequence == entry.sequence, let state = stored.state else {
          continue
        }
        let schema = model.entity(state.entity)
        let steps = try backend.counterSteps(of: ref, after: repair.sent[lane])
        let renamed = state.restamped(restamping, isImmutable: schema?.mutability == .immutable) { tag in
          steps.lazy.filter { $0.field == tag }.reduce(0) { $0.addingSaturating($1.difference) }
        }
        guard renamed != state else { continue }
        let before = stored
        stored.body = .held(renamed)
        try backend.update(stored)
        guard let schema else { continue }
        let transaction = StoreTransaction(backend: backend, model: model, node: node, wall: renamedAt)
        // Which of two values is shown goes by their stamps.
        try transaction.updateBalances(StoreTransaction<Backend>.Change(stored: before, state: renamed), schema)
        try transaction.updateConflictCases(
          StoreTransaction<Backend>.Change(stored: stored, state: renamed), schema)
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
