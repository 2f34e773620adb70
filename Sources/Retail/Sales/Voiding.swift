package import Base
package import StoreModel

/// What a till says when a receipt is to count as if it had never been.
package struct Voiding: Hashable, Sendable {
  /// The till's number for the void itself, unique in the shop.
  package var receipt: String
  package var soldAt: WallTime
  /// The number of the receipt that is voided, in this shop.
  package var original: String

  package init(receipt: String, soldAt: WallTime, original: String) {
    self.receipt = receipt
    self.soldAt = soldAt
    self.original = original
  }

  /// The id of the order that voids another. It derives from the other's alone: an order is voided once, and a second
  /// void meets the first.
  package static func orderID(voiding original: RecordID, soldAt: WallTime, store: UInt32) -> RecordID {
    RecordID(importedAt: soldAt, source: "void:\(store)", key: Identity.uuid.text(of: original))
  }
}

extension Order {
  /// The id of the order that voids this one.
  package func voidID(store: UInt32) -> RecordID { Voiding.orderID(voiding: id, soldAt: soldAt, store: store) }
}

/// An order as the shop's records have it, whole.
package struct RecordedOrder: Equatable, Sendable {
  package var order: Order
  package var lines: [OrderLine]
  package var payments: [Payment]
  package var movements: [StockMovement]
  package var points: [PointsEntry]
  package var isVoided: Bool

  package init(
    order: Order, lines: [OrderLine], payments: [Payment] = [], movements: [StockMovement] = [],
    points: [PointsEntry] = [], isVoided: Bool = false
  ) {
    self.order = order
    self.lines = lines
    self.payments = payments
    self.movements = movements
    self.points = points
    self.isVoided = isVoided
  }

  var isWhole: Bool { order.lineCount == Int64(lines.count) }

  var notWhole: RetailError {
    RetailError(
      .originalNotWhole,
      "found \(lines.count) lines of receipt \(order.receipt), expected \(order.lineCount): this node does not hold all "
        + "of it; nothing was written")
  }
}

/// One commit group that takes a whole order back: its lines, payments, movements and points once more with the opposite
/// sign, under the same numbers and reasons, so that every sum is as if the order had never been.
///
/// It does not touch coupons that the order redeemed. That a coupon was handed in is a fact, which is counted by itself
/// and stays; whether the customer gets it back is between the shop and the customer.
///
/// - Parameter id: `Order.voidID(store:)` of the original.
package func void(
  _ voiding: Voiding, of original: RecordedOrder, as id: RecordID, in context: SaleContext
) throws(RetailError) -> CommitDraft {
  try check(voiding)
  let order = original.order
  guard order.kind != Order.Kind.void.rawValue else {
    throw RetailError(.originalUnfit, "receipt \(order.receipt) is a void, expected a sale or a return")
  }
  guard original.isWhole else { throw original.notWhole }
  var writes = [
    RecordWrite(
      Order(
        id: id, store: order.store, receipt: voiding.receipt, kind: Order.Kind.void.rawValue, original: order.id,
        member: order.member, soldAt: voiding.soldAt, businessDay: context.calendar.day(of: voiding.soldAt),
        currency: order.currency, lineCount: order.lineCount, salesTotal: try opposite(order.salesTotal),
        retailDiscount: try opposite(order.retailDiscount), couponDiscount: try opposite(order.couponDiscount),
        couponMatchDiscount: try opposite(order.couponMatchDiscount)))
  ]
  for line in original.lines { writes.append(RecordWrite(try line.opposite(in: id))) }
  for payment in original.payments {
    var back = payment
    back.order = id
    back.amount = try opposite(payment.amount)
    writes.append(RecordWrite(back))
  }
  for movement in original.movements {
    var back = movement
    back.document = id
    back.quantity = try opposite(movement.quantity)
    back.movedAt = voiding.soldAt
    writes.append(RecordWrite(back))
  }
  for entry in original.points {
    var back = entry
    back.document = id
    back.points = try opposite(entry.points)
    back.earnedAt = voiding.soldAt
    writes.append(RecordWrite(back))
  }
  return CommitDraft(writes)
}

extension OrderLine {
  fileprivate func opposite(in order: RecordID) throws(RetailError) -> OrderLine {
    var line = self
    line.order = order
    line.quantity = try Retail.opposite(quantity)
    line.salesAmount = try Retail.opposite(salesAmount)
    line.retailDiscount = try Retail.opposite(retailDiscount)
    line.couponDiscount = try Retail.opposite(couponDiscount)
    line.couponMatchDiscount = try Retail.opposite(couponMatchDiscount)
    return line
  }
}

/// The least number of 64 bits has none; a till's amounts never get there, but a shop's records may come from anywhere.
private func opposite(_ number: Int64) throws(RetailError) -> Int64 {
  guard number != .min else {
    throw RetailError(.invalidAmount, "found the amount \(number) in the original, which has no opposite")
  }
  return -number
}
