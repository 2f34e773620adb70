package import Base

/// Goods that came or went, written once. The stock on hand is the sum of these.
package struct StockMovement: Entity {
  package enum Reason: String, CaseIterable {
    case sale, `return`, count, transfer, receipt
  }

  /// Where goods for sale are.
  package static var shelf: String { "shelf" }

  /// What moved them: an order's id, or that of a count, a transfer or a delivery.
  package var document: RecordID
  /// Counts the movements of one document from 1; in an order, the order line's number.
  package var line: UInt32
  package var store: RecordID
  /// Where in the shop, such as `shelf`.
  package var place: String
  package var product: RecordID
  /// In the product's unit; negative if they went.
  package var quantity: Int64
  package var reason: String
  package var movedAt: WallTime

  package init(
    document: RecordID, line: UInt32, store: RecordID, place: String, product: RecordID, quantity: Int64,
    reason: String, movedAt: WallTime
  ) {
    self.document = document
    self.line = line
    self.store = store
    self.place = place
    self.product = product
    self.quantity = quantity
    self.reason = reason
    self.movedAt = movedAt
  }
}

extension StockMovement {
  package enum Field: UInt16, CaseIterable {
    case document = 1
    case line = 2
    case store = 3
    case place = 4
    case product = 5
    case quantity = 6
    case reason = 7
    case movedAt = 8
  }

  package static var tag: EntityTag { EntityTag(13) }
  package static var name: String { "stockMovement" }
  package static var table: String { "stock_movements" }
  package static let identity = Identity.composed([.uuid, .number])
  package static var identityFields: [Field] { [.document, .line] }
  package static var mutability: Mutability { .immutable }
  package static var scope: Scope<Field> { .stores([.store]) }
  package static var owner: Field? { .store }
  package static var isPurgeable: Bool { true }
  package static var balances: [BalanceDeclaration<Field>] {
    [BalanceDeclaration("stock_on_hand", of: .quantity, by: [.store, .place, .product])]
  }

  package var id: RecordID { Self.identity.joining([document, RecordID(number: line)]) }

  package static func declaration(of field: Field) -> FieldDeclaration {
    switch field {
    case .document: .init("document", .identifier(.uuid), .latest, by: .owner, required: true)
    case .line: .init("line", .integer, .latest, by: .owner, required: true)
    case .store: .init("store", .reference(to: Store.self), .latest, by: .owner, required: true)
    case .place: .init("place", .text, .latest, by: .owner, required: true)
    case .product: .init("product", .reference(to: Product.self), .latest, by: .owner, required: true)
    case .quantity: .init("quantity", .quantity, .latest, by: .owner, required: true)
    case .reason: .init("reason", .choice(Reason.allCases.map(\.rawValue)), .latest, by: .owner, required: true)
    case .movedAt: .init("movedAt", .timestamp, .latest, by: .owner, required: true)
    }
  }

  package func content(of field: Field) -> FieldContent {
    switch field {
    case .document: .value(Identity.uuid.value(of: document))
    case .line: .integer(Int64(line))
    case .store: .reference(store, to: Store.self)
    case .place: .text(place)
    case .product: .reference(product, to: Product.self)
    case .quantity: .integer(quantity)
    case .reason: .text(reason)
    case .movedAt: .integer(movedAt.milliseconds)
    }
  }

  package init(id: RecordID, reading fields: borrowing FieldSource<Field>) throws(ModelError) {
    document = try fields.reference(.document)
    line = try fields.number(.line)
    store = try fields.reference(.store)
    place = try fields.text(.place)
    product = try fields.reference(.product)
    quantity = try fields.integer(.quantity)
    reason = try fields.text(.reason)
    movedAt = try fields.time(.movedAt)
  }
}
