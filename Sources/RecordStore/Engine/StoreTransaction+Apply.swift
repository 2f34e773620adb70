import Base
import Causality
import Merge
import StoreModel

extension StoreTransaction {
  /// Applies a received batch and moves the cursor behind it.
  /// - Parameter isolating: parks a group that the database fails on by a mistake of ours, instead of failing whole.
  mutating func apply(_ batch: IncomingBatch, isolating: Bool = false) throws(StoreError) -> [GroupResult] {
    let cursor = try backend.receiveCursor(peer: batch.peer, lane: batch.lane)
    let expected = cursor.map { $0.epoch == batch.epoch ? $0.through : 0 } ?? 0
    guard batch.after == expected, batch.through >= batch.after else {
      throw StoreError(
        .wrongCursor,
        "a batch of lane \(batch.lane) starts after \(batch.after), expected \(expected); the link starts anew")
    }
    // Another log: all lanes start anew together, so that the cursors are always of one log. This lane may have no
    // cursor yet where others have one of the old log.
    for lane in Lane.allCases {
      guard let other = try backend.receiveCursor(peer: batch.peer, lane: lane), other.epoch != batch.epoch else {
        continue
      }
      try backend.setReceiveCursor(ReceiveCursor(epoch: batch.epoch, through: 0), peer: batch.peer, lane: lane)
      try backend.setBrought(LaneMap(repeating: []), by: batch.peer)
    }
    var results: [GroupResult] = []
    judged = JudgedColumns()
    let start = node.head + 1
    takesNewer = !isolating && !node.identity.isHQ
    defer { takesNewer = false }
    var exceptions = try ExceptionLedger(backend, peer: batch.peer)
    for (index, group) in batch.groups.enumerated() {
      let result = try apply(group, at: index, of: batch, startingAt: start, isolating: isolating)
      results.append(result)
      try exceptions.note(result, of: group, at: wall)
    }
    // The cursor lies in the transaction that it speaks for: it never passes what is neither applied nor parked.
    let next = ReceiveCursor(
      epoch: batch.epoch, through: batch.through,
      incompleteUntil: max(batch.incompleteUntil, cursor?.openChain(in: batch) ?? 0))
    try backend.setReceiveCursor(next, peer: batch.peer, lane: batch.lane)
    try noteAwaited(batch)
    if !batch.brought.isEmpty { try noteBrought(batch) }
    return results
  }

  /// Groups of this batch are whole only once other lanes are there.
  private func noteAwaited(_ batch: IncomingBatch) throws(StoreError) {
    for lane in Lane.allCases where lane != batch.lane && batch.awaited[lane] > 0 {
      var cursor =
        try backend.receiveCursor(peer: batch.peer, lane: lane) ?? ReceiveCursor(epoch: batch.epoch, through: 0)
      guard batch.awaited[lane] > max(cursor.through, cursor.incompleteUntil) else { continue }
      cursor.incompleteUntil = batch.awaited[lane]
      try backend.setReceiveCursor(cursor, peer: batch.peer, lane: lane)
    }
  }

  /// What came along from other lanes is known here, whatever their cursors say.
  private func noteBrought(_ batch: IncomingBatch) throws(StoreError) {
    var cursors = LaneMap<Sequence64>(repeating: 0)
    for lane in Lane.allCases { cursors[lane] = try backend.receiveCursor(peer: batch.peer, lane: lane)?.through ?? 0 }
    let all = try backend.brought(by: batch.peer).union(batch.brought, limit: .max).beyond(cursors, through: .max)
    try backend.setBrought(all.union(all, limit: StoreLimits.broughtCount), by: batch.peer)
  }

