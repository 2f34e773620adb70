import Causality
import Merge
import StoreModel

/// The quick way for what a chain writes most: sales, movements and payments that are written once and are new here.
///
/// No state is made of them, nothing is looked up but whether they are new, and their values go from where they stand
/// into the database's row. It leaves out nothing that the general way does to such a record, and what is not plainly
/// such a record goes that way. Gain on 200,000 order lines: `Protocol/PERFORMANCE.md`.
struct Fact {
  enum Source {
    case write(RecordWrite)
    case state(RecordState)
  }

  var rules: FactRules
  var source: Source
  var accepted: FactRules.Accepted

  var id: RecordID {
    switch source {
    case .write(let write): write.id
    case .state(let state): state.id
    }
  }

  var key: RecordKey { RecordKey(entity: rules.tag, id: id) }

  /// What the record shows for a field; null if nothing.
  func value(of tag: FieldTag) -> Value {
    switch source {
    case .write(let write): return write.value(of: tag)
    case .state(let state): return state.content(of: tag)?.siblings?.first?.value ?? .null
    }
  }

  /// The same record as the general way has it.
  func state(stamp: Stamp) -> RecordState {
    switch source {
    case .state(let state): state
    case .write(let write): RecordState(new: write, stamp: stamp)
    }
  }
}

/// The facts of one group.
struct FactList {
  private(set) var facts: [Fact] = []
  private(set) var byteCount = 0
  private(set) var lane = Lane.bulk
  private var last: RecordKey?

  /// They ascend, so that none is there twice.
  func isBeyond(_ entity: EntityTag, _ id: RecordID) -> Bool {
    guard let last else { return true }
    let (mine, theirs) = (last.entity.rawValue, entity.rawValue)
    return mine < theirs || mine == theirs && last.id < id
  }

  func contains(_ key: RecordKey) -> Bool {
    !isBeyond(key.entity, key.id) && facts.contains { $0.key == key }
  }

  mutating func append(_ fact: Fact) {
    facts.append(fact)
    byteCount += fact.accepted.byteCount
    lane = min(lane, fact.rules.lane)
    last = fact.key
  }
}

extension StoreTransaction {
  /// The write as a fact, if it is one that is new here.
  /// - Parameter list: the facts before it; nil if the draft's writes are known to ascend.
  func fact(_ write: RecordWrite, after list: FactList?) throws(StoreError) -> Fact? {
    guard let rules = rules[write.entity], list?.isBeyond(write.entity, write.id) ?? true,
      let accepted = rules.accept(write, by: node.identity.replica.node),
      try backend.isNew(RecordKey(entity: write.entity, id: write.id))
    else { return nil }
    return Fact(rules: rules, source: .write(write), accepted: accepted)
  }

  /// The same of a received record.
  func fact(
    _ incoming: RecordState, of group: CommitGroup, from peer: NodeNumber, after list: FactList
  ) throws(StoreError) -> Fact? {
    // What this replica has written itself and lost goes the general way.
    guard group.stamp.replica != node.identity.replica, let rules = rules[incoming.entity],
      list.isBeyond(incoming.entity, incoming.id),
      let accepted = rules.accept(incoming, stamp: group.stamp, from: node.identity.isHQ ? peer : nil),
      try backend.isNew(incoming.key)
    else { return nil }
    return Fact(rules: rules, source: .state(incoming), accepted: accepted)
  }

  /// Writes a fact, and what is to be kept up to date with it.
  mutating func put(_ fact: Fact, stamp: Stamp, sequence: Sequence64) throws(StoreError) -> RecordRef {
    let ref: RecordRef
    switch fact.source {
    case .write(let write): ref = try backend.insert(fact: write, stamp: stamp, sequence: sequence)
    case .state(let state): ref = try backend.insert(fact: state, sequence: sequence)
    }
    guard fact.rules.hasBalancesOrKeys else { return ref }
    try keepUp(fact.rules.schema, value: fact.value)
    return ref
  }

  /// Keeps up to date what is kept beside the rows of an entity, when a fact is written.
  /// - Parameter value: what the fact shows for a field; null if nothing.
  mutating func keepUp(_ schema: EntitySchema, value: (FieldTag) -> Value) throws(StoreError) {
    for balance in schema.balances {
      guard case .integer(let amount) = value(balance.sum) else { continue }
      try backend.addToBalance(balance.name, keys: balance.keys.map(value), difference: amount)
    }
    for key in schema.unique {
      let values = key.fields.map(value)
      if !values.contains(where: \.isNull) { try updateClash(key, values, schema) }
    }
  }
}
