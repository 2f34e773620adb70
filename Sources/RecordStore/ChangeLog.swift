package import Base
package import Causality
package import Merge
package import StoreModel

/// A place in a node's change log. Sequences count all lanes of a log together, from 1.
package typealias Sequence64 = UInt64

/// Where a record lies in its store; stable for the record's life there. Never leaves the node.
package struct RecordRef: Hashable, Sendable {
  package var entity: EntityTag
  package var row: Int64

  package init(entity: EntityTag, row: Int64) {
    self.entity = entity
    self.row = row
  }
}

/// Which peers an entry of the log concerns, so that the others pass over it without looking at its records.
package enum Audience: Hashable, Sendable {
  /// Depends on the records.
  case mixed
  /// Only HQ: no store holds any of the records.
  case hq
  /// Every record concerns this store alone (and HQ).
  case store(NodeNumber)
  /// Every record concerns one of these two stores, or both (and HQ): a sale to another store's member, say. The first
  /// is the lower.
  case pair(NodeNumber, NodeNumber)
}

/// One entry of the change log: the records that one commit group changed at this node.
///
/// A record belongs to the last entry that names it; the earlier ones keep its reference, and are passed over there.
package struct LogEntry: Hashable, Sendable {
  package var sequence: Sequence64
  package var lane: Lane
  package var stamp: Stamp
  /// The peer that sent exactly these states, and so does not need them back.
  package var origin: NodeNumber?
  /// Whether a peer sent it, even if this node had something to add. The stamp may still be this node's own: the commit
  /// was another life's of this node, or has been elsewhere and come back.
  package var isReceived: Bool
  package var audience: Audience
  package var records: [RecordRef]
  /// The entries that the records belonged to before this one, ascending: their groups are whole at a peer only if it
  /// has them as well.
  package var needs: [Sequence64]
  /// The first entry of the received batch that this one came with; itself if it came alone. The batch may have held a
  /// chain of groups, which is whole only together.
  package var batchStart: Sequence64

  package init(
    sequence: Sequence64, lane: Lane, stamp: Stamp, origin: NodeNumber?, audience: Audience, records: [RecordRef],
    isReceived: Bool = false, needs: [Sequence64] = [], batchStart: Sequence64? = nil
  ) {
    self.sequence = sequence
    self.lane = lane
    self.stamp = stamp
    self.origin = origin
    self.isReceived = isReceived || origin != nil
    self.audience = audience
    self.records = records
    self.needs = needs
    self.batchStart = batchStart ?? sequence
  }
}

/// What one commit of this replica added to a counter. A share says only the sum of all; should the commits that HQ has
/// not seen have to move to another incarnation, what it has seen must stay with the old one.
package struct CounterStep: Hashable, Sendable {
  package var sequence: Sequence64
  package var ref: RecordRef
  package var field: FieldTag
  package var difference: Int64

  package init(sequence: Sequence64, ref: RecordRef, field: FieldTag, difference: Int64) {
    self.sequence = sequence
    self.ref = ref
    self.field = field
    self.difference = difference
  }
}

/// A record as a store has it.
package struct StoredRecord: Hashable, Sendable {
  package enum Body: Hashable, Sendable {
    case held(RecordState)
    /// Let go of: what it had seen is all that remains.
    case stub(VersionVector)
  }

  package var ref: RecordRef
  package var key: RecordKey
  /// The log entry that the record belongs to.
  package var sequence: Sequence64
  package var body: Body

  package init(ref: RecordRef, key: RecordKey, sequence: Sequence64, body: Body) {
    self.ref = ref
    self.key = key
    self.sequence = sequence
    self.body = body
  }

  package var state: RecordState? { if case .held(let state) = body { state } else { nil } }
}

/// A peer's log as this node knows it.
package struct PeerLog: Hashable, Sendable {
  package var epoch: Epoch
  /// This node's head when the peer first showed that log. What the peer had sent before, it had sent from another
  /// log, and may not have any more.
  package var metAt: Sequence64

  package init(epoch: Epoch, metAt: Sequence64) {
    self.epoch = epoch
    self.metAt = metAt
  }
}

