import Base
import Causality
import Merge
import StoreModel

/// One writing transaction of a store: what commits and received groups have in common when they change records.
struct StoreTransaction<Backend: StorageBackend> {
  let backend: Backend
  let model: Model
  let wall: WallTime
  var node: NodeState
  /// HQ waits for the authors of what it has lost, instead of taking for forged what names them.
  var isHealing = false
  /// A person has said that what the peer sends is so.
  var trustsPeer = false
  /// What it has done so far.
  var tally = WorkTally()
  var parkedCoding: ParkedCoding?
  /// Of the entities whose new records take the quick way.
  let rules: FactRules.Table
  /// What was found out about columns of the batch that is being applied.
  var judged = JudgedColumns()

  init(
    backend: Backend, model: Model, node: NodeState, wall: WallTime, rules: FactRules.Table
  ) {
    self.rules = rules
    self.backend = backend
    self.model = model
    self.node = node
    self.wall = wall
  }

  /// A record before and after, on its way into the store.
  struct Change {
    var stored: StoredRecord?
    var state: RecordState
  }

  /// Writes the changed records and the log entry that names them.
  ///
  /// A merge may have brought together more than one batch can carry: then there are several entries, of one received
  /// batch and so a chain, whose parts travel marked incomplete up to the last.
  /// - Parameters:
  ///   - sender: the peer that they came from; nil if they were written here.
  ///   - isAsReceived: whether they are exactly what the sender has, which then does not need them back.
  ///   - batchStart: the first sequence of the received batch that they came with.
  mutating func write(
    _ changes: [Change], _ list: FactList = FactList(), stamp: Stamp, lane: Lane, from sender: NodeNumber? = nil,
    isAsReceived: Bool = false, batchStart: Sequence64? = nil
  ) throws(StoreError) {
    let first = node.head + 1
    guard !changes.isEmpty else {
      guard !list.facts.isEmpty else { return }
      return try writeEntry(
        [], list.facts, stamp: stamp, lane: lane, from: sender, isAsReceived: isAsReceived,
        batchStart: batchStart ?? first)
    }
    let parts = Self.parts(of: changes)
    let fits = parts.count <= 1 && Self.byteCount(of: changes) + list.byteCount <= ModelLimits.groupBytes
    guard list.facts.isEmpty || fits else {
      let others = list.facts.map { Change(stored: nil, state: $0.state(stamp: stamp)) }
      return try write(
        others + changes, stamp: stamp, lane: lane, from: sender, isAsReceived: isAsReceived, batchStart: batchStart)
    }
    for part in parts {
      try writeEntry(
        part, list.facts, stamp: stamp, lane: lane, from: sender, isAsReceived: isAsReceived,
        batchStart: batchStart ?? first)
    }
  }

  static func byteCount(of changes: [Change]) -> Int {
    var count = 0
    for change in changes { count += change.state.approximateByteCount }
    return count
  }

  private static func parts(of changes: [Change]) -> [ArraySlice<Change>] {
    var parts: [ArraySlice<Change>] = []
    var start = 0
    var bytes = 0
    for (index, change) in changes.enumerated() {
      let count = change.state.approximateByteCount
      if index > start, bytes + count > ModelLimits.groupBytes {
        parts.append(changes[start..<index])
        (start, bytes) = (index, 0)
      }
      bytes += count
    }
    if start < changes.count { parts.append(changes[start...]) }
    return parts
  }

  private mutating func writeEntry(
    _ changes: ArraySlice<Change>, _ facts: [Fact], stamp: Stamp, lane: Lane, from sender: NodeNumber?,
    isAsReceived: Bool, batchStart: Sequence64
  ) throws(StoreError) {
    node.head += 1
    var refs: [RecordRef] = []
    var audience = AudienceBuilder()
    var origin = isAsReceived ? sender : nil
    refs.reserveCapacity(facts.count + changes.count)
    for fact in facts {
      refs.append(try put(fact, stamp: stamp, sequence: node.head))
      audience.add(fact.accepted.store)
    }
    for change in changes {
      let purged = try takeUpPurged(change)
      let ref = try put(change, sequence: node.head)
      refs.append(ref)
      if let schema = model.entity(change.state.entity) {
        try updateBalances(change, schema, before: change.stored?.state ?? purged)
        try updateConflictCases(change, schema)
        if sender == nil { try noteCounterSteps(change, ref, schema) }
        if schema.isErasable, change.state.isErased { try wipe(change.state.key) }
        let departed = try updateDepartures(change, ref, schema, sender)
        audience.add(change.state, schema, departed: departed)
        // The sender has to be told that the record is not its own (any more).
        if let sender, departed.contains(sender) { origin = nil }
      }
    }
    let entry = LogEntry(
      sequence: node.head, lane: lane, stamp: stamp, origin: origin, audience: audience.result, records: refs,
      isReceived: sender != nil, needs: Self.needs(of: changes), batchStart: batchStart)
    try backend.append(entry)
  }

