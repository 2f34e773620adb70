package import Causality
package import StoreModel

/// Which of a field's concurrent values is shown, and why: enough to repeat the decision.
package struct Decision: Hashable, Sendable {
  /// Index of the shown sibling.
  package var shownIndex: Int
  /// A sentence part for people: “the latest write”.
  package var reason: String

  package init(shownIndex: Int, reason: String) {
    self.shownIndex = shownIndex
    self.reason = reason
  }
}

extension ConflictRule {
  /// Chooses among siblings, which ascend by stamp and are not empty. `owner` is the node that the record's owner
  /// field shows.
  ///
  /// It depends on nothing but its arguments, so replicas with the same record show the same value.
  package func choose(among siblings: Siblings, owner: NodeNumber?) -> Decision {
    precondition(!siblings.isEmpty, "there is something to choose from")
    let last = siblings.count - 1
    guard last > 0 else { return Decision(shownIndex: 0, reason: "the only value") }
    switch self {
    case .latest, .set, .counter, .customFields:
      return Decision(shownIndex: last, reason: "the latest write")
    case .manual:
      return Decision(shownIndex: last, reason: "the latest write, until a person picks")
    case .authority(let authority):
      let node = authority == .hq ? NodeNumber.hq : owner
      let name = authority == .hq ? "HQ" : "the owning store"
      if let index = siblings.lastIndex(where: { $0.stamp.replica.node == node }) {
        return Decision(shownIndex: index, reason: "\(name) has the authority over this field")
      }
      return Decision(shownIndex: last, reason: "the latest write; \(name) wrote none of them")
    case .first:
      let index = siblings.firstIndex { !$0.value.isNull } ?? 0
      return Decision(shownIndex: index, reason: "the first write")
    case .progress(let order):
      let index = siblings.lastIndexOfMaximum { left, right in
        rank(left.value, in: order) < rank(right.value, in: order)
      }
      return Decision(shownIndex: index, reason: "the furthest along \(order.joined(separator: " → "))")
    case .maximum:
      return Decision(
        shownIndex: siblings.lastIndexOfMaximum { $0.value < $1.value }, reason: "the largest value")
    case .minimum:
      let index = siblings.lastIndexOfMaximum { left, right in
        left.value.isNull != right.value.isNull ? left.value.isNull : right.value < left.value
      }
      return Decision(shownIndex: index, reason: "the smallest value")
    }
  }

  private func rank(_ value: Value, in order: [String]) -> Int {
    guard case .text(let word) = value else { return -2 }
    return order.firstIndex(of: word) ?? -1
  }
}

extension Siblings {
  /// Among equals the last, which has the highest stamp.
  fileprivate func lastIndexOfMaximum(_ isBefore: (Sibling, Sibling) -> Bool) -> Int {
    indices.dropFirst().reduce(0) { best, index in isBefore(self[index], self[best]) ? best : index }
  }
}

extension RecordState {
  /// Whether the record counts as deleted.
  package func isDeleted(_ policy: DeletionPolicy) -> Bool {
    guard !deletions.isEmpty else { return false }
    return policy == .deleteWins || !hasLiveStampsUnknownToDeletions
  }

  /// Whether something was written concurrently to every deletion that the record carries.
  package var hasLiveStampsUnknownToDeletions: Bool {
    guard !deletions.isEmpty else { return false }
    var known = VersionVector()
    for mark in deletions {
      known.join(mark.saw)
      known.insert(mark.stamp)
    }
    var unknown = false
    forEachStamp { unknown = unknown || !known.covers($0) }
    return unknown
  }

  /// The node number of the store that owns the record, as its owner field shows it.
  package func owner(_ schema: EntitySchema) -> NodeNumber? {
    guard let tag = schema.owner, let field = schema.field(tag),
      case .value(let value) = shown(field, schema, owner: nil),
      case .integer(let number) = value
    else { return nil }
    return UInt32(exactly: number).map(NodeNumber.init)
  }

  /// What the record shows for a field.
  package func shown(_ field: FieldSchema, _ schema: EntitySchema) -> FieldContent {
    shown(field, schema, owner: field.rule == .authority(.owner) ? owner(schema) : nil)
  }

  /// What the record shows for each field of the schema, in its order: quicker than one after the other, as all that the whole
  /// record decides is found once.
  package func allShown(_ schema: EntitySchema) -> [FieldContent] {
    let owner = owner(schema)
    let first = schema.mutability == .immutable ? firstStamp : nil
    return schema.fields.map { shown($0, schema, owner: owner, first: first) }
  }

  private func shown(
    _ field: FieldSchema, _ schema: EntitySchema, owner: NodeNumber?, first: Stamp? = nil
  ) -> FieldContent {
    guard let content = content(of: field.tag) else { return .null }
    switch content {
    case .register(let siblings):
      if schema.mutability == .immutable {
        guard let first = first ?? firstStamp else { return .null }
        return .value(siblings.first { $0.stamp == first }?.value ?? .null)
      }
      return .value(siblings[field.rule.choose(among: siblings, owner: owner).shownIndex].value)
    case .set(let elements):
      return .set(elements.map(\.value))
    case .counter(let shares):
      return .counter(shares.reduce(0) { $0.addingSaturating($1.sum) })
    case .map(let entries):
      let fields = entries.compactMap { entry in
        entry.siblings.last.map { CustomField(key: entry.key, value: $0.value) }
      }
      return .customFields(fields.filter { !$0.value.isNull })
    }
  }

  /// The lowest stamp that is alive: the one whose contents an immutable record shows, whole, so that it never mixes
  /// what two writers wrote.
  package var firstStamp: Stamp? {
    var first: Stamp?
    forEachStamp { stamp in first = first.map { min($0, stamp) } ?? stamp }
    return first
  }
}