/// Which of a node's own commits were stamped by a clock that had been measured against HQ's.
package struct ClockMeasurement: Hashable, Sendable {
  /// Those up to this entry.
  package var through: Sequence64 = 0
  /// And those of this epoch, which the node is still in; nil if it has not met HQ since it started.
  package var epoch: Epoch?

  package init(through: Sequence64 = 0, epoch: Epoch? = nil) {
    self.through = through
    self.epoch = epoch
  }
}

/// What a store remembers, over its restarts, of the last time that HQ let it in.
package struct LastWelcome: Hashable, Sendable {
  /// That of this store's own log, which HQ knows since.
  package var epoch: Epoch
  /// How far HQ's clock was ahead of this machine's, in milliseconds.
  package var clockDifference: Int64
  /// HQ's time then, or that of the last commit which a clock so measured has stamped: no clock that is right says less.
  package var time: WallTime

  package init(epoch: Epoch, clockDifference: Int64, time: WallTime) {
    self.epoch = epoch
    self.clockDifference = clockDifference
    self.time = time
  }

  /// What to add to this machine's clock, which nobody has measured since the node started.
  ///
  /// It may have been set right meanwhile, so the difference counts only where the time that comes of it can be, and where the
  /// clock's own cannot or is the later one. A clock that starts again at some fixed day fits neither way: it counts on from the
  /// last time that is known, so that the spans between commits are right, and their times once the clock is measured.
  package func correction(startingAt wall: WallTime) -> Int64 {
    let tolerance = StoreLimits.clockRepairMilliseconds
    let kept = clockDifference.magnitude > tolerance.magnitude ? clockDifference : 0
    // Not far below what is known: what was measured over a slow line is no better.
    let earliest = time.advanced(byMilliseconds: -tolerance)
    for correction in [min(kept, 0), max(kept, 0)] where wall.advanced(byMilliseconds: correction) >= earliest {
      return correction
    }
    return time.milliseconds(since: wall)
  }
}

/// What a peer has of this node's log.
package struct LogCoverage: Hashable, Sendable {
  /// All up to these.
  package var cursors: LaneMap<Sequence64>
  /// And these beyond them, ascending: they came along with groups of other lanes.
  package var brought: LaneMap<[Sequence64]>

  package init(cursors: LaneMap<Sequence64>, brought: LaneMap<[Sequence64]> = LaneMap(repeating: [])) {
    self.cursors = cursors
    self.brought = brought
  }

  package func contains(_ entry: LogEntry) -> Bool {
    entry.sequence <= cursors[entry.lane] || brought[entry.lane].contains(entry.sequence)
  }
}

extension LaneMap where Value == [Sequence64] {
  package var isEmpty: Bool { urgent.isEmpty && normal.isEmpty && bulk.isEmpty }

  /// What lies beyond each lane's cursor, and not beyond `end`.
  package func beyond(_ cursors: LaneMap<Sequence64>, through end: Sequence64) -> LaneMap<[Sequence64]> {
    var rest = self
    for lane in Lane.allCases { rest[lane].removeAll { $0 <= cursors[lane] || $0 > end } }
    return rest
  }

  /// With those of another list; of each lane at most `limit`, the latest.
  package func union(_ other: Self, limit: Int) -> LaneMap<[Sequence64]> {
    var both = self
    for lane in Lane.allCases { both[lane] = Array(Set(self[lane]).union(other[lane]).sorted().suffix(limit)) }
    return both
  }
}

extension LogEntry {
  /// Whether a peer, whose log is `log`, has all of the entry since it sent it itself.
  func wasSent(by peer: NodeNumber, _ log: PeerLog?) -> Bool {
    origin == peer && sequence > log?.metAt ?? 0
  }
}

/// How far a node has durably taken one lane of a peer's log.
package struct ReceiveCursor: Hashable, Sendable {
  package var epoch: Epoch
  package var through: Sequence64
  /// Above `through` while a chain of groups that was too long for one batch has not come to its end.
  package var incompleteUntil: Sequence64

  package init(epoch: Epoch, through: Sequence64, incompleteUntil: Sequence64 = 0) {
    self.epoch = epoch
    self.through = through
    self.incompleteUntil = incompleteUntil
  }

  package var isIncomplete: Bool { incompleteUntil > through }
}
