import JSON

/// What a till hands in. Amounts are totals of the line in minor units of the shop's currency, facts that nothing recomputes.
public enum Receipt: Hashable, Sendable {
  /// One line of a basket.
  public struct Line: Hashable, Sendable {
    /// An article number; the catalogue need not know it.
    public var product: String
    /// In the product's unit.
    public var quantity: Int64
    /// What the line came to, after the discounts that the till took.
    public var salesCents: Int64
    /// The shop's own discount.
    public var retailDiscountCents: Int64
    /// Manufacturers' coupons.
    public var couponDiscountCents: Int64
    /// What the shop added to coupons.
    public var couponMatchDiscountCents: Int64

    /// One with these contents.
    public init(
      product: String, quantity: Int64, salesCents: Int64, retailDiscountCents: Int64 = 0,
      couponDiscountCents: Int64 = 0,
      couponMatchDiscountCents: Int64 = 0
    ) {
      self.product = product
      self.quantity = quantity
      self.salesCents = salesCents
      self.retailDiscountCents = retailDiscountCents
      self.couponDiscountCents = couponDiscountCents
      self.couponMatchDiscountCents = couponMatchDiscountCents
    }
  }

  /// A way in which the customer paid, and how much.
  public struct Payment: Hashable, Sendable {
    /// `cash`, `card`, …: the API's description has all.
    public var method: String
    /// Negative for what is given back.
    public var amountCents: Int64

    /// One with these contents.
    public init(method: String, amountCents: Int64) {
      self.method = method
      self.amountCents = amountCents
    }
  }

  /// A coupon that was used up.
  public struct Redemption: Hashable, Sendable {
    /// The coupon's own number.
    public var code: String
    /// The campaign that it belongs to, if the till knows.
    public var campaign: String?

    /// One with these contents.
    public init(code: String, campaign: String? = nil) {
      self.code = code
      self.campaign = campaign
    }
  }

  /// - Parameters:
  ///   - number: the till's number for it, unique in the shop.
  ///   - soldAt: RFC 3339, with an offset.
  case sale(
    number: String, soldAt: String, member: String? = nil, lines: [Line], payments: [Payment] = [],
    redemptions: [Redemption] = [])
  /// Amounts and quantities are negative for what comes back.
  case `return`(
    number: String, soldAt: String, original: String, originalSoldAt: String? = nil, member: String? = nil,
    lines: [Line], payments: [Payment] = [])
  /// Takes a whole receipt back.
  case void(number: String, soldAt: String, original: String)

  /// The operation's name, which stands in the path.
  var operation: String {
    switch self {
    case .sale: "sell"
    case .return: "return"
    case .void: "void"
    }
  }

  /// A key that is this receipt's own: a till never gives a number twice at one moment.
  public var idempotencyKey: String {
    switch self {
    case .sale(let number, let soldAt, _, _, _, _): "sell-\(number)-\(soldAt)"
    case .return(let number, let soldAt, _, _, _, _, _): "return-\(number)-\(soldAt)"
    case .void(let number, let soldAt, _): "void-\(number)-\(soldAt)"
    }
  }

  var json: JSONValue {
    switch self {
    case .sale(let number, let soldAt, let member, let lines, let payments, let redemptions):
      .members([
        "receipt": .string(number), "soldAt": .string(soldAt), "member": member.map(JSONValue.string),
        "lines": .array(lines.map(\.json)), "payments": payments.isEmpty ? nil : .array(payments.map(\.json)),
        "redemptions": redemptions.isEmpty ? nil : .array(redemptions.map(\.json)),
      ])
    case .return(let number, let soldAt, let original, let originalSoldAt, let member, let lines, let payments):
      .members([
        "receipt": .string(number), "soldAt": .string(soldAt), "original": .string(original),
        "originalSoldAt": originalSoldAt.map(JSONValue.string), "member": member.map(JSONValue.string),
        "lines": .array(lines.map(\.json)), "payments": payments.isEmpty ? nil : .array(payments.map(\.json)),
      ])
    case .void(let number, let soldAt, let original):
      ["receipt": .string(number), "soldAt": .string(soldAt), "original": .string(original)]
    }
  }
}

extension Receipt.Line {
  fileprivate var json: JSONValue {
    [
      "product": .string(product), "quantity": .integer(quantity), "salesCents": .integer(salesCents),
      "retailDiscountCents": .integer(retailDiscountCents), "couponDiscountCents": .integer(couponDiscountCents),
      "couponMatchDiscountCents": .integer(couponMatchDiscountCents),
    ]
  }
}

extension Receipt.Payment {
  fileprivate var json: JSONValue { ["method": .string(method), "amountCents": .integer(amountCents)] }
}

extension Receipt.Redemption {
  fileprivate var json: JSONValue {
    .members(["code": .string(code), "campaign": campaign.map(JSONValue.string)])
  }
}

/// A receipt that is in the shop's books.
public struct ReceiptTaken: Hashable, Sendable {
  /// The id of its order.
  public var order: String
  /// It was handed in before, the same.
  public var wasKnown: Bool

  init(_ json: JSONValue) throws(ClientError) {
    guard let order = json["order"]?.text, let outcome = json["outcome"]?.text else {
      throw .unreadable("expected a receipt's order and outcome")
    }
    self.order = order
    wasKnown = outcome == "known"
  }
}
