/// A product that a coupon code is good for. An entity and not a set in the coupon: one code may cover thousands.
package struct CouponProduct: Entity {
  /// The coupon's code: a natural key, with the limits of one.
  package var code: String
  package var product: RecordID

  package init(
    code: String, product: RecordID
  ) {
    self.code = code
    self.product = product
  }
}

extension CouponProduct {
  package enum Field: UInt16, CaseIterable {
    case code = 1
    case product = 2
  }

  package static var tag: EntityTag { EntityTag(8) }
  package static var name: String { "couponProduct" }
  package static var table: String { "coupon_products" }
  package static let identity = Identity.composed([.key, .key])
  package static var identityFields: [Field] { [.code, .product] }
  package static var lane: Lane { .bulk }
  package static var scope: Scope<Field> { .everyone }

  package var id: RecordID { Self.identity.joining([RecordID(key: code), product]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .code: .init("code", .text, .latest, by: .hq, required: true)
    case .product: .init("product", .reference(to: Product.self), .latest, by: .hq, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .code: .text(code)
    case .product: .reference(product, to: Product.self)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    code = try fields.text(.code)
    product = try fields.reference(.product)
  }
}
