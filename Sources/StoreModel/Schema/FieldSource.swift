package import Base

/// The shown contents of a record's fields, for an entity's initialiser. Each accessor checks the kind.
package struct FieldSource<Field: RawRepresentable<UInt16> & Hashable & Sendable> {
  private let entity: EntitySchema
  private let content: (FieldTag) -> FieldContent?

  package init(_ entity: EntitySchema, content: @escaping (FieldTag) -> FieldContent?) {
    self.entity = entity
    self.content = content
  }

  private func error(_ field: Field, expected: String) -> ModelError {
    let name = entity.field(FieldTag(field.rawValue))?.name
    return ModelError(.invalidValue, entity: entity.name, field: name, "expected \(expected), found another kind")
  }

  private func missing(_ field: Field) -> ModelError {
    let name = entity.field(FieldTag(field.rawValue))?.name
    return ModelError(.missingField, entity: entity.name, field: name, "expected a value, found none")
  }

  package func optionalInteger(_ field: Field) throws(ModelError) -> Int64? {
    switch content(FieldTag(field.rawValue)) ?? .null {
    case .value(.integer(let value)): value
    case .value(.null): nil
    default: throw error(field, expected: "a whole number")
    }
  }

  package func integer(_ field: Field) throws(ModelError) -> Int64 {
    guard let value = try optionalInteger(field) else { throw missing(field) }
    return value
  }

  /// A whole number of 32 bits, such as a line's.
  package func number(_ field: Field) throws(ModelError) -> UInt32 {
    guard let value = UInt32(exactly: try integer(field)) else {
      throw error(field, expected: "a whole number from 0 to \(UInt32.max)")
    }
    return value
  }

  package func optionalTime(_ field: Field) throws(ModelError) -> WallTime? {
    try optionalInteger(field).map(WallTime.init(milliseconds:))
  }

  package func time(_ field: Field) throws(ModelError) -> WallTime {
    WallTime(milliseconds: try integer(field))
  }

  package func optionalText(_ field: Field) throws(ModelError) -> String? {
    switch content(FieldTag(field.rawValue)) ?? .null {
    case .value(.text(let value)): value
    case .value(.null): nil
    default: throw error(field, expected: "text")
    }
  }

  package func text(_ field: Field) throws(ModelError) -> String {
    guard let value = try optionalText(field) else { throw missing(field) }
    return value
  }

  package func optionalBoolean(_ field: Field) throws(ModelError) -> Bool? {
    try optionalInteger(field).map { $0 != 0 }
  }

  package func boolean(_ field: Field) throws(ModelError) -> Bool {
    try integer(field) != 0
  }

  package func optionalReference(_ field: Field) throws(ModelError) -> RecordID? {
    guard let value = content(FieldTag(field.rawValue)), value != .null else { return nil }
    guard case .value(let plain) = value,
      let identity = entity.field(FieldTag(field.rawValue))?.type.identity,
      let id = identity.id(from: plain)
    else { throw error(field, expected: "a reference") }
    return id
  }

  package func reference(_ field: Field) throws(ModelError) -> RecordID {
    guard let id = try optionalReference(field) else { throw missing(field) }
    return id
  }

  package func set(_ field: Field) throws(ModelError) -> [Value] {
    switch content(FieldTag(field.rawValue)) {
    case .set(let values): values
    case nil, .value(.null): []
    default: throw error(field, expected: "a set")
    }
  }

  package func counter(_ field: Field) throws(ModelError) -> Int64 {
    switch content(FieldTag(field.rawValue)) {
    case .counter(let value): value
    case nil, .value(.null): 0
    default: throw error(field, expected: "a counter")
    }
  }

  package func customFields(_ field: Field) throws(ModelError) -> [CustomField] {
    switch content(FieldTag(field.rawValue)) {
    case .customFields(let fields): fields
    case nil, .value(.null): []
    default: throw error(field, expected: "custom fields")
    }
  }
}

extension FieldContent {
  package static func integer(_ value: Int64?) -> FieldContent { .value(value.map(Value.integer) ?? .null) }
  package static func text(_ value: String?) -> FieldContent { .value(value.map(Value.text) ?? .null) }
  package static func boolean(_ value: Bool?) -> FieldContent { .integer(value.map { $0 ? 1 : 0 }) }

  /// A reference to a record of `entity`.
  package static func reference<E: Entity>(_ id: RecordID?, to entity: E.Type) -> FieldContent {
    .value(id.map(entity.identity.value(of:)) ?? .null)
  }
}
