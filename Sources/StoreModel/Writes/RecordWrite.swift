/// A change to one field, before it has a stamp.
package enum FieldEdit: Hashable, Sendable {
  /// A plain value; null takes the value away.
  case set(Value)
  /// Elements of a `set` field.
  case addElements([Value])
  case removeElements([Value])
  /// The set as it shall be: adds what is missing and removes the rest, as far as the writer has seen it.
  case replaceElements([Value])
  /// The difference to a `counter`.
  case add(Int64)
  /// One entry of `customFields`; null takes it away.
  case put(key: String, Value)
}

package struct FieldWrite: Hashable, Sendable {
  package var field: FieldTag
  package var edit: FieldEdit

  package init(_ field: FieldTag, _ edit: FieldEdit) {
    self.field = field
    self.edit = edit
  }
}

/// What a local transaction does to one record.
package struct RecordWrite: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    /// Creates the record if it does not exist, else changes the named fields. On an immutable record that exists it
    /// does nothing if the contents are the same, and else leaves a conflict case.
    case write([FieldWrite])
    case delete
  }

  package var entity: EntityTag
  package var id: RecordID
  package var action: Action

  package init(entity: EntityTag, id: RecordID, _ action: Action) {
    self.entity = entity
    self.id = id
    self.action = action
  }

  /// Writes every field of a typed record that has a content.
  package init<E: Entity>(_ record: E) {
    var writes: [FieldWrite] = []
    writes.reserveCapacity(E.Field.allCases.count)
    for field in E.Field.allCases {
      let tag = FieldTag(field.rawValue)
      switch record.content(of: field) {
      case .value(.null): break
      case .value(let value): writes.append(FieldWrite(tag, .set(value)))
      case .set(let values): if !values.isEmpty { writes.append(FieldWrite(tag, .addElements(values))) }
      case .counter(let value): if value != 0 { writes.append(FieldWrite(tag, .add(value))) }
      case .customFields(let fields):
        writes += fields.map { FieldWrite(tag, .put(key: $0.key, $0.value)) }
      }
    }
    self.init(entity: E.tag, id: record.id, .write(writes))
  }
}

/// All that one local transaction writes: applied whole or not at all, under one stamp, and sent whole.
package struct CommitDraft: Hashable, Sendable {
  package var writes: [RecordWrite]

  package init(_ writes: [RecordWrite]) {
    self.writes = writes
  }
}
