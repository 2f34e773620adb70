import Causality
import Merge
import StoreModel

/// What makes a received state of a record that changes simple: one value a field and no deletion mark, each value sound, so
/// that it can stand in the place of all that it has seen without being merged.
///
/// Like `FactRules` it only ever says yes. What gets no yes goes the general way.
final class NewerRules: Sendable {
  /// A state that may stand in its record's place, if it has seen all that is there.
  struct Accepted {
    /// As `RecordState.approximateByteCount`.
    var byteCount: Int
    /// The one store that holds it; nil if every store does.
    var store: NodeNumber?
    /// Fields of unique keys: where one of them shows something else, clashes come and go.
    var keys: [FieldTag]
  }

  /// Without references, of which each look at a field would count several.
  fileprivate struct Field {
    enum Kind {
      case number, bit, key, numberID, other
    }

    var tag: UInt16
    var kind: Kind
    var isIndispensable: Bool
    var isStore: Bool
  }

  private let schemas: [FieldSchema]
  private let fields: [Field]
  private let indispensableCount: Int
  private let keys: [FieldTag]

  /// Nil for entities of which more than the row would have to be kept up to date: sums, counters, what people want erased; and
  /// for those that belong to several stores or to none.
  init?(_ schema: EntitySchema) {
    guard schema.mutability == .mutable, !schema.isErasable, !schema.isPurgeable, schema.balances.isEmpty,
      schema.fields.allSatisfy(\.isRegister)
    else { return nil }
    let storeField: FieldTag?
    switch schema.scope {
    case .everyone: storeField = nil
    case .stores(let scope):
      guard scope.count == 1 else { return nil }
      storeField = scope[0]
    case .hq: return nil
    }
    let indispensable = schema.indispensable + [storeField].compactMap(\.self)
    schemas = schema.fields
    fields = schema.fields.map { field in
      Field(
        tag: field.tag.rawValue, kind: Field.Kind(field.type), isIndispensable: indispensable.contains(field.tag),
        isStore: field.tag == storeField)
    }
    indispensableCount = fields.count { $0.isIndispensable }
    keys = schema.unique.flatMap(\.fields)
  }

  func accept(_ state: RecordState) -> Accepted? {
    guard state.deletions.isEmpty, !state.vector.isEmpty else { return nil }
    var accepted = Accepted(
      byteCount: 16 + state.id.bytes.count + 16 * state.vector.entries.count, store: nil, keys: keys)
    var place = 0
    var indispensable = 0
    for field in state.fields {
      guard case .register(let siblings) = field.content, let sibling = siblings.only,
        state.vector.covers(sibling.stamp)
      else { return nil }
      // By their raw values: tags compare through a witness table otherwise.
      let number = field.tag.rawValue
      while place < fields.count, fields[place].tag < number { place += 1 }
      guard place < fields.count, fields[place].tag == number, isSound(place, sibling.value) else { return nil }
      if fields[place].isIndispensable, !sibling.value.isNull { indispensable += 1 }
      if fields[place].isStore {
        guard case .integer(let store) = sibling.value, let node = UInt32(exactly: store) else { return nil }
        accepted.store = NodeNumber(node)
      }
      accepted.byteCount += 16 + sibling.value.byteCount
      place += 1
    }
    guard indispensable == indispensableCount, accepted.byteCount <= ModelLimits.recordBytes else { return nil }
    return accepted
  }

  /// Whether a received value is one that the field's column holds, or none.
  private func isSound(_ place: Int, _ value: Value) -> Bool {
    switch (fields[place].kind, value) {
    case (_, .null), (.number, .integer): true
    case (.bit, .integer(let bit)): bit & ~1 == 0
    case (.numberID, .integer(let number)): UInt32(exactly: number) != nil
    case (.key, let value): Identity.key.isValue(value)
    default: schemas[place].problem(with: value, isLocal: false) == nil
    }
  }
}

extension NewerRules.Field.Kind {
  fileprivate init(_ type: FieldType) {
    switch type {
    case .integer, .money, .quantity, .timestamp: self = .number
    case .boolean: self = .bit
    case .reference(_, .key), .identifier(.key): self = .key
    case .reference(_, .number), .identifier(.number): self = .numberID
    case .reference, .identifier, .text, .day, .choice: self = .other
    }
  }
}

extension FieldSchema {
  /// Whether the field holds plain values, one of which is shown.
  fileprivate var isRegister: Bool { rule != .set && rule != .counter && rule != .customFields }
}

extension RecordState {
  /// Whether every field has one value, and nothing was deleted: then nothing about it is concurrent.
  package var isPlain: Bool {
    deletions.isEmpty
      && fields.allSatisfy { field in
        guard case .register(let siblings) = field.content else { return false }
        return siblings.count == 1
      }
  }
}
