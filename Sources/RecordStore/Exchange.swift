package import Causality
package import Merge
package import StoreModel

/// What a sender asks of its log: the next groups of a lane for a peer.
package struct OutgoingRequest: Hashable, Sendable {
  package var peer: NodeNumber
  package var lane: Lane
  package var after: Sequence64
  /// What was already put on the connection of each lane: the peer takes it in before this batch.
  package var sent: LaneMap<Sequence64>
  /// Bytes of records after which the batch ends as soon as it may.
  package var budgetBytes: Int
  /// Bytes of records after which the batch ends although a chain of groups goes on.
  package var chainBytes: Int
  /// Log entries to look at, at the most.
  package var scanLimit: Int
  /// Whether the peer reads contents in columns: for whoever makes a batch of what was read.
  package var readsColumns: Bool

  package init(
    peer: NodeNumber, lane: Lane, after: Sequence64, sent: LaneMap<Sequence64>, budgetBytes: Int, chainBytes: Int,
    scanLimit: Int, readsColumns: Bool = false
  ) {
    self.readsColumns = readsColumns
    self.peer = peer
    self.lane = lane
    self.after = after
    self.sent = sent
    self.budgetBytes = budgetBytes
    self.chainBytes = chainBytes
    self.scanLimit = scanLimit
  }
}

/// A stretch of a lane of the log, as one peer is to have it.
package struct OutgoingStretch: Hashable, Sendable {
  package var lane: Lane
  /// The stretch lies after this sequence …
  package var after: Sequence64
  /// … and goes to this one.
  package var through: Sequence64
  package var groups: [CommitGroup]
  /// Above `through` if a chain of groups goes on beyond this stretch.
  package var incompleteUntil: Sequence64
  /// Above 0 where the groups are whole only once another lane is there up to this sequence.
  package var awaited: LaneMap<Sequence64>
  /// Entries of other lanes whose groups are among these.
  package var brought: LaneMap<[Sequence64]>
  /// Entries that were passed over because they do not concern the peer.
  package var skipped: Int
  /// Whether the lane has entries beyond `through`.
  package var hasMore: Bool

  package init(
    lane: Lane, after: Sequence64, through: Sequence64, groups: [CommitGroup], incompleteUntil: Sequence64,
    awaited: LaneMap<Sequence64> = LaneMap(repeating: 0), brought: LaneMap<[Sequence64]> = LaneMap(repeating: []),
    skipped: Int, hasMore: Bool
  ) {
    self.awaited = awaited
    self.brought = brought
    self.lane = lane
    self.after = after
    self.through = through
    self.groups = groups
    self.incompleteUntil = incompleteUntil
    self.skipped = skipped
    self.hasMore = hasMore
  }
}

/// A group as it arrived: decoded, or the reason why not.
package enum IncomingGroup: Hashable, Sendable {
  case decoded(CommitGroup)
  /// The same in columns.
  case facts(FactGroup)
  case undecodable(reason: String)

  /// As records; nil if it could not be decoded.
  package var group: CommitGroup? {
    switch self {
    case .decoded(let group): group
    case .facts(let facts): facts.group
    case .undecodable: nil
    }
  }
}

/// A batch from a peer, ready to be applied.
package struct IncomingBatch: Sendable {
  package var peer: NodeNumber
  package var lane: Lane
  package var epoch: Epoch
  package var after: Sequence64
  package var through: Sequence64
  package var incompleteUntil: Sequence64
  /// Above 0 where the groups are whole only once another lane is there up to this sequence.
  package var awaited: LaneMap<Sequence64>
  /// Entries of other lanes of the peer's log whose groups are among these.
  package var brought: LaneMap<[Sequence64]>
  package var groups: [IncomingGroup]
  /// The bytes of one group, such that it can be decoded by itself later: for parking.
  package var payload: @Sendable (_ index: Int) -> [UInt8]

  package init(
    peer: NodeNumber, lane: Lane, epoch: Epoch, after: Sequence64, through: Sequence64, incompleteUntil: Sequence64,
    awaited: LaneMap<Sequence64> = LaneMap(repeating: 0), brought: LaneMap<[Sequence64]> = LaneMap(repeating: []),
    groups: [IncomingGroup], payload: @escaping @Sendable (_ index: Int) -> [UInt8]
  ) {
    self.awaited = awaited
    self.brought = brought
    self.peer = peer
    self.lane = lane
    self.epoch = epoch
    self.after = after
    self.through = through
    self.incompleteUntil = incompleteUntil
    self.groups = groups
    self.payload = payload
  }
}

/// What became of a received group.
package enum GroupResult: Hashable, Sendable {
  case applied
  case parked(code: String, reason: String)
  case refused(code: String, reason: String)
}

/// One value a lane.
package struct LaneMap<Value> {
  package var urgent: Value
  package var normal: Value
  package var bulk: Value

  package init(urgent: Value, normal: Value, bulk: Value) {
    self.urgent = urgent
    self.normal = normal
    self.bulk = bulk
  }

  package init(repeating value: Value) {
    self.init(urgent: value, normal: value, bulk: value)
  }

  package subscript(lane: Lane) -> Value {
    get {
      switch lane {
      case .urgent: urgent
      case .normal: normal
      case .bulk: bulk
      }
    }
    set {
      switch lane {
      case .urgent: urgent = newValue
      case .normal: normal = newValue
      case .bulk: bulk = newValue
      }
    }
  }
}

extension LaneMap: Sendable where Value: Sendable {}
extension LaneMap: Equatable where Value: Equatable {}
extension LaneMap: Hashable where Value: Hashable {}
