/// Money that changed hands for an order, written once.
package struct Payment: Entity {
  package enum Method: String, CaseIterable {
    case cash, card, other
  }

  package var order: RecordID
  /// Counts the order's payments from 1.
  package var number: UInt32
  package var store: RecordID
  package var method: String
  /// In minor units of `currency`; negative if it was paid out.
  package var amount: Int64
  /// ISO 4217.
  package var currency: String

  package init(
    order: RecordID, number: UInt32, store: RecordID, method: String, amount: Int64, currency: String
  ) {
    self.order = order
    self.number = number
    self.store = store
    self.method = method
    self.amount = amount
    self.currency = currency
  }
}

extension Payment {
  package enum Field: UInt16, CaseIterable {
    case order = 1
    case number = 2
    case store = 3
    case method = 4
    case amount = 5
    case currency = 6
  }

  package static var tag: EntityTag { EntityTag(12) }
  package static var name: String { "payment" }
  package static var table: String { "payments" }
  package static let identity = Identity.composed([.uuid, .number])
  package static var identityFields: [Field] { [.order, .number] }
  package static var mutability: Mutability { .immutable }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }
  package static var isPurgeable: Bool { true }

  package var id: RecordID { Self.identity.joining([order, RecordID(number: number)]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .order: .init("order", .reference(to: Order.self), .latest, by: .owner, required: true)
    case .number: .init("number", .integer, .latest, by: .owner, required: true)
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .method: .init("method", .choice(Method.allCases.map(\.rawValue)), .latest, by: .owner, required: true)
    case .amount: .init("amount", .money, .latest, by: .owner, required: true)
    case .currency: .init("currency", .text, .latest, by: .owner, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .order: .reference(order, to: Order.self)
    case .number: .integer(Int64(number))
    case .store: .reference(store, to: Store.self)
    case .method: .text(method)
    case .amount: .integer(amount)
    case .currency: .text(currency)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    order = try fields.reference(.order)
    number = try fields.number(.number)
    store = try fields.reference(.store)
    method = try fields.text(.method)
    amount = try fields.integer(.amount)
    currency = try fields.text(.currency)
  }
}
