package import Causality
import StoreModel

// Where two logs stand to each other: what a peer has of this node's, and this node of a peer's.

extension StoreEngine {
  /// Takes note of the log that a peer shows, before anything is sent to it, and finds where this node stands in it.
  package func meet(
    _ peer: NodeNumber, _ log: Lineage, resumingAt resumption: LaneMap<Sequence64>?, spareIncarnation: UInt32?
  ) throws(StoreError) -> Meeting {
    try change { (node) throws(StoreError) in
      let known = try knownLog(of: peer).log
      let end = known?.shared(with: log) ?? 0
      let meeting = try standing(of: peer, in: log, resumingAt: resumption)
      try notePartedLogs(of: peer, showing: log)
      for lane in Lane.allCases {
        guard var cursor = try backend.receiveCursor(peer: peer, lane: lane) else { continue }
        let through = meeting.cursors[lane]
        // A chain that was open where the two logs part is told anew.
        if through < cursor.through || cursor.incompleteUntil > end { cursor.incompleteUntil = 0 }
        cursor.through = through
        cursor.epoch = log.epoch
        try backend.setReceiveCursor(cursor, peer: peer, lane: lane)
      }
      if try backend.brought(by: peer) != meeting.brought { try backend.setBrought(meeting.brought, by: peer) }
      // A peer that goes on where it was has what it once sent. Any other is sent its own records again.
      let old = try backend.peerLog(peer)
      let isKnown = known?.shared(with: log) != nil || meeting.cursors != LaneMap(repeating: 0)
      let metAt = isKnown && !meeting.hasLost ? old?.metAt ?? 0 : node.head
      if old?.epoch != log.epoch || old?.metAt != metAt {
        try backend.setPeerLog(PeerLog(epoch: log.epoch, metAt: metAt), of: peer)
      }
      let ancestors = known.map(log.remembering)?.ancestors ?? log.ancestors
      if try backend.ancestors(of: peer) != ancestors { try backend.setAncestors(ancestors, of: peer) }
      // An HQ that has lost something may have forgotten why this store let go of a record, and count it as the store's again. The
      // store has not got it any more, so what it writes there must not claim to have seen what it once wrote.
      if meeting.hasLost, let spareIncarnation, try backend.forgetStubs() {
        node.identity.replica.incarnation = spareIncarnation
      }
      return meeting
    }
  }

  /// Where this node stands in the log that a peer shows; nothing is noted.
  package func standing(
    of peer: NodeNumber, in log: Lineage, resumingAt resumption: LaneMap<Sequence64>?
  ) throws(StoreError) -> Meeting {
    let shared = try knownLog(of: peer).log?.shared(with: log)
    let known = try backend.brought(by: peer)
    var meeting = Meeting(cursors: LaneMap(repeating: 0), hasLost: false)
    for lane in Lane.allCases {
      guard let cursor = try backend.receiveCursor(peer: peer, lane: lane) else { continue }
      let end = resumption?[lane] ?? shared ?? 0
      meeting.cursors[lane] = min(cursor.through, end)
      if cursor.through > end { meeting.hasLost = true }
    }
    meeting.brought = known.beyond(meeting.cursors, through: shared ?? 0)
    if known != known.beyond(LaneMap(repeating: 0), through: shared ?? 0) { meeting.hasLost = true }
    // What this node has had of a disk that comes again, or of one that a later backup of this disk was made from.
    guard resumption == nil else { return meeting }
    for parted in try backend.partedLogs(of: peer) {
      guard let coverage = parted.coverage(in: log)?.union(meeting.coverage) else { continue }
      (meeting.cursors, meeting.brought) = (coverage.cursors, coverage.brought)
    }
    return meeting
  }

  /// Remembers what this node has had of a log that its peer has not got any more, and forgets what the peer has got again.
  private func notePartedLogs(of peer: NodeNumber, showing log: Lineage) throws(StoreError) {
    guard peer != .hq else { return }
    let before = try backend.partedLogs(of: peer)
    var parted = before
    let (known, cursors) = try knownLog(of: peer)
    if let known {
      let coverage = LogCoverage(cursors: cursors, brought: try backend.brought(by: peer))
      parted.insert(PartedLog(log: known, coverage: coverage), at: 0)
    }
    parted.removeAll { $0.isHeld(by: log) }
    parted = Array(parted.prefix(StoreLimits.partedLogCount))
    if parted != before { try backend.setPartedLogs(parted, of: peer) }
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
