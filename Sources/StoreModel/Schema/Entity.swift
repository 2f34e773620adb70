/// The number of an entity on the wire and in databases. Never reused.
package struct EntityTag: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var rawValue: UInt16

  package init(_ rawValue: UInt16) {
    self.rawValue = rawValue
  }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  package var description: String { String(rawValue) }
}

/// The number of a field within its entity. Never reused.
package struct FieldTag: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var rawValue: UInt16

  package init(_ rawValue: UInt16) {
    self.rawValue = rawValue
  }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  package var description: String { String(rawValue) }
}

/// A record type of the model: a plain struct in one file, with all that the engine must know about it.
///
/// The switches over `Field` have no `default`, and the stored properties no default values, so the compiler points at
/// every place that a new field was forgotten in.
package protocol Entity: Sendable, Equatable {
  /// Raw values are wire tags from 1 up; a tag that was used once is never used for another field.
  associatedtype Field: RawRepresentable<UInt16> & CaseIterable & Hashable & Sendable

  static var tag: EntityTag { get }
  /// In camel case, for the command line and the API.
  static var name: String { get }
  /// In snake case, the plural.
  static var table: String { get }
  static var identity: Identity { get }
  /// For a composed identity, the fields that make up the id, in order; otherwise empty.
  static var identityFields: [Field] { get }
  static var mutability: Mutability { get }
  static var deletion: DeletionPolicy { get }
  static var lane: Lane { get }
  static var scope: Scope<Field> { get }
  /// The field that names the store that owns a record, if the entity has owners.
  static var owner: Field? { get }
  static var unique: [UniqueKey<Field>] { get }
  /// Fields by whose values, together, a node looks records up. Each has an index of its own, of the records that have a
  /// value in the first; it costs every write of such a record, so there is one for a question that a shop asks each day.
  static var lookups: [[Field]] { get }
  static var balances: [BalanceDeclaration<Field>] { get }
  /// Whether a store may let go of old records, which HQ keeps: facts whose ids begin with the time of their making.
  static var isPurgeable: Bool { get }
  /// Whether a record is about a person, who may ask HQ to have it erased at every node. Such an entity is deleted by
  /// `deleteWins`: an edit that comes late must not bring the person back.
  static var isErasable: Bool { get }
  static func declaration(of field: Field) -> FieldDeclaration

  var id: RecordID { get }
  init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError)
  func content(of field: Field) -> FieldContent
}

extension Entity {
  package static var identityFields: [Field] { [] }
  package static var mutability: Mutability { .mutable }
  package static var deletion: DeletionPolicy { .editWins }
  package static var lane: Lane { .normal }
  package static var owner: Field? { nil }
  package static var unique: [UniqueKey<Field>] { [] }
  package static var lookups: [[Field]] { [] }
  package static var balances: [BalanceDeclaration<Field>] { [] }
  package static var isPurgeable: Bool { false }
  package static var isErasable: Bool { false }
}

extension FieldType {
  /// The id of a record of `entity`.
  package static func reference<E: Entity>(to entity: E.Type) -> FieldType {
    .reference(entity.tag, entity.identity)
  }
}
