import Causality
package import Merge
package import StoreModel

/// The quick way for what a chain changes most: prices, tasks and products that somebody who had seen them wrote anew.
///
/// A received state that has seen all that is here is what the general way makes of the two. So nothing is read, no state is
/// made of the row, and nothing is merged: the database compares the row's vector with the state's while it looks for the
/// row, and takes the state's values. It leaves out nothing that the general way does to such a record, and what is not
/// plainly newer goes that way. At HQ everything does: what a store sends is to be held against what is there
/// (`Admission`). Gain on 200,000 prices: `Protocol/PERFORMANCE.md`.
extension StoreTransaction {
  /// Whether the state can take the quick way; whether it is newer shows when it is written.
  func newer(_ incoming: RecordState) -> NewerRules.Accepted? {
    // This replica would go on to write stamps that the state counts as seen.
    guard takesNewer, incoming.vector[node.identity.replica] <= node.clock.last else { return nil }
    return rules.newer(incoming.entity)?.accept(incoming)
  }

  /// A record that was not there shows values of unique keys.
  mutating func updateClashes(of state: RecordState) throws(StoreError) {
    guard let schema = model.entity(state.entity) else { return }
    for key in schema.unique {
      let values = key.fields.map(state.plainValue)
      if !values.contains(where: \.isNull) { try updateClash(key, values, schema) }
    }
  }

  /// The general way of a state that proved not to be plainly newer; nil if it has nothing new.
  ///
  /// Other records of its group may stand in the database already, so nothing may be found out now for which the group
  /// would be parked: what could be makes the batch start anew, without the quick way.
  mutating func generally(_ incoming: RecordState) throws(StoreError) -> Change? {
    let schema = model.entity(incoming.entity)
    // The rules know all of a state but its id: for one that has a row, that is known.
    guard let schema, schema.identity.isValid(incoming.id) else { throw .notQuick }
    assert(incoming.problem(schema) == nil, "the rules accept sound states only")
    let stored = try backend.find(incoming.key)
    guard let merged = merged(incoming, into: stored, isPurged: try isPurged(stored)) else {
      tally.dominated += 1
      return nil
    }
    guard merged.state.approximateByteCount <= ModelLimits.recordBytes else { throw .notQuick }
    return Change(stored: stored, state: merged.state, isAsReceived: merged.isAsReceived)
  }
}

extension StoreError {
  /// The engine does the batch once more, group by group, and the general way.
  static var notQuick: StoreError { StoreError(.internalError, "a group that is not for the quick way") }
}

/// The keys of a group's records as they come; nearly always they ascend, and nothing is hashed.
struct GroupKeys {
  private var ascending: [RecordKey] = []
  /// All of them, since the first that did not ascend.
  private var all: Set<RecordKey>?

  mutating func contains(_ key: RecordKey) -> Bool {
    if all == nil, ascending.last?.precedes(key) ?? true { return false }
    let keys = all ?? Set(ascending)
    all = keys
    return keys.contains(key)
  }

  /// False if the key was there.
  mutating func insert(_ key: RecordKey) -> Bool {
    if all == nil, ascending.last?.precedes(key) ?? true {
      ascending.append(key)
      return true
    }
    var keys = all ?? Set(ascending)
    // Not held twice while it changes.
    all = nil
    defer { all = keys }
    return keys.insert(key).inserted
  }
}

extension RecordKey {
  /// By raw values, as tags compare through a witness table.
  fileprivate func precedes(_ other: RecordKey) -> Bool {
    let (mine, theirs) = (entity.rawValue, other.entity.rawValue)
    return mine != theirs ? mine < theirs : id < other.id
  }
}

/// What came of a state that was to stand in its record's place.
package enum Replacement: Hashable, Sendable {
  /// It does.
  case replaced(RecordRef, previous: Sequence64)
  /// What is there has seen all of it.
  case seen
  /// There is nothing, and never was.
  case absent
  /// It takes a closer look.
  case undecided
}

extension StorageBackend {
  package func replace(
    with state: RecordState, keeping keys: [FieldTag], sequence: Sequence64
  ) throws(StoreError) -> Replacement {
    guard var stored = try find(state.key) else { return .absent }
    guard case .held(let ours) = stored.body else { return .undecided }
    switch ours.vector.compare(state.vector) {
    case .equal, .dominates: return .seen
    case .concurrent: return .undecided
    case .dominated: break
    }
    let keeps = keys.allSatisfy { ours.plainValue(of: $0) == state.plainValue(of: $0) }
    guard ours.isPlain, keeps else { return .undecided }
    let previous = stored.sequence
    stored.body = .held(state)
    stored.sequence = sequence
    try update(stored)
    return .replaced(stored.ref, previous: previous)
  }
}

extension RecordState {
  /// What a field of a plain state shows.
  fileprivate func plainValue(of tag: FieldTag) -> Value { content(of: tag)?.siblings?.only?.value ?? .null }
}