  private mutating func apply(
    _ incoming: IncomingGroup, at index: Int, of batch: IncomingBatch, startingAt start: Sequence64, isolating: Bool
  ) throws(StoreError) -> GroupResult {
    switch incoming {
    case .undecodable(let reason):
      return try park(
        batch.payload(index), of: batch, keys: [], code: "undecodable", reason: reason)
    case .facts(let facts):
      if !isolating, try merge(facts, lane: batch.lane, from: batch.peer, batchStart: start) { return .applied }
      return try apply(.decoded(facts.group), at: index, of: batch, startingAt: start, isolating: isolating)
    case .decoded(let received):
      let mayBeErased = node.identity.isHQ && rules.mayBeErased(received)
      let group = mayBeErased ? try withoutErased(received, from: batch.peer) : received
      // Nothing but that was in it.
      if group.records.isEmpty, group.evictions.isEmpty, !received.records.isEmpty { return .applied }
      // What waits here must not hold what was erased.
      let rest: [UInt8]? = group.records.count == received.records.count ? nil : try encoded(group)
      if try backend.hasParked() {
        for key in group.keys where try backend.isBlockedByParked(key, from: batch.peer) {
          return try park(
            rest ?? batch.payload(index), of: batch, keys: group.keys, code: "behind-parked",
            reason: "a parked group touches the same record")
        }
      }
      let tallyBefore = tally
      do throws(ApplyError) {
        if isolating {
          try isolated { (transaction) throws(ApplyError) in
            try transaction.merge(group, lane: batch.lane, from: batch.peer, batchStart: start)
          }
        } else {
          try merge(group, lane: batch.lane, from: batch.peer, batchStart: start)
        }
        return .applied
      } catch {
        // Nothing of a group that was not applied was merged.
        tally = tallyBefore
        switch error {
        case .store(let error) where isolating && error.code == .internalError:
          return try park(
            rest ?? batch.payload(index), of: batch, keys: group.keys, code: error.code.rawValue, reason: error.message)
        case .store(let error): throw error
        case .refused(let error): return .refused(code: error.code.rawValue, reason: error.description)
        case .model(let error):
          return try park(
            rest ?? batch.payload(index), of: batch, keys: group.keys, code: error.code.rawValue,
            reason: error.description)
        }
      }
    }
  }

  /// Undoes what `body` wrote if it fails.
  mutating func isolated(_ body: (inout Self) throws(ApplyError) -> Void) throws(ApplyError) {
    var copy = self
    var failure: ApplyError?
    _ = try lift { () throws(StoreError) -> Bool? in
      try backend.savepoint { () throws(StoreError) -> Bool? in
        do throws(ApplyError) {
          try body(&copy)
          return true
        } catch {
          failure = error
          return nil
        }
      }
    }
    if let failure { throw failure }
    self = copy
  }

  private func park(
    _ payload: [UInt8], of batch: IncomingBatch, keys: [RecordKey], code: String, reason: String
  ) throws(StoreError) -> GroupResult {
    let size = try backend.parkedSize(of: batch.peer)
    guard size.count < StoreLimits.parkedGroupCount, size.bytes + payload.count <= StoreLimits.parkedBytes else {
      throw StoreError(
        .parkedFull,
        "\(size.count) groups of node \(batch.peer) with \(size.bytes) bytes are parked, and another would be (\(reason)); "
          + "nothing more is taken from it until `syncctl parked retry` or `drop` has made room")
    }
    try backend.park(
      ParkedGroup(
        number: 0, peer: batch.peer, lane: batch.lane, receivedAt: wall, code: code, reason: reason, keys: keys,
        payload: payload))
    return .parked(code: code, reason: reason)
  }

  /// A group is applied whole or not at all: everything is checked and merged before anything is written.
  /// - Parameter isFromNow: whether the peer has just sent it, and so has it still.
  mutating func merge(
    _ group: CommitGroup, lane: Lane, from peer: NodeNumber, batchStart: Sequence64?, isFromNow: Bool = true
  ) throws(ApplyError) {
    var changes: [Change] = []
    var isAsReceived = isFromNow
    var keys = GroupKeys()
    var facts = FactList()
    if node.identity.isHQ, let eviction = group.evictions.first {
      let name = model.entity(eviction.key.entity)?.name ?? "\(eviction.key.entity)"
      throw .refused(ModelError(.notAllowed, entity: name, "a store cannot evict records at HQ"))
    }
    for incoming in group.records {
      let newer = newer(incoming)
      // A fact cannot be newer: one written once stays as it is.
      let fact =
        newer != nil
        ? nil : try lift { () throws(StoreError) in try self.fact(incoming, of: group, from: peer, after: facts) }
      if let fact, !keys.contains(incoming.key) {
        facts.append(fact)
        tally.new += 1
        continue
      }
      let isFirst = keys.insert(incoming.key) && !facts.contains(incoming.key)
      if isFirst, let newer {
        changes.append(Change(state: incoming, newer: newer))
      } else if let change = try change(incoming, isFirst: isFirst, from: peer) {
        isAsReceived = isAsReceived && change.isAsReceived
        changes.append(change)
      }
    }
    observe(group)
    try lift { () throws(StoreError) in
      try write(
        changes, facts, stamp: group.stamp, lane: lane, from: peer, isAsReceived: isAsReceived, batchStart: batchStart)
      try evict(group, lane: lane, from: peer, batchStart: batchStart)
      if trustsPeer { for incoming in group.records { try restoreErasure(incoming, from: peer) } }
    }
  }

