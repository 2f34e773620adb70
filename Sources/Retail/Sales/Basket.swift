import Base
import StoreModel

/// What a till has totalled up, on its way to becoming records.
struct Basket {
  private let facts: Sale
  private let kind: Order.Kind
  private let original: RecordID?
  private let context: SaleContext
  private let totals: Totals
  private let id: RecordID
  private let store: RecordID
  private let member: RecordID?
  private let day: Int64

  /// - Parameter facts: of a sale, or of a return with their signs; checked, so that their sums fit.
  init(_ facts: Sale, kind: Order.Kind, original: RecordID? = nil, context: SaleContext) {
    self.facts = facts
    self.kind = kind
    self.original = original
    self.context = context
    totals = Totals(facts.lines)
    id = facts.orderID(store: context.store)
    store = RecordID(number: context.store)
    member = facts.member.map(RecordID.init(key:))
    day = context.calendar.day(of: facts.soldAt)
  }

  /// All of it, as one commit group.
  var group: CommitDraft {
    CommitDraft(
      [RecordWrite(order)] + lines.map { RecordWrite($0) } + payments.map { RecordWrite($0) }
        + movements.map { RecordWrite($0) } + points.map { RecordWrite($0) } + redemptions.map { RecordWrite($0) })
  }

  private var order: Order {
    Order(
      id: id, store: store, receipt: facts.receipt, kind: kind.rawValue, original: original, member: member,
      soldAt: facts.soldAt, businessDay: day, currency: context.currency, lineCount: Int64(facts.lines.count),
      salesTotal: totals.sales, retailDiscount: totals.retailDiscount, couponDiscount: totals.couponDiscount,
      couponMatchDiscount: totals.couponMatchDiscount)
  }

  private var lines: [OrderLine] {
    zip(1..., facts.lines).map { number, line in
      OrderLine(
        order: id, line: number, store: store, product: RecordID(key: line.product), quantity: line.quantity,
        salesAmount: line.salesAmount, retailDiscount: line.retailDiscount, couponDiscount: line.couponDiscount,
        couponMatchDiscount: line.couponMatchDiscount)
    }
  }

  private var payments: [Payment] {
    zip(1..., facts.payments).map { number, payment in
      Payment(
        order: id, number: number, store: store, method: payment.method.rawValue, amount: payment.amount,
        currency: context.currency)
    }
  }

  private var movements: [StockMovement] {
    let reason: StockMovement.Reason = kind == .sale ? .sale : .return
    return zip(1..., facts.lines).map { number, line in
      StockMovement(
        document: id, line: number, store: store, place: StockMovement.shelf, product: RecordID(key: line.product),
        quantity: -line.quantity, reason: reason.rawValue, movedAt: facts.soldAt)
    }
  }

  /// At most one.
  private var points: [PointsEntry] {
    let points =
      kind == .sale ? pointsEarned(salesTotal: totals.sales) : -pointsEarned(salesTotal: -totals.sales)
    guard let member, points != 0 else { return [] }
    let reason: PointsEntry.Reason = kind == .sale ? .purchase : .correction
    return [
      PointsEntry(
        document: id, line: 1, member: member, store: store, homeStore: context.memberHomeStore, points: points,
        reason: reason.rawValue, earnedAt: facts.soldAt)
    ]
  }

  private var redemptions: [CouponRedemption] {
    facts.redemptions.enumerated().map { index, redemption in
      // The place in the list tells two of one code apart.
      let id = RecordID(
        importedAt: facts.soldAt, source: "redemption:\(context.store)", key: "\(index + 1)/\(facts.receipt)")
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
