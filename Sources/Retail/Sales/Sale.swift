package import Base
package import StoreModel

/// What a till says about one sale. Amounts are totals of the line, in minor units of the shop's currency: facts that
/// nothing recomputes. Zeros are legal, and so is a coupon worth more than the sale.
package struct Sale: Hashable, Sendable {
  package struct Line: Hashable, Sendable {
    /// An article number; the catalogue need not know it.
    package var product: String
    /// In the product's unit.
    package var quantity: Int64
    package var salesAmount: Int64
    package var retailDiscount: Int64
    package var couponDiscount: Int64
    package var couponMatchDiscount: Int64

    package init(
      product: String, quantity: Int64, salesAmount: Int64, retailDiscount: Int64 = 0, couponDiscount: Int64 = 0,
      couponMatchDiscount: Int64 = 0
    ) {
      self.product = product
      self.quantity = quantity
      self.salesAmount = salesAmount
      self.retailDiscount = retailDiscount
      self.couponDiscount = couponDiscount
      self.couponMatchDiscount = couponMatchDiscount
    }
  }

  package struct Payment: Hashable, Sendable {
    package var method: StoreModel.Payment.Method
    package var amount: Int64

    package init(method: StoreModel.Payment.Method, amount: Int64) {
      self.method = method
      self.amount = amount
    }
  }

  /// A coupon that was used up by this sale. The discount itself is in the lines.
  package struct Redemption: Hashable, Sendable {
    package var code: String
    package var campaign: String?

    package init(code: String, campaign: String? = nil) {
      self.code = code
      self.campaign = campaign
    }
  }

  /// The till's number for the sale, unique in the shop.
  package var receipt: String
  package var soldAt: WallTime
  /// A member number.
  package var member: String?
  package var lines: [Line]
  /// Usually one; more if the customer paid partly in cash, none if the till did not say.
  package var payments: [Payment]
  package var redemptions: [Redemption]

  package init(
    receipt: String, soldAt: WallTime, member: String? = nil, lines: [Line], payments: [Payment] = [],
    redemptions: [Redemption] = []
  ) {
    self.receipt = receipt
    self.soldAt = soldAt
    self.member = member
    self.lines = lines
    self.payments = payments
    self.redemptions = redemptions
  }
}

/// The shop that sells, and what it knows.
package struct SaleContext: Sendable {
  /// The store's node number.
  package var store: UInt32
  package var calendar: BusinessCalendar
  /// ISO 4217, from the store's record.
  package var currency: String
  /// Of the sale's member, if the member is known and has one.
  package var memberHomeStore: RecordID?

  package init(store: UInt32, calendar: BusinessCalendar, currency: String, memberHomeStore: RecordID? = nil) {
    self.store = store
    self.calendar = calendar
    self.currency = currency
    self.memberHomeStore = memberHomeStore
  }
}