  /// What becomes of a record when a received state of it is taken in; nil if that has nothing new.
  private mutating func change(
    _ incoming: RecordState, isFirst: Bool, from peer: NodeNumber
  ) throws(ApplyError) -> Change? {
    let schema = model.entity(incoming.entity)
    if let problem = incoming.problem(schema) ?? ownProblem(incoming, schema, isFirst: isFirst) {
      throw .model(problem)
    }
    let stored = try lift { () throws(StoreError) in try backend.find(incoming.key) }
    if node.identity.isHQ { try admit(incoming, over: stored, schema, from: peer) }
    let isPurged = try lift { () throws(StoreError) -> Bool in try self.isPurged(stored) }
    guard let merged = merged(incoming, into: stored, isPurged: isPurged) else {
      tally.dominated += 1
      return nil
    }
    if merged.state.approximateByteCount > ModelLimits.recordBytes {
      throw .model(
        ModelError(.tooLarge, entity: schema?.name ?? "\(incoming.entity)", "the merged record is too large"))
    }
    return Change(stored: stored, state: merged.state, isAsReceived: merged.isAsReceived)
  }

  /// HQ takes from a store only what the store may say.
  private func admit(
    _ incoming: RecordState, over stored: StoredRecord?, _ schema: EntitySchema?, from peer: NodeNumber
  ) throws(ApplyError) {
    let departed = try lift { () throws(StoreError) -> [NodeNumber] in
      guard let stored else { return [] }
      return try backend.departures(of: stored.ref)
    }
    guard !trustsPeer else { return }
    let admission = Admission(
      peer: peer, schema: schema, hasDeparted: departed.contains(peer), isHealing: isHealing)
    do throws(ModelError) {
      try admission.check(incoming, over: stored?.state)
    } catch {
      throw error.code == .awaitingAuthor ? .model(error) : .refused(error)
    }
  }

  /// What makes a state impossible to merge here, though it may be sound in itself.
  private func ownProblem(_ incoming: RecordState, _ schema: EntitySchema?, isFirst: Bool) -> ModelError? {
    let name = schema?.name ?? "\(incoming.entity)"
    guard isFirst else {
      return ModelError(.inconsistentState, entity: name, "the group names a record twice")
    }
    // This replica would go on to write stamps that the state counts as seen.
    let own = incoming.vector[node.identity.replica]
    guard own <= node.clock.last else {
      return ModelError(
        .inconsistentState, entity: name,
        "the vector names \(own) as a stamp of this replica, which is at \(node.clock.last)")
    }
    return nil
  }

  /// The state after taking `incoming` in, and whether that is the state itself; nil if it has nothing new.
  mutating func merged(
    _ incoming: RecordState, into stored: StoredRecord?, isPurged: Bool
  ) -> (state: RecordState, isAsReceived: Bool)? {
    switch stored?.body {
    case nil:
      tally.new += 1
      return (incoming, true)
    case .stub(let vector):
      switch incoming.vector.compare(vector) {
      // What was let go of comes back only with all that it had seen.
      case .dominates: break
      case .equal: if isPurged { return nil }
      case .dominated, .concurrent: return nil
      }
      tally.new += 1
      return (incoming, true)
    case .held(let ours):
      var state = ours
      switch state.merge(incoming) {
      case .unchanged: return nil
      case .replaced:
        tally.replaced += 1
        return (state, true)
      case .joined:
        tally.merged += 1
        countConcurrentFields(state, ours, incoming)
        return (state, false)
      }
    }
  }

  /// Lets go of records that have left this node's scope. The log has an entry of that, for those who follow the node; no peer
  /// is sent anything of it.
  private mutating func evict(
    _ group: CommitGroup, lane: Lane, from peer: NodeNumber, batchStart: Sequence64?
  ) throws(StoreError) {
    let sequence = node.head + 1
    var refs: [RecordRef] = []
    for eviction in group.evictions {
      if let ref = try evict(eviction, at: sequence) { refs.append(ref) }
    }
    guard !refs.isEmpty else { return }
    node.head = sequence
    try backend.append(
      LogEntry(
        sequence: sequence, lane: lane, stamp: group.stamp, origin: peer, audience: .hq, records: refs,
        batchStart: batchStart))
  }

  /// Lets go of a record, unless it has something that HQ has not seen.
  /// - Returns: where it was; nil if it stays, or was not there.
  private mutating func evict(_ eviction: Eviction, at sequence: Sequence64) throws(StoreError) -> RecordRef? {
    guard var stored = try backend.find(eviction.key) else { return nil }
    guard let state = stored.state else { return try forgetPurged(stored, eviction, at: sequence) }
    let order = state.vector.compare(eviction.vector)
    guard order == .dominated || order == .equal else { return nil }
    let change = Change(stored: stored, state: state.emptied)
    // First of all: what a clash still counts must not find the record.
    stored.body = .stub(eviction.vector)
    stored.sequence = sequence
    try backend.update(stored)
    guard let schema = model.entity(state.entity) else { return stored.ref }
    try updateBalances(change, schema)
    try updateConflictCases(change, schema)
    return stored.ref
  }

