/// A product in a shop's assortment, with its price there.
package struct Listing: Entity {
  package var store: RecordID
  package var product: RecordID
  /// For one of the product's unit of sale, in minor units of the shop's currency. A manager may set one; against a
  /// concurrent price from headquarters it stands back.
  package var price: Int64?
  /// Whether the shop sells it at the moment.
  package var available: Bool?

  package init(
    store: RecordID, product: RecordID, price: Int64? = nil, available: Bool? = nil
  ) {
    self.store = store
    self.product = product
    self.price = price
    self.available = available
  }
}

extension Listing {
  package enum Field: UInt16, CaseIterable {
    case store = 1
    case product = 2
    case price = 3
    case available = 4
  }

  package static var tag: EntityTag { EntityTag(3) }
  package static var name: String { "listing" }
  package static var table: String { "listings" }
  package static let identity = Identity.composed([.number, .key])
  package static var identityFields: [Field] { [.store, .product] }
  package static var lane: Lane { .urgent }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }

  package var id: RecordID { Self.identity.joining([store, product]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .product: .init("product", .reference(to: Product.self), .latest, by: .owner, required: true)
    case .price: .init("price", .money, .authority(.hq), by: .anyone)
    case .available: .init("available", .boolean, .latest, by: .anyone)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .store: .reference(store, to: Store.self)
    case .product: .reference(product, to: Product.self)
    case .price: .integer(price)
    case .available: .boolean(available)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    store = try fields.reference(.store)
    product = try fields.reference(.product)
    price = try fields.optionalInteger(.price)
    available = try fields.optionalBoolean(.available)
  }
}