  /// The entries that the records belonged to before. A key path here would be made anew for each group: a sixth of a
  /// commit's time.
  private static func needs(of changes: ArraySlice<Change>) -> [Sequence64] {
    var needs: Set<Sequence64> = []
    for change in changes { if let stored = change.stored { needs.insert(stored.sequence) } }
    return needs.sorted()
  }

  private func put(_ change: Change, sequence: Sequence64) throws(StoreError) -> RecordRef {
    guard var stored = change.stored else {
      return try backend.insert(change.state.key, .held(change.state), sequence: sequence)
    }
    stored.body = .held(change.state)
    stored.sequence = sequence
    try backend.update(stored)
    return stored.ref
  }

  /// Notes what a store adds to its shares of counters, until HQ has it.
  private func noteCounterSteps(_ change: Change, _ ref: RecordRef, _ schema: EntitySchema) throws(StoreError) {
    guard schema.hasCounters, !node.identity.isHQ else { return }
    let own = node.identity.replica
    for field in change.state.fields {
      guard let new = field.content.shares?.first(where: { $0.stamp.replica == own }) else { continue }
      let old = change.stored?.state?.content(of: field.tag)?.shares?.first { $0.stamp.replica == own }
      let difference = new.sum.addingSaturating(0 &- (old?.sum ?? 0))
      guard difference != 0 else { continue }
      try backend.addCounterStep(
        CounterStep(sequence: node.head, ref: ref, field: field.tag, difference: difference))
    }
  }

  /// Keeps the declared sums equal to the records: takes the old record's part away and adds the new one's.
  func updateBalances(_ change: Change, _ schema: EntitySchema) throws(StoreError) {
    try updateBalances(change, schema, before: change.stored?.state)
  }

  private func updateBalances(_ change: Change, _ schema: EntitySchema, before: RecordState?) throws(StoreError) {
    for balance in schema.balances {
      let old = before.flatMap { $0.contribution(to: balance, schema) }
      let new = change.state.contribution(to: balance, schema)
      guard old?.keys != new?.keys || old?.amount != new?.amount else { continue }
      if let old {
        try backend.addToBalance(balance.name, keys: old.keys, difference: 0 &- old.amount)
      }
      if let new {
        try backend.addToBalance(balance.name, keys: new.keys, difference: new.amount)
      }
    }
  }

  /// Remembers at HQ which stores a record has left, so that they can be told; forgets those that it is back in. A
  /// store that sends a record holds it, whether or not the record was ever in its scope.
  private func updateDepartures(
    _ change: Change, _ ref: RecordRef, _ schema: EntitySchema, _ sender: NodeNumber?
  ) throws(StoreError) -> [NodeNumber] {
    guard node.identity.isHQ, case .stores = schema.scope else { return [] }
    var before = change.stored?.state.map { $0.scope(schema).stores } ?? []
    if let sender { before.append(sender) }
    let after = change.state.scope(schema).stores
    var departed = try backend.departures(of: ref)
    for store in before where !after.contains(store) && !departed.contains(store) {
      try backend.setDeparted(true, store, from: ref)
      departed.append(store)
    }
    for store in departed where after.contains(store) {
      try backend.setDeparted(false, store, from: ref)
    }
    return departed.filter { !after.contains($0) }
  }
}

extension RecordState {
  /// What the record adds to a balance; nil if it is not part of it.
  func contribution(
    to balance: BalanceDeclaration<FieldTag>, _ schema: EntitySchema
  ) -> (keys: [Value], amount: Int64)? {
    guard !isDeleted(schema.deletion), let sum = schema.field(balance.sum),
      case .value(.integer(let amount)) = shown(sum, schema)
    else { return nil }
    var keys: [Value] = []
    for tag in balance.keys {
      guard let field = schema.field(tag), case .value(let value) = shown(field, schema) else { return nil }
      keys.append(value)
    }
    return (keys, amount)
  }
}

/// Finds the narrowest audience of a log entry: two stores are told apart, and more are anybody's.
struct AudienceBuilder {
  private var first: NodeNumber?
  private var second: NodeNumber?
  private var isMixed = false

  // By raw values: optionals of a type from another module compare through its witness table.
  mutating func add(_ store: NodeNumber) {
    guard let first else { return self.first = store }
    guard first.rawValue != store.rawValue else { return }
    guard let second else { return self.second = store }
    isMixed = isMixed || second.rawValue != store.rawValue
  }

  mutating func add(_ state: RecordState, _ schema: EntitySchema, departed: [NodeNumber]) {
    switch state.scope(schema) {
    case .everyone: isMixed = true
    case .hq: break
    case .stores(let nodes): for node in nodes { add(node) }
    }
    for node in departed { add(node) }
  }

  var result: Audience {
    if isMixed { return .mixed }
    guard let first else { return .hq }
    guard let second else { return .store(first) }
    return .pair(min(first, second), max(first, second))
  }
}