  private mutating func observe(_ group: CommitGroup) {
    observe(group.stamp.time)
    for record in group.records { for entry in record.vector.entries { observe(entry.time) } }
  }

  mutating func observe(_ time: HybridTimestamp) {
    let latest = HybridTimestamp(wall: wall.advanced(byMilliseconds: StoreLimits.clockToleranceMilliseconds))
    if time <= latest { node.clock.observe(time) }
  }
}

extension CommitGroup {
  fileprivate var keys: [RecordKey] { records.map(\.key) + evictions.map(\.key) }
}

extension ReceiveCursor {
  /// The end of a chain that began before a batch and goes on beyond it; 0 if there is none.
  fileprivate func openChain(in batch: IncomingBatch) -> Sequence64 {
    epoch == batch.epoch && incompleteUntil > batch.through ? incompleteUntil : 0
  }
}

/// Why a group was not merged: it does not fit the model (and is parked), or the store failed (and nothing happened).
enum ApplyError: Error {
  case model(ModelError)
  /// The peer may not say this; it is shown, and not kept.
  case refused(ModelError)
  case store(StoreError)
}

func lift<Result>(_ body: () throws(StoreError) -> Result) throws(ApplyError) -> Result {
  do {
    return try body()
  } catch {
    throw .store(error)
  }
}

extension RecordState {
  /// The same record with nothing in it: what a store shows of a record that it let go of.
  fileprivate var emptied: RecordState { RecordState(entity: entity, id: id, vector: vector) }

  /// What is wrong with a received state; nil if it can be merged.
  ///
  /// Unknown entities, unknown fields and unknown words are no problem: they come from newer versions.
  func problem(_ schema: EntitySchema?) -> ModelError? {
    let name = schema?.name ?? "\(entity)"
    func problem(_ code: ModelError.Code, _ field: FieldSchema? = nil, _ reason: String) -> ModelError {
      ModelError(code, entity: name, field: field?.name, reason)
    }
    if vector.isEmpty { return problem(.inconsistentState, nil, "the vector is empty") }
    var uncovered: Stamp?
    forEachStamp { if !vector.covers($0) { uncovered = $0 } }
    for mark in deletions where !vector.covers(mark.stamp) { uncovered = mark.stamp }
    if let uncovered { return problem(.inconsistentState, nil, "the vector does not cover the stamp \(uncovered)") }
    guard let schema else {
      let fits = (1...ModelLimits.recordIDBytes).contains(id.bytes.count)
      return fits ? nil : problem(.invalidID, nil, "an id of \(id.bytes.count) bytes")
    }
    guard schema.identity.isValid(id), id.bytes.count <= ModelLimits.recordIDBytes else {
      return problem(.invalidID, nil, "the id is not \(schema.identity.expectation)")
    }
    for state in fields {
      guard let field = schema.field(state.tag) else { continue }
      if let reason = state.content.problem(field) { return problem(.invalidValue, field, reason) }
    }
    for tag in schema.indispensable {
      guard let field = schema.field(tag), shown(field, schema) == .null else { continue }
      return problem(.missingField, field, "expected a value, found none")
    }
    return nil
  }
}

extension EntitySchema {
  /// The fields without which a record has no place: whom it belongs to, and which sum it is part of. Other required
  /// fields may be missing in what an older version wrote.
  var indispensable: [FieldTag] {
    var tags = balances.flatMap { $0.keys + [$0.sum] }
    if let owner, field(owner)?.isRequired == true { tags.append(owner) }
    return tags
  }
}

extension FieldState.Content {
  fileprivate func problem(_ field: FieldSchema) -> String? {
    func firstProblem(_ values: some Sequence<Value>) -> String? {
      for value in values {
        if let problem = field.problem(with: value, isLocal: false) { return problem }
      }
      return nil
    }
    switch (self, field.rule) {
    case (.set(let elements), .set):
      return firstProblem(elements.lazy.map(\.value))
    case (.counter, .counter), (.map, .customFields):
      return nil
    case (.register(let siblings), let rule) where rule != .set && rule != .counter && rule != .customFields:
      guard siblings.count <= ModelLimits.siblingCount else { return "found \(siblings.count) concurrent values" }
      return firstProblem(siblings.lazy.map(\.value))
    default:
      return "found another kind of field, expected \(field.rule.name)"
    }
  }
}
