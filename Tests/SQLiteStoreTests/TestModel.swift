import StoreModel

/// Fields of every kind, under a UUID.
struct Thing: Entity, Equatable {
  enum Field: UInt16, CaseIterable {
    case name = 1
    case price = 2
    case active = 3
    case status = 4
    case store = 5
    case shop = 6
    case code = 7
    case parent = 8
    case tags = 10
    case seen = 11
    case custom = 12
    case note = 13
  }

  static let tag = EntityTag(1)
  static let name = "thing"
  static let table = "things"
  static let identity = Identity.uuid
  static let scope = Scope<Field>.everyone
  static let owner: Field? = .store
  static let unique = [UniqueKey<Field>("name", [.name]), UniqueKey("place", [.store, .code])]
  static let lookups: [[Field]] = [[.parent], [.shop, .status]]

  static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .name: FieldDeclaration("name", .text, .latest, by: .anyone)
    case .price: FieldDeclaration("price", .money, .authority(.hq), by: .anyone)
    case .active: FieldDeclaration("active", .boolean, .first, by: .anyone)
    case .status: FieldDeclaration("status", .choice(["open", "done"]), .progress(["open", "done"]), by: .anyone)
    case .store: FieldDeclaration("homeStore", .integer, .latest, by: .anyone)
    case .shop: FieldDeclaration("shop", .reference(to: Shop.self), .maximum, by: .anyone)
    case .code: FieldDeclaration("code", .reference(to: Entry.self), .minimum, by: .anyone)
    case .parent: FieldDeclaration("parent", .reference(to: Thing.self), .manual, by: .anyone)
    case .tags: FieldDeclaration("tags", .text, .set, by: .anyone)
    case .seen: FieldDeclaration("seen", .integer, .counter, by: .anyone)
    case .custom: FieldDeclaration("custom", .text, .customFields, by: .anyone)
    case .note: FieldDeclaration("note", .text, .authority(.owner), by: .anyone)
    }
  }

  var id: RecordID
  init(id: RecordID, reading fields: borrowing FieldSource<Field>) { self.id = id }
  func content(of field: Field) -> FieldContent { .null }
}

/// An immutable ledger entry with a balance, under a natural key.
struct Entry: Entity, Equatable {
  enum Field: UInt16, CaseIterable {
    case product = 1
    case place = 2
    case amount = 3
  }

  static let tag = EntityTag(2)
  static let name = "entry"
  static let table = "entries"
  static let identity = Identity.key
  static let mutability = Mutability.immutable
  static let scope = Scope<Field>.everyone
  static let balances = [BalanceDeclaration<Field>("stock_on_hand", of: .amount, by: [.product, .place])]

  static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .product: FieldDeclaration("product", .text, .latest, by: .anyone, required: true)
    case .place: FieldDeclaration("place", .integer, .latest, by: .anyone, required: true)
    case .amount: FieldDeclaration("amount", .quantity, .latest, by: .anyone, required: true)
    }
  }

  var id: RecordID
  init(id: RecordID, reading fields: borrowing FieldSource<Field>) { self.id = id }
  func content(of field: Field) -> FieldContent { .null }
}

/// A number as its id; deletions win.
struct Shop: Entity, Equatable {
  enum Field: UInt16, CaseIterable {
    case name = 1
  }

  static let tag = EntityTag(3)
  static let name = "shop"
  static let table = "shops"
  static let identity = Identity.number
  static let deletion = DeletionPolicy.deleteWins
  static let scope = Scope<Field>.everyone

  static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .name: FieldDeclaration("name", .text, .latest, by: .anyone)
    }
  }

  var id: RecordID
  init(id: RecordID, reading fields: borrowing FieldSource<Field>) { self.id = id }
  func content(of field: Field) -> FieldContent { .null }
}

/// Identified by a shop's number and a key.
struct Listing: Entity, Equatable {
  enum Field: UInt16, CaseIterable {
    case price = 1
  }

  static let tag = EntityTag(4)
  static let name = "listing"
  static let table = "listings"
  static let identity = Identity.composed([.key, .number])
  static let scope = Scope<Field>.everyone

  static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .price: FieldDeclaration("price", .money, .latest, by: .anyone)
    }
  }

  var id: RecordID
  init(id: RecordID, reading fields: borrowing FieldSource<Field>) { self.id = id }
  func content(of field: Field) -> FieldContent { .null }
}

enum TestModel {
  static let thing = EntitySchema(Thing.self)
  static let entry = EntitySchema(Entry.self)
  static let shop = EntitySchema(Shop.self)
  /// Without `identityFields`, which only the check of a model asks for.
  static let listing: EntitySchema = {
    var schema = EntitySchema(Listing.self)
    schema.identityFields = [FieldTag(1), FieldTag(1)]
    return schema
  }()

  static let full = Model([thing, entry, shop, listing])

  /// An older version: without some of the thing's fields, and without the ledger.
  static let old: Model = {
    var thing = Self.thing
    thing.fields.removeAll { [2, 10, 12].contains($0.tag.rawValue) }
    return Model([thing, shop, listing])
  }()
}
