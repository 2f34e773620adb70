/// A product that a coupon is good for. An entity and not a set in the coupon: one coupon may cover thousands. The
/// campaign is part of its identity, since a code that is in several campaigns may cover other products in each.
package struct CouponProduct: Entity {
  package var campaign: RecordID
  /// The coupon's code: a natural key, with the limits of one.
  package var code: String
  package var product: RecordID

  package init(campaign: RecordID, code: String, product: RecordID) {
    self.campaign = campaign
    self.code = code
    self.product = product
  }
}

extension CouponProduct {
  package enum Field: UInt16, CaseIterable {
    case campaign = 1
    case code = 2
    case product = 3
  }

  package static var tag: EntityTag { EntityTag(8) }
  package static var name: String { "couponProduct" }
  package static var table: String { "coupon_products" }
  package static let identity = Identity.composed([.key, .key, .key])
  package static var identityFields: [Field] { [.campaign, .code, .product] }
  package static var lane: Lane { .bulk }
  package static var scope: Scope<Field> { .everyone }

  package var id: RecordID { Self.identity.joining([campaign, RecordID(key: code), product]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .campaign: .init("campaign", .reference(to: Campaign.self), .latest, by: .hq, required: true)
    case .code: .init("code", .text, .latest, by: .hq, required: true)
    case .product: .init("product", .reference(to: Product.self), .latest, by: .hq, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .campaign: .reference(campaign, to: Campaign.self)
    case .code: .text(code)
    case .product: .reference(product, to: Product.self)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    campaign = try fields.reference(.campaign)
    code = try fields.text(.code)
    product = try fields.reference(.product)
  }
}
