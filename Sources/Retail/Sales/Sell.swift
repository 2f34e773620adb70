import Base
package import StoreModel

extension Sale {
  /// The id of the order that this sale becomes: the same for the same receipt of a shop at the same time, so a till
  /// that sends a sale again, or an import that is repeated, finds what is there.
  package func orderID(store: UInt32) -> RecordID {
    RecordID(importedAt: soldAt, source: "order:\(store)", key: receipt)
  }
}

/// One commit group: the order, its lines and payments, the goods that left the shelf, the member's points and the
/// coupons that were redeemed.
///
/// It depends on nothing but its arguments: the same sale in the same context gives the same group. The context may
/// have changed since (a member's home shop, say), and the records are written once; so who receives a sale again looks
/// for `Sale.orderID(store:)` first and leaves an order that is there alone.
package func sell(_ sale: Sale, in context: SaleContext) throws(RetailError) -> CommitDraft {
  try check(sale)
  let basket = Basket(sale: sale, context: context, totals: Totals(sale.lines))
  let writes =
    [RecordWrite(basket.order)] + basket.lines.map { RecordWrite($0) } + basket.payments.map { RecordWrite($0) }
    + basket.movements.map { RecordWrite($0) } + basket.points.map { RecordWrite($0) }
    + basket.redemptions.map { RecordWrite($0) }
  return CommitDraft(writes)
}

/// The sums that an order carries.
private struct Totals {
  private(set) var sales: Int64 = 0
  private(set) var retailDiscount: Int64 = 0
  private(set) var couponDiscount: Int64 = 0
  private(set) var couponMatchDiscount: Int64 = 0

  /// The lines have been checked: their sums fit (`RetailLimits.lineMagnitude`).
  init(_ lines: [Sale.Line]) {
    for line in lines {
      sales += line.salesAmount
      retailDiscount += line.retailDiscount
      couponDiscount += line.couponDiscount
      couponMatchDiscount += line.couponMatchDiscount
    }
  }
}

/// A sale on its way to becoming records.
private struct Basket {
  let sale: Sale
  let context: SaleContext
  let totals: Totals
  let id: RecordID
  let store: RecordID
  let member: RecordID?
  let day: Int64

  init(sale: Sale, context: SaleContext, totals: Totals) {
    self.sale = sale
    self.context = context
    self.totals = totals
    id = sale.orderID(store: context.store)
    store = RecordID(number: context.store)
    member = sale.member.map(RecordID.init(key:))
    day = context.calendar.day(of: sale.soldAt)
  }

  var order: Order {
    Order(
      id: id, store: store, receipt: sale.receipt, kind: Order.Kind.sale.rawValue, member: member, soldAt: sale.soldAt,
      businessDay: day, currency: context.currency, lineCount: Int64(sale.lines.count), salesTotal: totals.sales,
      retailDiscount: totals.retailDiscount, couponDiscount: totals.couponDiscount,
      couponMatchDiscount: totals.couponMatchDiscount)
  }

  var lines: [OrderLine] {
    zip(1..., sale.lines).map { number, line in
      OrderLine(
        order: id, line: number, store: store, product: RecordID(key: line.product), quantity: line.quantity,
        salesAmount: line.salesAmount, retailDiscount: line.retailDiscount, couponDiscount: line.couponDiscount,
        couponMatchDiscount: line.couponMatchDiscount)
    }
  }

  var payments: [Payment] {
    zip(1..., sale.payments).map { number, payment in
      Payment(
        order: id, number: number, store: store, method: payment.method.rawValue, amount: payment.amount,
        currency: context.currency)
    }
  }

  var movements: [StockMovement] {
    zip(1..., sale.lines).map { number, line in
      StockMovement(
        document: id, line: number, store: store, place: StockMovement.shelf, product: RecordID(key: line.product),
        quantity: -line.quantity, reason: StockMovement.Reason.sale.rawValue, movedAt: sale.soldAt)
    }
  }

  /// At most one.
  var points: [PointsEntry] {
    let points = pointsEarned(salesTotal: totals.sales)
    guard let member, points > 0 else { return [] }
    return [
      PointsEntry(
        document: id, line: 1, member: member, store: store, homeStore: context.memberHomeStore, points: points,
        reason: PointsEntry.Reason.purchase.rawValue, earnedAt: sale.soldAt)
    ]
  }

  var redemptions: [CouponRedemption] {
    sale.redemptions.enumerated().map { index, redemption in
      // The place in the list tells two of one code apart.
      let id = RecordID(
        importedAt: sale.soldAt, source: "redemption:\(context.store)", key: "\(index + 1)/\(sale.receipt)")
      return CouponRedemption(
        id: id, member: member, code: redemption.code, campaign: redemption.campaign.map(RecordID.init(key:)),
        store: store, order: self.id, redeemedDay: day)
    }
  }
}

/// One point a whole unit of the currency (100 minor units) of the basket's sales amount, never less than none.
package func pointsEarned(salesTotal: Int64) -> Int64 {
  max(0, salesTotal / 100)
}
