import Causality
import Merge
import StoreModel

/// What makes a record of an immutable entity sound, laid out so that checking one takes a walk along its values.
///
/// It only ever says yes. Whoever gets no yes goes the general way, which finds the same out slowly, and says why not.
final class FactRules: Sendable {
  /// A record that may be written as it is.
  struct Accepted {
    /// As `RecordState.approximateByteCount`.
    var byteCount: Int
    /// The one store that holds it.
    var store: NodeNumber
  }

  private struct Field {
    var schema: FieldSchema
    /// Without it the record has no place here, whoever wrote it.
    var isIndispensable: Bool
  }

  /// The rules of a model's entities, found without hashing.
  struct Table: Sendable {
    private var rules = EntityMap<FactRules>()
    private var erasable: Set<EntityTag> = []

    init(_ model: Model) {
      for schema in model.entities {
        if schema.isErasable { erasable.insert(schema.tag) }
        rules[schema.tag] = FactRules(schema)
      }
    }

    subscript(tag: EntityTag) -> FactRules? { rules[tag] }

    /// Whether a record of the group may have been erased.
    func mayBeErased(_ group: CommitGroup) -> Bool {
      for record in group.records where self[record.entity] == nil && erasable.contains(record.entity) { return true }
      return false
    }
  }

  let schema: EntitySchema
  let tag: EntityTag
  let lane: Lane
  /// Whether more than the row is to be kept up to date.
  let hasBalancesOrKeys: Bool
  private let fields: [Field]
  private let storeField: FieldTag
  private let requiredCount: Int
  private let indispensableCount: Int

  /// Nil for entities that can change, and for those that belong to several stores or to none.
  init?(_ schema: EntitySchema) {
    guard schema.mutability == .immutable, !schema.isErasable, case .stores(let scope) = schema.scope,
      let storeField = scope.first, scope.count == 1, schema.owner.map({ $0 == storeField }) ?? true
    else { return nil }
    self.schema = schema
    tag = schema.tag
    lane = schema.lane
    hasBalancesOrKeys = !schema.balances.isEmpty || !schema.unique.isEmpty
    self.storeField = storeField
    let indispensable = schema.indispensable
    fields = schema.fields.map { Field(schema: $0, isIndispensable: indispensable.contains($0.tag)) }
    requiredCount = schema.fields.count { $0.isRequired }
    indispensableCount = fields.count { $0.isIndispensable }
  }

  /// Whether `write` makes a whole fact that `author` may write.
  func accept(_ id: RecordID, _ writes: [FieldWrite], by author: NodeNumber) -> Accepted? {
    guard hasValidID(id) else { return nil }
    var walk = Walk(id)
    for write in writes {
      guard case .set(let value) = write.edit, walk.take(write.field, value, self, isLocal: true) else { return nil }
    }
    guard walk.required == requiredCount, let store = walk.store, author == .hq || author == store, walk.fits
    else { return nil }
    // HQ may write what owners write; what only HQ may write is not for others.
    guard author == .hq || !walk.hasFieldOfHQ else { return nil }
    return Accepted(byteCount: walk.byteCount, store: store)
  }

  /// Whether a received record is a whole fact under this one stamp.
  /// - Parameter sender: the store that must be the one to write it, where the receiver is HQ.
  func accept(_ state: RecordState, stamp: Stamp, from sender: NodeNumber?) -> Accepted? {
    guard state.deletions.isEmpty, state.vector.isOnly(stamp), hasValidID(state.id) else { return nil }
    if let sender, stamp.replica.node != sender { return nil }
    var walk = Walk(state.id)
    for field in state.fields {
      guard case .register(let siblings) = field.content, siblings.count == 1, siblings[0].stamp == stamp,
        walk.take(field.tag, siblings[0].value, self, isLocal: false)
      else { return nil }
    }
    guard walk.indispensable == indispensableCount, let store = walk.store, walk.fits else { return nil }
    if let sender, store != sender || walk.hasFieldOfHQ { return nil }
    return Accepted(byteCount: walk.byteCount, store: store)
  }

  private func hasValidID(_ id: RecordID) -> Bool {
    id.bytes.count <= ModelLimits.recordIDBytes && schema.identity.isValid(id)
  }

  /// Along a record's values, which must ascend by tag as the fields do.
  private struct Walk {
    var byteCount: Int
    var required = 0
    var indispensable = 0
    var hasFieldOfHQ = false
    var store: NodeNumber?
    private var place = 0

    init(_ id: RecordID) {
      byteCount = 32 + id.bytes.count
    }

    var fits: Bool { byteCount <= ModelLimits.recordBytes }

    /// False where the general way is to look at it.
    mutating func take(_ tag: FieldTag, _ value: Value, _ rules: FactRules, isLocal: Bool) -> Bool {
      // By their raw values: tags compare through a witness table otherwise.
      let number = tag.rawValue
      while place < rules.fields.count, rules.fields[place].schema.tag.rawValue < number { place += 1 }
      guard place < rules.fields.count, rules.fields[place].schema.tag.rawValue == number,
        rules.isSound(place, value, isLocal: isLocal)
      else { return false }
      let isRequired = rules.fields[place].schema.isRequired
      required += isRequired ? 1 : 0
      indispensable += rules.fields[place].isIndispensable ? 1 : 0
      hasFieldOfHQ = hasFieldOfHQ || rules.fields[place].schema.writers == .hq
      byteCount += 16 + value.byteCount
      if number == rules.storeField.rawValue, case .integer(let store) = value, let node = UInt32(exactly: store) {
        self.store = NodeNumber(node)
      }
      place += 1
      return true
    }
  }

  private func isSound(_ place: Int, _ value: Value, isLocal: Bool) -> Bool {
    switch (fields[place].schema.type, value) {
    case (_, .null): false
    case (.integer, .integer), (.money, .integer), (.quantity, .integer), (.timestamp, .integer): true
    case (.reference(_, let identity), let value), (.identifier(let identity), let value):
      identity.isValue(value)
    default: fields[place].schema.problem(with: value, isLocal: isLocal) == nil
    }
  }
}
