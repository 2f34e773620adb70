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

  /// What a value must be. The most frequent types are told apart here, so that no schema is copied for a value.
  private enum Check {
    case number
    case storeNumber
    case uuid
    case key
    case text
    case other

    init(_ type: FieldType) {
      switch type {
      case .integer, .money, .quantity, .timestamp: self = .number
      case .text: self = .text
      case .reference(_, .uuid), .identifier(.uuid): self = .uuid
      case .reference(_, .key), .identifier(.key): self = .key
      case .reference(_, .number), .identifier(.number): self = .storeNumber
      case .boolean, .day, .choice, .reference, .identifier: self = .other
      }
    }
  }

  private struct Field {
    var tag: UInt16
    var check: Check
    var isRequired: Bool
    /// Without it the record has no place here, whoever wrote it.
    var isIndispensable: Bool
    var isOfHQ: Bool
  }

  /// The rules of a model's entities, in the places of their tags: they are asked for each record, without hashing and
  /// without a generic map, which is another module's and costs more to look into.
  struct Table: Sendable {
    private var rules: [(facts: FactRules?, newer: NewerRules?)] = []
    private var erasable: Set<EntityTag> = []

    init(_ model: Model) {
      for schema in model.entities {
        if schema.isErasable { erasable.insert(schema.tag) }
        let place = Int(schema.tag.rawValue)
        if place >= rules.count { rules += Array(repeating: (nil, nil), count: place + 1 - rules.count) }
        rules[place] = (FactRules(schema), NewerRules(schema))
      }
    }

    subscript(tag: EntityTag) -> FactRules? {
      let place = Int(tag.rawValue)
      return place < rules.count ? rules[place].facts : nil
    }

    func newer(_ tag: EntityTag) -> NewerRules? {
      let place = Int(tag.rawValue)
      return place < rules.count ? rules[place].newer : nil
    }

    /// Whether a record of the group may have been erased.
    func mayBeErased(_ group: CommitGroup) -> Bool {
      for record in group.records where self[record.entity] == nil && erasable.contains(record.entity) { return true }
      return false
    }
  }

  // As `RecordState.approximateByteCount` has them.
  private static let fixedBytes = 32
  private static let fieldBytes = 16
  fileprivate static let integerBytes = Value.integer(0).byteCount

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
    fields = schema.fields.map { field in
      Field(
        tag: field.tag.rawValue, check: Check(field.type), isRequired: field.isRequired,
        isIndispensable: indispensable.contains(field.tag), isOfHQ: field.writers == .hq)
    }
    requiredCount = schema.fields.count { $0.isRequired }
    indispensableCount = fields.count { $0.isIndispensable }
  }

  /// Whether `write` makes a whole fact that `author` may write.
  func accept(_ write: RecordWrite, by author: NodeNumber) -> Accepted? {
    guard case .write(let writes) = write.action, hasValidID(write.id) else { return nil }
    var walk = Walk(write.id)
    for index in writes.indices {
      guard case .set(let value) = writes[index].edit,
        walk.take(writes[index].field, value, fields, storeField, sound: { isSound($0, value, isLocal: true) })
      else { return nil }
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
        walk.take(
          field.tag, siblings[0].value, fields, storeField, sound: { isSound($0, siblings[0].value, isLocal: false) })
      else { return nil }
    }
    guard walk.indispensable == indispensableCount, let store = walk.store, walk.fits else { return nil }
    if let sender, store != sender || walk.hasFieldOfHQ { return nil }
    return Accepted(byteCount: walk.byteCount, store: store)
  }

  /// Whether all rows of some columns are whole facts.
  /// - Parameter sender: the store that must be the one to write them, where the receiver is HQ.
  /// - Returns: the column that names the store which holds each of them; nil if the general way is to look at them.
  func acceptedStoreColumn(_ facts: FactColumns, from sender: NodeNumber?) -> Int? {
    guard let store = facts.tags.firstIndex(of: storeField), facts.kinds[store] == .integers, hasValidIDs(facts),
      facts.numbers(store).allSatisfy({ number in
        sender.map { number == Int64($0.rawValue) } ?? (UInt32(exactly: number) != nil)
      })
    else { return nil }
    var indispensable = 0
    var most = Self.fixedBytes + (0..<facts.rowCount).reduce(0) { max($0, facts.ids.length(of: $1)) }
    for (column, tag) in facts.tags.enumerated() {
      guard let place = fields.firstIndex(where: { $0.tag == tag.rawValue }), isSound(place, facts, column),
        sender == nil || !fields[place].isOfHQ
      else { return nil }
      indispensable += fields[place].isIndispensable ? 1 : 0
      most += Self.fieldBytes + facts.longest(column)
    }
    return indispensable == indispensableCount && most <= ModelLimits.recordBytes ? store : nil
  }

  private func hasValidIDs(_ facts: FactColumns) -> Bool {
    let ids = facts.ids
    switch schema.identity {
    case .uuid: return (0..<ids.count).allSatisfy { ids.length(of: $0) == 16 }
    case .composed([.uuid, .number]): return (0..<ids.count).allSatisfy { ids.length(of: $0) == 20 }
    default: return (0..<ids.count).allSatisfy { hasValidID(facts.id($0)) }
    }
  }

  private func isSound(_ place: Int, _ facts: FactColumns, _ column: Int) -> Bool {
    let strings = facts.strings
    switch (fields[place].check, facts.kinds[column]) {
    case (.number, .integers): return true
    case (.storeNumber, .integers): return facts.numbers(column).allSatisfy { UInt32(exactly: $0) != nil }
    case (.uuid, .bytes): return facts.numbers(column).allSatisfy { strings.length(of: Int($0)) == 16 }
    case (.key, .texts): return facts.numbers(column).allSatisfy { Identity.isKeyText(strings[Int($0)]) }
    default:
      for row in 0..<facts.rowCount where row == 0 || !facts.repeats(row, column) {
        guard isSound(place, facts.value(row, column), isLocal: false) else { return false }
      }
      return true
    }
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
      byteCount = FactRules.fixedBytes + id.bytes.count
    }

    var fits: Bool { byteCount <= ModelLimits.recordBytes }

    /// False where the general way is to look at it.
    mutating func take(
      _ tag: FieldTag, _ value: Value, _ fields: [Field], _ storeField: FieldTag, sound: (_ place: Int) -> Bool
    ) -> Bool {
      // By their raw values: tags compare through a witness table otherwise.
      let number = tag.rawValue
      while place < fields.count, fields[place].tag < number { place += 1 }
      guard place < fields.count, fields[place].tag == number else { return false }
      let field = fields[place]
      if case .integer(let integer) = value {
        // Most values are numbers that may be any.
        guard field.check == .number || sound(place) else { return false }
        byteCount += FactRules.fieldBytes + FactRules.integerBytes
        if number == storeField.rawValue { store = UInt32(exactly: integer).map { NodeNumber($0) } }
      } else {
        guard sound(place) else { return false }
        byteCount += FactRules.fieldBytes + value.byteCount
      }
      required += field.isRequired ? 1 : 0
      indispensable += field.isIndispensable ? 1 : 0
      hasFieldOfHQ = hasFieldOfHQ || field.isOfHQ
      place += 1
      return true
    }
  }

  private func isSound(_ place: Int, _ value: Value, isLocal: Bool) -> Bool {
    switch (fields[place].check, value) {
    case (_, .null): false
    case (.number, .integer): true
    case (.storeNumber, .integer(let number)): UInt32(exactly: number) != nil
    case (.uuid, .bytes(let bytes)): bytes.count == 16
    case (.key, .text): Identity.key.isValue(value)
    case (.text, .text(let text)): text.utf8.count <= ModelLimits.textBytes
    default:
      schema.fields[place].type.identity?.isValue(value)
        ?? (schema.fields[place].problem(with: value, isLocal: isLocal) == nil)
    }
  }
}

extension FactColumns {
  /// The most bytes that a value of a column takes.
  fileprivate func longest(_ column: Int) -> Int {
    guard kinds[column] != .integers else { return FactRules.integerBytes }
    return numbers(column).reduce(0) { max($0, strings.length(of: Int($1))) }
  }
}
