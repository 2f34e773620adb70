package import Base

/// A receipt, written once: a sale, a return, or the voiding of an earlier order. Its lines and payments are records of
/// their own, in the same commit group.
///
/// Amounts are what the till took, in minor units of `currency`; nothing recomputes them.
package struct Order: Entity {
  package enum Kind: String, CaseIterable {
    case sale, `return`, void
  }

  package var id: RecordID
  package var store: RecordID
  /// The till's number for it, unique in the shop.
  package var receipt: String
  package var kind: String
  /// The order that a return or a void refers to.
  package var original: RecordID?
  package var member: RecordID?
  /// By the till's clock.
  package var soldAt: WallTime
  /// The day of `soldAt` in the shop's time zone, yyyymmdd.
  package var businessDay: Int64
  /// ISO 4217.
  package var currency: String
  package var lineCount: Int64
  /// The sum of the lines' sales amounts.
  package var salesTotal: Int64
  /// The sum of the lines' discounts by the shop.
  package var retailDiscount: Int64
  /// The sum of the lines' discounts by manufacturers' coupons.
  package var couponDiscount: Int64
  /// The sum of what the shop added to coupons.
  package var couponMatchDiscount: Int64

  package init(
    id: RecordID, store: RecordID, receipt: String, kind: String, original: RecordID? = nil, member: RecordID? = nil,
    soldAt: WallTime, businessDay: Int64, currency: String, lineCount: Int64, salesTotal: Int64, retailDiscount: Int64,
    couponDiscount: Int64, couponMatchDiscount: Int64
  ) {
    self.id = id
    self.store = store
    self.receipt = receipt
    self.kind = kind
    self.original = original
    self.member = member
    self.soldAt = soldAt
    self.businessDay = businessDay
    self.currency = currency
    self.lineCount = lineCount
    self.salesTotal = salesTotal
    self.retailDiscount = retailDiscount
    self.couponDiscount = couponDiscount
    self.couponMatchDiscount = couponMatchDiscount
  }
}

extension Order {
  package enum Field: UInt16, CaseIterable {
    case store = 1
    case receipt = 2
    case kind = 3
    case original = 4
    case member = 5
    case soldAt = 6
    case businessDay = 7
    case currency = 8
    case lineCount = 9
    case salesTotal = 10
    case retailDiscount = 11
    case couponDiscount = 12
    case couponMatchDiscount = 13
  }

  package static var tag: EntityTag { EntityTag(10) }
  package static var name: String { "order" }
  package static var table: String { "orders" }
  package static var identity: Identity { .uuid }
  package static var mutability: Mutability { .immutable }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }
  package static var isPurgeable: Bool { true }
  package static var unique: [UniqueKey<Field>] { [UniqueKey("order_receipt", [.store, .receipt])] }
  /// The returns of an order, what a member has bought, and a shop's receipts of a day. Lines are found by their order.
  package static var lookups: [[Field]] { [[.original], [.member], [.store, .businessDay]] }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .receipt: .init("receipt", .text, .latest, by: .owner, required: true)
    case .kind: .init("kind", .choice(Kind.allCases.map(\.rawValue)), .latest, by: .owner, required: true)
    case .original: .init("original", .reference(to: Order.self), .latest, by: .owner)
    case .member: .init("member", .reference(to: Member.self), .latest, by: .owner)
    case .soldAt: .init("soldAt", .timestamp, .latest, by: .owner, required: true)
    case .businessDay: .init("businessDay", .day, .latest, by: .owner, required: true)
    case .currency: .init("currency", .text, .latest, by: .owner, required: true)
    case .lineCount: .init("lineCount", .integer, .latest, by: .owner, required: true)
    case .salesTotal: .init("salesTotal", .money, .latest, by: .owner, required: true)
    case .retailDiscount: .init("retailDiscount", .money, .latest, by: .owner, required: true)
    case .couponDiscount: .init("couponDiscount", .money, .latest, by: .owner, required: true)
    case .couponMatchDiscount: .init("couponMatchDiscount", .money, .latest, by: .owner, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .store: .reference(store, to: Store.self)
    case .receipt: .text(receipt)
    case .kind: .text(kind)
    case .original: .reference(original, to: Order.self)
    case .member: .reference(member, to: Member.self)
    case .soldAt: .integer(soldAt.milliseconds)
    case .businessDay: .integer(businessDay)
    case .currency: .text(currency)
    case .lineCount: .integer(lineCount)
    case .salesTotal: .integer(salesTotal)
    case .retailDiscount: .integer(retailDiscount)
    case .couponDiscount: .integer(couponDiscount)
    case .couponMatchDiscount: .integer(couponMatchDiscount)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    self.id = id
    store = try fields.reference(.store)
    receipt = try fields.text(.receipt)
    kind = try fields.text(.kind)
    original = try fields.optionalReference(.original)
    member = try fields.optionalReference(.member)
    soldAt = try fields.time(.soldAt)
    businessDay = try fields.integer(.businessDay)
    currency = try fields.text(.currency)
    lineCount = try fields.integer(.lineCount)
    salesTotal = try fields.integer(.salesTotal)
    retailDiscount = try fields.integer(.retailDiscount)
    couponDiscount = try fields.integer(.couponDiscount)
    couponMatchDiscount = try fields.integer(.couponMatchDiscount)
  }
}
