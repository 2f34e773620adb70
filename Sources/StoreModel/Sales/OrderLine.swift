/// One line of an order, written once. Amounts are totals of the line, in minor units of the order's currency.
package struct OrderLine: Entity {
  package var order: RecordID
  /// Counts from 1.
  package var line: UInt32
  package var store: RecordID
  /// A sale of something that the catalogue does not know is still a sale.
  package var product: RecordID
  /// In the product's unit; 0 is legal, and negative if goods came back.
  package var quantity: Int64
  /// What the shop receives for the line, its own discount taken off; coupons are reimbursed to it.
  package var salesAmount: Int64
  package var retailDiscount: Int64
  /// May exceed the sales amount.
  package var couponDiscount: Int64
  package var couponMatchDiscount: Int64

  package init(
    order: RecordID, line: UInt32, store: RecordID, product: RecordID, quantity: Int64, salesAmount: Int64,
    retailDiscount: Int64, couponDiscount: Int64, couponMatchDiscount: Int64
  ) {
    self.order = order
    self.line = line
    self.store = store
    self.product = product
    self.quantity = quantity
    self.salesAmount = salesAmount
    self.retailDiscount = retailDiscount
    self.couponDiscount = couponDiscount
    self.couponMatchDiscount = couponMatchDiscount
  }
}

extension OrderLine {
  package enum Field: UInt16, CaseIterable {
    case order = 1
    case line = 2
    case store = 3
    case product = 4
    case quantity = 5
    case salesAmount = 6
    case retailDiscount = 7
    case couponDiscount = 8
    case couponMatchDiscount = 9
  }

  package static var tag: EntityTag { EntityTag(11) }
  package static var name: String { "orderLine" }
  package static var table: String { "order_lines" }
  package static let identity = Identity.composed([.uuid, .number])
  package static var identityFields: [Field] { [.order, .line] }
  package static var mutability: Mutability { .immutable }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }
  package static var isPurgeable: Bool { true }

  package var id: RecordID { Self.identity.joining([order, RecordID(number: line)]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .order: .init("order", .reference(to: Order.self), .latest, by: .owner, required: true)
    case .line: .init("line", .integer, .latest, by: .owner, required: true)
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .product: .init("product", .reference(to: Product.self), .latest, by: .owner, required: true)
    case .quantity: .init("quantity", .quantity, .latest, by: .owner, required: true)
    case .salesAmount: .init("salesAmount", .money, .latest, by: .owner, required: true)
    case .retailDiscount: .init("retailDiscount", .money, .latest, by: .owner, required: true)
    case .couponDiscount: .init("couponDiscount", .money, .latest, by: .owner, required: true)
    case .couponMatchDiscount: .init("couponMatchDiscount", .money, .latest, by: .owner, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .order: .reference(order, to: Order.self)
    case .line: .integer(Int64(line))
    case .store: .reference(store, to: Store.self)
    case .product: .reference(product, to: Product.self)
    case .quantity: .integer(quantity)
    case .salesAmount: .integer(salesAmount)
    case .retailDiscount: .integer(retailDiscount)
    case .couponDiscount: .integer(couponDiscount)
    case .couponMatchDiscount: .integer(couponMatchDiscount)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    order = try fields.reference(.order)
    line = try fields.number(.line)
    store = try fields.reference(.store)
    product = try fields.reference(.product)
    quantity = try fields.integer(.quantity)
    salesAmount = try fields.integer(.salesAmount)
    retailDiscount = try fields.integer(.retailDiscount)
    couponDiscount = try fields.integer(.couponDiscount)
    couponMatchDiscount = try fields.integer(.couponMatchDiscount)
  }
}
