import Causality
import Merge
import StoreModel

/// What HQ takes from a store: the store's own stamps, on records in its scope, in fields that it may write. A
/// compromised shop PC can so neither change HQ's prices nor speak for another shop.
struct Admission {
  /// The store that sends.
  let peer: NodeNumber
  let schema: EntitySchema?
  /// Whether the record was in the store's scope once, and HQ has asked for it back: what the store wrote before it
  /// heard of that still counts.
  let hasDeparted: Bool
  /// HQ has lost commits that stores have seen, and gets them back from their authors.
  var isHealing = false

  /// Checks what `incoming` would change of `old`, which is what HQ holds.
  func check(_ incoming: RecordState, over old: RecordState?) throws(ModelError) {
    try checkVector(of: incoming, over: old)
    guard let old, old.vector.compare(incoming.vector) != .dominates else {
      return old == nil ? try checkNew(incoming) : ()
    }
    // By its definition, not by taking the newer state as it is: what the store did not write stays as HQ has it.
    var joined = old
    joined.join(incoming)
    try checkContents(of: incoming, old, joined)
    try checkScope(of: joined, incoming, old)
    let owner = old.owner(schema)
    for tag in changedFields(from: old, to: joined) {
      guard let field = schema?.field(tag) else { continue }
      try checkWriter(of: field, owner: owner)
    }
    try checkStamps(of: joined, over: old)
    try checkDeletion(joined, over: old)
    if schema?.mutability == .immutable, !old.stamps.isSubset(of: joined.stamps) {
      throw refusal(.immutable, "a fact of another writer is missing; it cannot be taken back")
    }
  }

  /// One stamp has one value. A state that names a stamp of HQ's with another one would be taken as it is, if it had seen all that
  /// HQ has; the join alone does not show it, as it keeps what was there. Where the vectors are equal nothing is taken.
  private func checkContents(of incoming: RecordState, _ old: RecordState, _ joined: RecordState) throws(ModelError) {
    guard incoming.vector != old.vector else { return }
    var other = incoming
    other.join(old)
    guard other == joined else { throw refusal(.forged, "it has other contents under a stamp that HQ knows") }
  }

  /// A vector entry of another node says what the store has seen, and it has seen no more than HQ.
  private func checkVector(of incoming: RecordState, over old: RecordState?) throws(ModelError) {
    for entry in incoming.vector.entries where entry.replica.node != peer {
      guard entry.time <= old?.vector[entry.replica] ?? .zero else {
        guard !isHealing else {
          throw refusal(
            .awaitingAuthor,
            "the store has seen a commit of \(entry.replica) that HQ has lost; it waits until \(entry.replica.node) brings that, "
              + "or a person trusts the store")
        }
        throw refusal(.forged, "the vector names \(entry.replica) at \(entry.time), which HQ has not seen there")
      }
    }
  }

  private func checkNew(_ incoming: RecordState) throws(ModelError) {
    // The vector has no other entries than the store's own, and it covers every stamp: they are all its own.
    try checkScope(of: incoming, incoming, nil)
    guard let schema else { return }
    let owner = incoming.owner(schema)
    for field in incoming.fields {
      if let known = schema.field(field.tag) { try checkWriter(of: known, owner: owner) }
    }
  }

  private func checkScope(of state: RecordState, _ incoming: RecordState, _ old: RecordState?) throws(ModelError) {
    guard let schema, !hasDeparted else { return }
    if state.scope(schema).contains(peer) || old?.scope(schema).contains(peer) == true { return }
    // Made by the store itself, which has seen nobody else's: for another store, or under an id that was taken meanwhile.
    let isOwn = incoming.vector.entries.allSatisfy { $0.replica.node == peer }
    if isOwn, incoming.scope(schema).contains(peer) || mayOpen(incoming, schema) { return }
    guard !isHealing else {
      throw refusal(
        .awaitingAuthor,
        "the record is not among those of store \(peer), which HQ may have forgotten with what it has lost; it waits until a "
          + "person trusts the store")
    }
    throw refusal(.outOfScope, "the record is not among those of store \(peer)")
  }

  /// Whether a store may make a record that lies with another store, such as a task for it: if it may write all of it.
  private func mayOpen(_ state: RecordState, _ schema: EntitySchema) -> Bool {
    schema.fields.allSatisfy { $0.writers == .anyone || state.content(of: $0.tag) == nil }
  }

  private func checkWriter(of field: FieldSchema, owner: NodeNumber?) throws(ModelError) {
    switch field.writers {
    case .anyone: return
    case .owner where owner == peer || hasDeparted: return
    case .owner: throw refusal(.notAllowed, "only the owning store or HQ may write it, not store \(peer)", field: field)
    case .hq: throw refusal(.notAllowed, "only HQ may write it, not store \(peer)", field: field)
    }
  }

  private func changedFields(from old: RecordState, to new: RecordState) -> [FieldTag] {
    let tags = Set(old.fields.map(\.tag)).union(new.fields.map(\.tag)).sorted()
    return tags.filter { old.content(of: $0) != new.content(of: $0) }
  }

  /// What has come to be alive was written by the store itself.
  private func checkStamps(of joined: RecordState, over old: RecordState) throws(ModelError) {
    let foreign = joined.stamps.subtracting(old.stamps).filter { $0.replica.node != peer }
    guard let stamp = foreign.min() else { return }
    throw refusal(.forged, "it names \(stamp) as the writer of a value, and store \(peer) sends it")
  }

  private func checkDeletion(_ joined: RecordState, over old: RecordState) throws(ModelError) {
    guard joined.deletions != old.deletions, let schema else { return }
    let new = joined.deletions.filter { !old.deletions.contains($0) }
    guard new.allSatisfy({ $0.stamp.replica.node == peer }) else {
      throw refusal(.forged, "a deletion bears another node's stamp")
    }
    guard !new.isEmpty else { return }
    if schema.mutability == .immutable { throw refusal(.immutable, "a fact is not deleted") }
    let owner = old.owner(schema)
    for field in schema.fields where old.content(of: field.tag) != nil { try checkWriter(of: field, owner: owner) }
  }

  private func refusal(_ code: ModelError.Code, _ reason: String, field: FieldSchema? = nil) -> ModelError {
    ModelError(code, entity: schema?.name ?? "unknown", field: field?.name, reason)
  }
}

extension RecordState {
  fileprivate var stamps: Set<Stamp> {
    var stamps: Set<Stamp> = []
    forEachStamp { stamps.insert($0) }
    return stamps
  }

  fileprivate func owner(_ schema: EntitySchema?) -> NodeNumber? { schema.flatMap { owner($0) } }
}
