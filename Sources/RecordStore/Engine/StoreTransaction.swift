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
  /// Whether received states that are plainly newer take the quick way.
  var takesNewer = false
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

  typealias Change = RecordChange

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
    let byteCount = Self.byteCount(of: changes) + list.byteCount
    if byteCount <= ModelLimits.groupBytes {
      return try writeEntry(
        changes[...], list.facts, stamp: stamp, lane: lane, from: sender, isAsReceived: isAsReceived,
        batchStart: batchStart ?? first, byteCount: byteCount)
    }
    guard !changes.contains(where: { $0.newer != nil }) else { throw .notQuick }
    guard list.facts.isEmpty else {
      let others = list.facts.map { Change(stored: nil, state: $0.state(stamp: stamp)) }
      return try write(
        others + changes, stamp: stamp, lane: lane, from: sender, isAsReceived: isAsReceived, batchStart: batchStart)
    }
    for part in Self.parts(of: changes) {
      try writeEntry(
        part, [], stamp: stamp, lane: lane, from: sender, isAsReceived: isAsReceived,
        batchStart: batchStart ?? first)
    }
  }

  static func byteCount(of changes: [Change]) -> Int {
    var count = 0
    // By their places: a copy of each would count references.
    for index in changes.indices { count += changes[index].byteCount }
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
    isAsReceived: Bool, batchStart: Sequence64, byteCount: Int = 0
  ) throws(StoreError) {
    node.head += 1
    var entry = EntryBuilder(byteCount: byteCount, origin: isAsReceived ? sender : nil)
    entry.refs.reserveCapacity(facts.count + changes.count)
    for fact in facts {
      entry.refs.append(try put(fact, stamp: stamp, sequence: node.head))
      entry.audience.add(fact.accepted.store)
    }
    for index in changes.indices {
      if let accepted = changes[index].newer {
        try replace(changes[index].state, accepted, from: sender, into: &entry)
      } else {
        try write(changes[index], from: sender, into: &entry)
      }
    }
    guard !entry.refs.isEmpty else {
      // Nothing of what seemed newer was.
      node.head -= 1
      return
    }
    try backend.append(
      LogEntry(
        sequence: node.head, lane: lane, stamp: stamp, origin: entry.origin, audience: entry.audience.result,
        records: entry.refs, isReceived: sender != nil, needs: entry.needs, batchStart: batchStart))
  }

  /// Writes a state in its record's place, the quick way if it is plainly newer.
  private mutating func replace(
    _ state: RecordState, _ accepted: NewerRules.Accepted, from sender: NodeNumber?, into entry: inout EntryBuilder
  ) throws(StoreError) {
    switch try backend.replace(with: state, keeping: accepted.keys, sequence: node.head) {
    case .replaced(let ref, let previous):
      tally.replaced += 1
      entry.refs.append(ref)
      entry.addPrevious(previous)
      entry.audience.add(accepted.store)
    case .seen:
      tally.dominated += 1
    case .absent:
      guard model.entity(state.entity)?.identity.isValid(state.id) == true else { throw .notQuick }
      tally.new += 1
      entry.refs.append(try backend.insert(plain: state, sequence: node.head))
      entry.audience.add(accepted.store)
      if !accepted.keys.isEmpty { try updateClashes(of: state) }
    case .undecided:
      guard let change = try generally(state) else { return }
      entry.byteCount += change.byteCount - accepted.byteCount
      guard entry.byteCount <= ModelLimits.groupBytes else { throw .notQuick }
      if !change.isAsReceived { entry.origin = nil }
      try write(change, from: sender, into: &entry)
    }
  }

  private mutating func write(
    _ change: Change, from sender: NodeNumber?, into entry: inout EntryBuilder
  ) throws(StoreError) {
    let purged = try takeUpPurged(change)
    let ref = try put(change, sequence: node.head)
    entry.refs.append(ref)
    if let stored = change.stored { entry.addPrevious(stored.sequence) }
    guard let schema = model.entity(change.state.entity) else { return }
    try updateBalances(change, schema, before: change.stored?.state ?? purged)
    try updateConflictCases(change, schema)
    if sender == nil { try noteCounterSteps(change, ref, schema) }
    if schema.isErasable, change.state.isErased { try wipe(change.state.key) }
    let departed = try updateDepartures(change, ref, schema, sender)
    entry.audience.add(change.state, schema, departed: departed)
    // The sender has to be told that the record is not its own (any more).
    if let sender, departed.contains(sender) { entry.origin = nil }
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

/// A record before and after, on its way into the store.
///
/// Not within `StoreTransaction`, where it would be generic, and every copy of one would go through what is known of its
/// type at run time.
struct RecordChange {
  var stored: StoredRecord?
  var state: RecordState
  /// Whether the state is exactly what was received.
  var isAsReceived = true
  /// Of a received state that has not been held against what is stored.
  var newer: NewerRules.Accepted?

  var byteCount: Int { newer?.byteCount ?? state.approximateByteCount }
}

/// A log entry while its records are written.
private struct EntryBuilder {
  /// Of its records, about.
  var byteCount: Int
  var origin: NodeNumber?
  var refs: [RecordRef] = []
  var audience = AudienceBuilder()
  /// The entries that the records belonged to before, as they came.
  private var previous: [Sequence64] = []

  init(byteCount: Int, origin: NodeNumber?) {
    self.byteCount = byteCount
    self.origin = origin
  }

  mutating func addPrevious(_ sequence: Sequence64) {
    // What was written together is mostly written together again.
    if sequence != previous.last { previous.append(sequence) }
  }

  /// Ascending, each once.
  var needs: [Sequence64] {
    var needs: [Sequence64] = []
    for sequence in previous.sorted() where sequence != needs.last { needs.append(sequence) }
    return needs
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

  /// - Parameter store: nil for all.
  mutating func add(_ store: NodeNumber?) {
    guard let store else { return isMixed = true }
    add(store)
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
