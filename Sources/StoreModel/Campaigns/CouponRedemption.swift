/// A coupon that a member used, written once.
package struct CouponRedemption: Entity {
  package var id: RecordID
  package var member: RecordID?
  /// As the till scanned it, whether or not the chain knows it.
  package var code: String
  package var campaign: RecordID?
  package var store: RecordID
  package var order: RecordID?
  /// The business day, yyyymmdd.
  package var redeemedDay: Int64

  package init(
    id: RecordID, member: RecordID? = nil, code: String, campaign: RecordID? = nil, store: RecordID,
    order: RecordID? = nil, redeemedDay: Int64
  ) {
    self.id = id
    self.member = member
    self.code = code
    self.campaign = campaign
    self.store = store
    self.order = order
    self.redeemedDay = redeemedDay
  }
}

extension CouponRedemption {
  package enum Field: UInt16, CaseIterable {
    case member = 1
    case code = 2
    case campaign = 3
    case store = 4
    case order = 5
    case redeemedDay = 6
  }

  package static var tag: EntityTag { EntityTag(9) }
  package static var name: String { "couponRedemption" }
  package static var table: String { "coupon_redemptions" }
  package static var identity: Identity { .uuid }
  package static var mutability: Mutability { .immutable }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }
  package static var isPurgeable: Bool { true }
  /// Whether a member has used a coupon before.
  package static var lookups: [[Field]] { [[.member, .code]] }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .member: .init("member", .reference(to: Member.self), .latest, by: .owner)
    case .code: .init("code", .text, .latest, by: .owner, required: true)
    case .campaign: .init("campaign", .reference(to: Campaign.self), .latest, by: .owner)
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .order: .init("order", .reference(to: Order.self), .latest, by: .owner)
    case .redeemedDay: .init("redeemedDay", .day, .latest, by: .owner, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .member: .reference(member, to: Member.self)
    case .code: .text(code)
    case .campaign: .reference(campaign, to: Campaign.self)
    case .store: .reference(store, to: Store.self)
    case .order: .reference(order, to: Order.self)
    case .redeemedDay: .integer(redeemedDay)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    member = try fields.optionalReference(.member)
    code = try fields.text(.code)
    campaign = try fields.optionalReference(.campaign)
    store = try fields.reference(.store)
    order = try fields.optionalReference(.order)
    redeemedDay = try fields.integer(.redeemedDay)
  }
}
