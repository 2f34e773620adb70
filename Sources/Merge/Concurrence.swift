package import Causality
package import StoreModel

/// Something in a record that more than one replica wrote without knowing of the other, and what came of it.
package struct Concurrence: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    /// Concurrent values of a field.
    case field
    /// Different contents under the id of an immutable record.
    case immutable
    /// A deletion and a write that did not know of it.
    case deletion
  }

  package struct Candidate: Hashable, Sendable {
    package var stamp: Stamp
    package var value: Value
    package var isShown: Bool

    package init(stamp: Stamp, value: Value, isShown: Bool) {
      self.stamp = stamp
      self.value = value
      self.isShown = isShown
    }
  }

  package var kind: Kind
  /// Nil if it concerns the whole record.
  package var field: FieldTag?
  /// The entry of a `customFields` field.
  package var key: String?
  package var candidates: [Candidate]
  /// Why the shown one is shown.
  package var reason: String
  /// Whether the rule leaves it to a person.
  package var needsPerson: Bool
}

extension RecordState {
  /// All concurrences that the record carries now, in the order of its fields.
  ///
  /// They are a function of the state alone: every replica that holds the record sees the same ones, and they end when
  /// somebody who has seen the values writes the field again.
  package func concurrences(_ schema: EntitySchema) -> [Concurrence] {
    guard onlyStamp == nil else { return [] }
    var found: [Concurrence] = []
    if let deletion = deletionConcurrence(schema) { found.append(deletion) }
    if schema.mutability == .immutable {
      if let conflict = immutableConcurrence(schema) { found.append(conflict) }
      return found
    }
    let owner = owner(schema)
    for field in schema.fields {
      switch content(of: field.tag) {
      case .register(let siblings):
        if let one = Self.concurrence(field, nil, siblings, field.rule, owner) { found.append(one) }
      case .map(let entries):
        found += entries.compactMap { Self.concurrence(field, $0.key, Siblings($0.siblings), .latest, owner) }
      default:
        break
      }
    }
    return found
  }

  private static func concurrence(
    _ field: FieldSchema, _ key: String?, _ siblings: Siblings, _ rule: ConflictRule, _ owner: NodeNumber?
  ) -> Concurrence? {
    // Replicas that wrote the same value agree.
    guard siblings.count > 1, siblings.contains(where: { $0.value != siblings[0].value }) else { return nil }
    let decision = rule.choose(among: siblings, owner: owner)
    let candidates = siblings.enumerated().map { index, sibling in
      Concurrence.Candidate(stamp: sibling.stamp, value: sibling.value, isShown: index == decision.shownIndex)
    }
    return Concurrence(
      kind: .field, field: field.tag, key: key, candidates: candidates, reason: decision.reason,
      needsPerson: rule == .manual)
  }

  private func deletionConcurrence(_ schema: EntitySchema) -> Concurrence? {
    guard hasLiveStampsUnknownToDeletions else { return nil }
    let deleted = isDeleted(schema.deletion)
    let marks = deletions.map { Concurrence.Candidate(stamp: $0.stamp, value: .null, isShown: deleted) }
    return Concurrence(
      kind: .deletion, field: nil, key: nil, candidates: marks,
      reason: deleted ? "the deletion wins; the concurrent edit is kept" : "the concurrent edit wins over the deletion",
      needsPerson: deleted)
  }

  private func immutableConcurrence(_ schema: EntitySchema) -> Concurrence? {
    var stamps: Set<Stamp> = []
    forEachStamp { stamps.insert($0) }
    let ascending = stamps.sorted()
    guard let first = ascending.first, ascending.count > 1 else { return nil }
    let contents = ascending.map(contents(writtenBy:))
    guard contents.contains(where: { $0 != contents[0] }) else { return nil }
    return Concurrence(
      kind: .immutable, field: nil, key: nil,
      candidates: ascending.map { Concurrence.Candidate(stamp: $0, value: .null, isShown: $0 == first) },
      reason: "the first write is shown; a record of this kind is written once", needsPerson: true)
  }

  /// The fields of an immutable record as one of its writers wrote them.
  package func contents(writtenBy stamp: Stamp) -> [FieldWrite] {
    fields.compactMap { field in
      guard let sibling = field.content.siblings?.first(where: { $0.stamp == stamp }) else { return nil }
      return FieldWrite(field.tag, .set(sibling.value))
    }
  }
}
