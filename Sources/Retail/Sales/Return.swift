package import Base
package import StoreModel

/// What a till says about goods that came back. Quantities and amounts are facts with their signs, negative for what
/// comes back, so that every sum over lines, payments and movements is a plain sum.
package struct Return: Hashable, Sendable {
  /// The till's number for the return itself, unique in the shop.
  package var receipt: String
  package var soldAt: WallTime
  /// The number of the receipt that the goods were sold with, in this shop.
  package var original: String
  /// When that was, if the till knows. It tells receipts of one number apart, and names an original that the shop's
  /// records don't have (any more).
  package var originalSoldAt: WallTime?
  /// A member number: whose points are taken back.
  package var member: String?
  package var lines: [Sale.Line]
  package var payments: [Sale.Payment]

  package init(
    receipt: String, soldAt: WallTime, original: String, originalSoldAt: WallTime? = nil, member: String? = nil,
    lines: [Sale.Line], payments: [Sale.Payment] = []
  ) {
    self.receipt = receipt
    self.soldAt = soldAt
    self.original = original
    self.originalSoldAt = originalSoldAt
    self.member = member
    self.lines = lines
    self.payments = payments
  }
}

extension Return {
  /// The id of the order that this return becomes, by the same rule as a sale's: a receipt is one order, whatever it is.
  package func orderID(store: UInt32) -> RecordID { facts.orderID(store: store) }

  /// The id of the original order, which follows from its receipt and time.
  package func originalID(store: UInt32) -> RecordID? {
    originalSoldAt.map { Sale(receipt: original, soldAt: $0, lines: []).orderID(store: store) }
  }

  var facts: Sale {
    Sale(receipt: receipt, soldAt: soldAt, member: member, lines: lines, payments: payments)
  }
}

/// One commit group, as for a sale: the order, its lines and payments, the goods that are on the shelf again, the
/// points that are taken back.
///
/// The rule for points is that of a sale, the other way round: one point a whole unit of the currency (100 minor units)
/// of the amount that comes back, floored, from the member that the return names. It looks at this return alone; so what
/// several returns of one order take is never more than one return of all of it would.
///
/// It refuses only what cannot become records. Whether the original had so much is `checkReturn`'s to say, and for who
/// receives a return again nothing to ask.
///
/// - Parameter original: the original order's id; nil if the goods were bought elsewhere, or before there were records.
package func takeBack(
  _ goods: Return, original: RecordID?, in context: SaleContext
) throws(RetailError) -> CommitDraft {
  try check(goods, store: context.store)
  return Basket(goods.facts, kind: .return, original: original, context: context).group
}

/// Refuses a return that gives back more of a product than the original order had, counting what came back before.
///
/// Amounts are not compared: what a shop gives back for its goods is the shop's to decide.
///
/// - Parameter earlier: the lines of earlier returns of the same order that have not been voided.
package func checkReturn(
  _ goods: Return, of original: RecordedOrder, after earlier: [OrderLine]
) throws(RetailError) {
  let receipt = original.order.receipt
  if original.isVoided {
    throw RetailError(
      .originalVoided,
      "receipt \(receipt) was voided, so nothing of it can come back; look at the receipt that the goods came with")
  }
  guard original.order.kind == Order.Kind.sale.rawValue else {
    throw RetailError(
      .originalUnfit,
      "receipt \(receipt) is a \(original.order.kind), expected the sale that the goods were sold with")
  }
  guard original.isWhole else { throw original.notWhole }
  let sold = QuantitySums(original.lines.map { ($0.product, $0.quantity) })
  let before = QuantitySums(earlier.map { ($0.product, $0.quantity) })
  let now = QuantitySums(goods.lines.map { (RecordID(key: $0.product), $0.quantity) })
  for line in goods.lines {
    let product = RecordID(key: line.product)
    let back = 0 - now[product]
    let rest = max(0, sold[product].addingClamped(before[product]))
    guard back > rest else { continue }
    throw RetailError(
      .returnedTooMuch,
      "found \(back) of \(line.product) coming back, expected at most \(rest): receipt \(receipt) sold "
        + "\(sold[product]), and \(0 - before[product]) came back before")
  }
}

/// Quantities by product.
private struct QuantitySums {
  private var sums: [RecordID: Int64] = [:]

  init(_ quantities: [(product: RecordID, quantity: Int64)]) {
    for (product, quantity) in quantities { sums[product] = self[product].addingClamped(quantity) }
  }

  subscript(product: RecordID) -> Int64 { sums[product] ?? 0 }
}

extension Int64 {
  /// Stops at the largest and smallest number that has an opposite; a shop's records may come from anywhere.
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflows) = addingReportingOverflow(other)
    return Swift.max(-.max, overflows ? (other < 0 ? -.max : .max) : sum)
  }
}
