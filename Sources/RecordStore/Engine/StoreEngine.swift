package import Base
package import Causality
package import Merge
package import StoreModel

/// A record store on a backend: the meaning of commits, merges, log, scopes, balances and conflict cases, the same
/// whatever the backend.
///
/// Confined to one thread or queue at a time, like its backend.
package final class StoreEngine<Backend: StorageBackend>: RecordStore {
  package let backend: Backend
  package let model: Model
  /// As of the last transaction that committed. A reader's is read anew at each use.
  private(set) var node: NodeState
  /// HQ refuses stamps of stores further ahead of its clock than this; nil for any.
  package var stampAheadMilliseconds: Int64?
  /// HQ was put back to an earlier state, and has not heard of all its stores since.
  package var isHealing = false
  private var tally = WorkTally()
  let rules: FactRules.Table
  private var readings = SharedReadings()
  /// How parked groups are read and written; nil where what they hold of an erased record need not be taken out.
  package var parkedCoding: ParkedCoding?

  package init(_ backend: Backend) throws(StoreError) {
    self.backend = backend
    model = backend.model
    rules = FactRules.Table(model)
    node = try backend.loadNode()
    guard node.canGoOn else {
      throw StoreError(
        .corrupt, "the database is damaged: expected a clock and an end of the log that can go on, found others")
    }
  }

  package var identity: NodeIdentity { node.identity }

  package func commit(_ drafts: [CommitDraft], at wall: WallTime) throws(StoreError) -> [CommitResult] {
    try commit(at: wall) { commit throws(StoreError) in
      var results: [CommitResult] = []
      for draft in drafts { results.append(try commit(draft)) }
      return results
    }
  }

  /// Commits drafts that depend on what is there and on each other: `body` reads the engine's records as they are within
  /// the transaction, and hands over one draft after the other. What was committed is durable when this returns, and
  /// nobody has written in between.
  package func commit<Result>(
    at wall: WallTime, planning body: ((CommitDraft) throws(StoreError) -> CommitResult) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try write(at: wall) { transaction throws(StoreError) in
      try body { draft throws(StoreError) in
        let result = try transaction.commit(draft)
        transaction.tally.count(result)
        return result
      }
    }
  }

  package func apply(_ batch: IncomingBatch, at wall: WallTime) throws(StoreError) -> [GroupResult] {
    try checkStamps(of: batch, at: wall)
    do throws(StoreError) {
      return try write(at: wall) { transaction throws(StoreError) in try transaction.apply(batch) }
    } catch {
      guard error.code == .internalError else { throw error }
      // A mistake of ours about one group would come again with every attempt and hold up all that lies behind it.
      return try write(at: wall) { transaction throws(StoreError) in try transaction.apply(batch, isolating: true) }
    }
  }

  package func apply(
    _ batches: [IncomingBatch], at wall: WallTime
  ) -> [Result<[GroupResult], StoreError>] {
    func alone(_ batch: IncomingBatch) -> Result<[GroupResult], StoreError> {
      do throws(StoreError) { return .success(try apply(batch, at: wall)) } catch { return .failure(error) }
    }
    if batches.count > 1 {
      do throws(StoreError) {
        for batch in batches { try checkStamps(of: batch, at: wall) }
        return try write(at: wall) { transaction throws(StoreError) in
          var outcomes: [Result<[GroupResult], StoreError>] = []
          for batch in batches { outcomes.append(.success(try transaction.apply(batch))) }
          return outcomes
        }
      } catch {
        // Nothing is applied yet: each one shows by itself whether it can be.
      }
    }
    return batches.map(alone)
  }

  /// A clock that is far ahead would win every conflict, for as long as it is ahead. What HQ has already may come again, even
  /// if it is HQ's clock that has gone back.
  private func checkStamps(of batch: IncomingBatch, at wall: WallTime) throws(StoreError) {
    guard let limit = stampAheadMilliseconds, identity.isHQ else { return }
    let latest = HybridTimestamp(wall: wall.advanced(byMilliseconds: limit))
    for incoming in batch.groups {
      // All of a fact is under the stamp of its group.
      if case .facts(let facts) = incoming, facts.stamp.time <= latest { continue }
      for record in incoming.group?.records ?? [] {
        guard let ahead = record.decidingStamp(of: batch.peer, after: latest),
          try backend.find(record.key)?.state?.vector.covers(ahead) != true
        else { continue }
        let name = model.entity(record.entity)?.name ?? "\(record.entity)"
        throw StoreError(
          .clockAhead,
          "a change of \(name) \(record.id) by store \(batch.peer) is stamped \(RFC3339.format(ahead.time.wall)), and HQ's clock "
            + "says \(RFC3339.format(wall)); the store's clock is to be set right, and what is unsent stamped anew")
      }
    }
  }

  func write<Result>(
    at wall: WallTime, _ body: (inout StoreTransaction<Backend>) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let before = node
    do {
      let (result, tally) = try backend.transaction { () throws(StoreError) -> (Result, WorkTally) in
        var transaction = StoreTransaction(backend: backend, model: model, node: before, wall: wall, rules: rules)
        transaction.isHealing = isHealing
        transaction.tally = self.tally
        transaction.parkedCoding = parkedCoding
        let result = try body(&transaction)
        if transaction.node != before { try backend.saveNode(transaction.node) }
        node = transaction.node
        return (result, transaction.tally)
      }
      self.tally = tally
      return result
    } catch {
      node = before
      throw error
    }
  }

  /// Gives back what is kept only to be quick.
  package func releaseMemory() { readings = SharedReadings() }

  package func takeTally() -> WorkTally {
    defer { tally = WorkTally() }
    return tally
  }

  package func receiveCursors(
    from peer: NodeNumber, epoch: Epoch
  ) throws(StoreError) -> LaneMap<ReceiveCursor> {
    var cursors = LaneMap(repeating: ReceiveCursor(epoch: epoch, through: 0))
    for lane in Lane.allCases {
      if let cursor = try backend.receiveCursor(peer: peer, lane: lane), cursor.epoch == epoch {
        cursors[lane] = cursor
      }
    }
    return cursors
  }

  package func outgoing(_ request: OutgoingRequest) throws(StoreError) -> OutgoingStretch {
    try backend.transaction { () throws(StoreError) -> OutgoingStretch in
      var reader = StretchReader(backend: backend, model: model, request: request, sharing: readings)
      return try reader.read()
    }
  }

  package func logHead() throws(StoreError) -> Sequence64 {
    try backend.loadNode().head
  }

  /// The same as of this engine's last writing: it reads nothing. For whoever writes alone.
  package var writtenHead: Sequence64 { node.head }

  package func noteAcknowledged(by peer: NodeNumber, lane: Lane, through: Sequence64) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      try backend.setAcknowledged(through, peer: peer, lane: lane)
      try forgetCounterSteps(peer)
    }
  }

  /// What HQ has of a counter stays with this incarnation for good.
  private func forgetCounterSteps(_ peer: NodeNumber) throws(StoreError) {
    guard peer == .hq else { return }
    let has = try acknowledged(by: peer)
    try backend.dropCounterSteps(through: min(has.urgent, has.normal, has.bulk))
  }

  /// The same for several peers, in one transaction.
  package func noteAcknowledged(
    _ peers: [(peer: NodeNumber, through: LaneMap<Sequence64>)]
  ) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      for (peer, through) in peers {
        for lane in Lane.allCases { try backend.setAcknowledged(through[lane], peer: peer, lane: lane) }
        try forgetCounterSteps(peer)
      }
    }
  }

  package func acknowledged(by peer: NodeNumber) throws(StoreError) -> LaneMap<Sequence64> {
    var map = LaneMap<Sequence64>(repeating: 0)
    for lane in Lane.allCases { map[lane] = try backend.acknowledged(peer: peer, lane: lane) }
    return map
  }

  package func record(_ key: RecordKey) throws(StoreError) -> RecordState? {
    try backend.find(key)?.state
  }

  package func records(
    of entity: EntityTag, after id: RecordID?, limit: Int
  ) throws(StoreError) -> [RecordState] {
    try backend.records(of: entity, after: id, limit: limit)
  }

  /// The live records of an entity that show these values in these fields; ascending, `limit` at the most. Quick for a
  /// unique key's fields and for an entity's `lookups`.
  package func records(
    of entity: EntityTag, showing values: [(field: FieldTag, value: Value)], limit: Int
  ) throws(StoreError) -> [RecordID] {
    try backend.records(of: entity, showing: values, limit: limit)
  }

  package func heldEntities() throws(StoreError) -> [EntityTag] { try backend.heldEntities() }
  package func count(of entity: EntityTag) throws(StoreError) -> Int { try backend.count(of: entity) }

  package func balance(_ name: String, keys: [Value]) throws(StoreError) -> Int64 {
    try backend.balance(name, keys: keys)
  }

  package func balances(_ name: String) throws(StoreError) -> [Balance] { try backend.balances(name) }

  package func conflictCases(includingClosed: Bool) throws(StoreError) -> [ConflictCase] {
    try backend.conflictCases(includingClosed: includingClosed)
  }

  package func parkedGroups() throws(StoreError) -> [ParkedGroup] { try backend.parkedGroups() }
}

extension RecordState {
  /// A stamp of a node's that lies beyond a time and may decide between two values: what a group says that it is does not, nor
  /// does a vector, nor a share of a counter, which is its replica's alone.
  fileprivate func decidingStamp(of node: NodeNumber, after latest: HybridTimestamp) -> Stamp? {
    func isAhead(_ stamp: Stamp) -> Bool { stamp.replica.node == node && stamp.time > latest }
    guard vector.entries.contains(where: { $0.replica.node == node && $0.time > latest }) else { return nil }
    var found = deletions.map(\.stamp).first(where: isAhead)
    for field in fields where field.content.shares == nil {
      field.content.forEachStamp { if isAhead($0) { found = $0 } }
    }
    return found
  }
}
