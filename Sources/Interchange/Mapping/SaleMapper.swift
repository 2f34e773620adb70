package import JSON
package import Retail
import StoreModel

/// Makes sales, returns and voids from JSON objects, one a receipt:
///
///     {"receipt": "35293784419", "soldAt": "2017-08-22T01:51:11Z", "member": "1534",
///      "lines": [{"product": "932298", "quantity": 1, "salesCents": 88, "retailDiscountCents": 51,
///                 "couponDiscountCents": 0, "couponMatchDiscountCents": 0}],
///      "payment": {"method": "cash", "amountCents": 88},
///      "redemptions": [{"code": "10000089078", "campaign": "13"}]}
///     {"kind": "return", "receipt": "R-17", "soldAt": "2017-08-23T15:20:00Z", "original": "35293784419",
///      "originalSoldAt": "2017-08-22T01:51:11Z", "member": "1534",
///      "lines": [{"product": "932298", "quantity": -1, "salesCents": -88, "retailDiscountCents": -51}],
///      "payment": {"method": "cash", "amountCents": -88}}
///     {"kind": "void", "receipt": "V-4", "soldAt": "2017-08-22T01:55:00Z", "original": "35293784419"}
///
/// Without a `kind` it is a sale. `member`, `originalSoldAt`, the three discounts, `payment` and `redemptions` may be
/// absent; `payments`, an array, stands instead of `payment` if there are several. A name that is not known is an error:
/// a misspelt discount must not lose money.
package struct SaleMapper: Sendable {
  package init() {}

  package func sale(_ object: JSONObject) throws(MappingError) -> TillReceipt {
    let fields = ObjectFields(object, path: "")
    switch try kind(fields) {
    case .sale: return .sale(try sale(fields))
    case .return: return .return(try goods(fields))
    case .void: return .void(try voiding(fields))
    }
  }

  private func kind(_ fields: ObjectFields) throws(MappingError) -> Order.Kind {
    guard let word = try fields.optionalText("kind") else { return .sale }
    guard let kind = Order.Kind(rawValue: word) else {
      let words = Order.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw fields.error("kind", "found another word, expected one of: \(words)")
    }
    return kind
  }

  private func sale(_ fields: ObjectFields) throws(MappingError) -> Sale {
    try fields.check(known: ["receipt", "soldAt", "member", "lines", "payment", "payments", "redemptions", "kind"])
    return Sale(
      receipt: try fields.text("receipt"), soldAt: try fields.time("soldAt"), member: try fields.optionalText("member"),
      lines: try lines(fields), payments: try payments(fields), redemptions: try redemptions(fields))
  }

  private func goods(_ fields: ObjectFields) throws(MappingError) -> Return {
    try fields.check(known: [
      "kind", "receipt", "soldAt", "original", "originalSoldAt", "member", "lines", "payment", "payments",
    ])
    return Return(
      receipt: try fields.text("receipt"), soldAt: try fields.time("soldAt"), original: try fields.text("original"),
      originalSoldAt: try fields.optionalTime("originalSoldAt"), member: try fields.optionalText("member"),
      lines: try lines(fields), payments: try payments(fields))
  }

  private func voiding(_ fields: ObjectFields) throws(MappingError) -> Voiding {
    try fields.check(known: ["kind", "receipt", "soldAt", "original"])
    return Voiding(
      receipt: try fields.text("receipt"), soldAt: try fields.time("soldAt"), original: try fields.text("original"))
  }

  private func lines(_ fields: ObjectFields) throws(MappingError) -> [Sale.Line] {
    guard let objects = try fields.optionalObjects("lines"), !objects.isEmpty else {
      throw MappingError("lines", "found none, expected at least one", code: .missing)
    }
    return try objects.map { line throws(MappingError) in
      try line.check(known: [
        "product", "quantity", "salesCents", "retailDiscountCents", "couponDiscountCents", "couponMatchDiscountCents",
      ])
      return Sale.Line(
        product: try line.text("product"), quantity: try line.integer("quantity"),
        salesAmount: try line.integer("salesCents"),
        retailDiscount: try line.optionalInteger("retailDiscountCents") ?? 0,
        couponDiscount: try line.optionalInteger("couponDiscountCents") ?? 0,
        couponMatchDiscount: try line.optionalInteger("couponMatchDiscountCents") ?? 0)
    }
  }

  private func payments(_ fields: ObjectFields) throws(MappingError) -> [Sale.Payment] {
    let single = try fields.optionalObject("payment")
    let several = try fields.optionalObjects("payments")
    guard single == nil || several == nil else {
      throw MappingError("payments", "found payment too, expected only one of the two")
    }
    return try (several ?? single.map { [$0] } ?? []).map { payment throws(MappingError) in
      try payment.check(known: ["method", "amountCents"])
      let word = try payment.text("method")
      guard let method = StoreModel.Payment.Method(rawValue: word) else {
        let words = StoreModel.Payment.Method.allCases.map(\.rawValue).joined(separator: ", ")
        throw payment.error("method", "found another word, expected one of: \(words)")
      }
      return Sale.Payment(method: method, amount: try payment.integer("amountCents"))
    }
  }

  private func redemptions(_ fields: ObjectFields) throws(MappingError) -> [Sale.Redemption] {
    try (fields.optionalObjects("redemptions") ?? []).map { redemption throws(MappingError) in
      try redemption.check(known: ["code", "campaign"])
      return Sale.Redemption(code: try redemption.text("code"), campaign: try redemption.optionalText("campaign"))
    }
  }
}
