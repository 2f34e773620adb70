import Base
import StoreModel

/// Refuses what cannot become records, and what was meant otherwise: amounts without their signs would take goods and
/// money the wrong way.
func check(_ goods: Return, store: UInt32) throws(RetailError) {
  try check(goods.facts)
  try checkReceipt(goods.original, "an original receipt number")
  if let time = goods.originalSoldAt { try checkTime(time, "originalSoldAt") }
  for (number, line) in zip(1..., goods.lines) where line.quantity > 0 {
    throw RetailError(
      .invalidAmount,
      "line \(number): found the quantity \(line.quantity), expected none or less: what comes back is negative; what is "
        + "sold has a receipt of its own")
  }
  let total = goods.lines.reduce(0) { $0 + $1.salesAmount }
  guard total <= 0 else {
    throw RetailError(
      .invalidAmount, "found sales amounts of \(total) in all, expected none or less: what is given back is negative")
  }
  guard goods.originalID(store: store) != goods.orderID(store: store) else {
    throw RetailError(.originalUnfit, "found a return that names itself as the original, expected the sale's receipt")
  }
}

func check(_ voiding: Voiding) throws(RetailError) {
  try checkReceipt(voiding.receipt)
  try checkTime(voiding.soldAt)
  try checkReceipt(voiding.original, "an original receipt number")
}

/// Refuses what cannot become records. What is merely odd, such as a quantity of zero, is a fact of the till.
func check(_ sale: Sale) throws(RetailError) {
  try checkReceipt(sale.receipt)
  try checkTime(sale.soldAt)
  guard !sale.lines.isEmpty else {
    throw RetailError(.noLines, "found a receipt without lines, expected at least one")
  }
  try checkSize(sale)
  if let member = sale.member, !Member.identity.isValid(RecordID(key: member)) {
    throw RetailError(.invalidMember, "the member number is no key, expected \(Member.identity.expectation)")
  }
  for (number, line) in zip(1..., sale.lines) { try check(line, number: number) }
  for (number, payment) in zip(1..., sale.payments) {
    try checkMagnitude(payment.amount, "the amount of payment \(number)")
  }
  for (number, redemption) in zip(1..., sale.redemptions) { try check(redemption, number: number) }
}

private func checkTime(_ time: WallTime, _ name: String = "soldAt") throws(RetailError) {
  guard RetailLimits.soldAtMilliseconds.contains(time.milliseconds) else {
    throw RetailError(
      .invalidTime,
      "found \(name) \(RFC3339.format(time)), expected a time from 1970 to 9999; check the till's clock")
  }
}

private func checkReceipt(_ receipt: String, _ what: String = "a receipt number") throws(RetailError) {
  let isPlain = receipt.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  guard (1...RetailLimits.receiptBytes).contains(receipt.utf8.count), isPlain else {
    throw RetailError(
      .invalidReceipt,
      "found \(what) of \(receipt.utf8.count) bytes\(isPlain ? "" : " with control characters"), "
        + "expected 1 to \(RetailLimits.receiptBytes) bytes without control characters")
  }
}

private func checkSize(_ sale: Sale) throws(RetailError) {
  // The order and the points; every line moves stock too.
  let count = 2 + 2 * sale.lines.count + sale.payments.count + sale.redemptions.count
  guard count <= ModelLimits.groupRecordCount else {
    throw RetailError(
      .tooLarge,
      "found \(sale.lines.count) lines, \(sale.payments.count) payments and \(sale.redemptions.count) redemptions, "
        + "\(count) records; expected at most \(ModelLimits.groupRecordCount) in one receipt; split it over several")
  }
}

private func check(_ line: Sale.Line, number: Int) throws(RetailError) {
  guard Product.identity.isValid(RecordID(key: line.product)) else {
    throw RetailError(
      .invalidProduct, "line \(number): the article number is no key, expected \(Product.identity.expectation)")
  }
  try checkMagnitude(line.quantity, "the quantity of line \(number)")
  try checkMagnitude(line.salesAmount, "the sales amount of line \(number)")
  try checkMagnitude(line.retailDiscount, "the retail discount of line \(number)")
  try checkMagnitude(line.couponDiscount, "the coupon discount of line \(number)")
  try checkMagnitude(line.couponMatchDiscount, "the coupon match discount of line \(number)")
}

private func check(_ redemption: Sale.Redemption, number: Int) throws(RetailError) {
  guard Identity.key.isValid(RecordID(key: redemption.code)) else {
    throw RetailError(
      .invalidCoupon, "redemption \(number): the coupon's code is no key, expected \(Identity.key.expectation)")
  }
  if let campaign = redemption.campaign, !Campaign.identity.isValid(RecordID(key: campaign)) {
    throw RetailError(
      .invalidCoupon, "redemption \(number): the campaign is no key, expected \(Campaign.identity.expectation)")
  }
}

private func checkMagnitude(_ value: Int64, _ what: String) throws(RetailError) {
  guard value.magnitude <= RetailLimits.lineMagnitude.magnitude else {
    throw RetailError(
      .invalidAmount,
      "\(what) is \(value), expected \(-RetailLimits.lineMagnitude) to \(RetailLimits.lineMagnitude)")
  }
}
