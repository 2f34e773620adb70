import Causality
import Merge
import StoreModel

/// What came of records that this node has purged: see `StoreEngine+Purge`.
extension StoreTransaction {
  func isPurged(_ stored: StoredRecord?) throws(StoreError) -> Bool {
    guard let stored, case .stub = stored.body else { return false }
    return try backend.purgedDigest(of: stored.key) != nil
  }

  /// A purged record comes back, because there is something new about it: it counts among the records again, and no more
  /// among what was purged.
  /// - Returns: what it was when it was purged; nil if it was not.
  func takeUpPurged(_ change: Change) throws(StoreError) -> RecordState? {
    guard let stored = change.stored, case .stub(let vector) = stored.body,
      try backend.purgedDigest(of: stored.key) != nil
    else { return nil }
    try backend.forgetPurged(stored.key)
    // Facts only gain values, each with its writer's stamp.
    let before = change.state.asSeen(by: vector)
    guard let schema = model.entity(before.entity) else { return before }
    for balance in schema.balances {
      guard let part = before.contribution(to: balance, schema) else { continue }
      try backend.addToPurgedBalance(balance.name, keys: part.keys, difference: 0 &- part.amount)
    }
    return before
  }

  /// HQ takes back a record that was purged: it is an ordinary stub from now on. What it has added to balances stays
  /// with them; only HQ could still tell how much that was.
  /// - Returns: where its stub is; nil if it was not purged, or has something that HQ has not seen.
  func forgetPurged(
    _ stored: StoredRecord, _ eviction: Eviction, at sequence: Sequence64
  ) throws(StoreError) -> RecordRef? {
    guard case .stub(let vector) = stored.body, try backend.purgedDigest(of: stored.key) != nil else { return nil }
    let order = vector.compare(eviction.vector)
    guard order == .dominated || order == .equal else { return nil }
    try backend.forgetPurged(stored.key)
    var stub = stored
    stub.body = .stub(eviction.vector)
    stub.sequence = sequence
    try backend.update(stub)
    return stub.ref
  }
}

extension RecordState {
  /// The values of a fact that a vector covers.
  fileprivate func asSeen(by vector: VersionVector) -> RecordState {
    var state = self
    state.vector = vector
    state.fields = fields.compactMap { field in
      guard let siblings = field.content.siblings else { return field }
      let seen = siblings.filter { vector.covers($0.stamp) }
      return seen.isEmpty ? nil : FieldState(tag: field.tag, content: .register(Siblings(seen)))
    }
    return state
  }
}
