import StoreModel

/// An entity with a field of every rule.
struct Thing: Entity {
  enum Field: UInt16, CaseIterable {
    case owner = 1
    case latest, hq, ownerSays, manual, progress, first, maximum, minimum, set, counter, custom
  }

  static let steps = ["open", "started", "done"]

  static var tag: EntityTag { EntityTag(7) }
  static var name: String { "thing" }
  static var table: String { "things" }
  static var identity: Identity { .key }
  static var scope: Scope<Field> { .everyone }
  static var owner: Field? { .owner }

  static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .owner: FieldDeclaration("owner", .integer, .latest, by: .anyone)
    case .latest: FieldDeclaration("latest", .integer, .latest, by: .anyone)
    case .hq: FieldDeclaration("hq", .integer, .authority(.hq), by: .anyone)
    case .ownerSays: FieldDeclaration("ownerSays", .integer, .authority(.owner), by: .anyone)
    case .manual: FieldDeclaration("manual", .integer, .manual, by: .anyone)
    case .progress: FieldDeclaration("progress", .choice(steps), .progress(steps), by: .anyone)
    case .first: FieldDeclaration("first", .integer, .first, by: .anyone)
    case .maximum: FieldDeclaration("maximum", .integer, .maximum, by: .anyone)
    case .minimum: FieldDeclaration("minimum", .integer, .minimum, by: .anyone)
    case .set: FieldDeclaration("set", .integer, .set, by: .anyone)
    case .counter: FieldDeclaration("counter", .integer, .counter, by: .anyone)
    case .custom: FieldDeclaration("custom", .text, .customFields, by: .anyone)
    }
  }

  let id: RecordID

  init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) { self.id = id }

  func content(of field: Field) -> FieldContent { .null }

  static func schema(_ deletion: DeletionPolicy = .editWins) -> EntitySchema {
    var schema = EntitySchema(Thing.self)
    schema.deletion = deletion
    return schema
  }
}

/// An immutable entity.
struct Fact: Entity {
  enum Field: UInt16, CaseIterable {
    case product = 1
    case quantity, note
  }

  static var tag: EntityTag { EntityTag(8) }
  static var name: String { "fact" }
  static var table: String { "facts" }
  static var identity: Identity { .key }
  static var mutability: Mutability { .immutable }
  static var scope: Scope<Field> { .everyone }

  static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .product: FieldDeclaration("product", .integer, .latest, by: .anyone)
    case .quantity: FieldDeclaration("quantity", .quantity, .latest, by: .anyone)
    case .note: FieldDeclaration("note", .text, .latest, by: .anyone)
    }
  }

  let id: RecordID

  init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) { self.id = id }

  func content(of field: Field) -> FieldContent { .null }

  static func schema(_ deletion: DeletionPolicy = .editWins) -> EntitySchema {
    var schema = EntitySchema(Fact.self)
    schema.deletion = deletion
    return schema
  }
}
