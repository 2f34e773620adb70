import Testing

/// A basket as a till writes it down: two products, paid in cash.
func sale(_ number: Int, member: String? = nil, cents: Int = 250) -> String {
  let who = member.map { "\"member\":\"\($0)\"," } ?? ""
  // Ten to a minute, from noon.
  let time = "2017-08-21T\(12 + number / 600):\(two(number / 10 % 60)):\(two(number % 10 * 6))Z"
  return """
    {"receipt":"R\(number)","soldAt":"\(time)",\(who)"lines":[\
    {"product":"apple","quantity":2,"salesCents":\(cents)},\
    {"product":"bread","quantity":1,"salesCents":300,"retailDiscountCents":50}],\
    "payment":{"method":"cash","amountCents":\(cents + 300)}}
    """
}

private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

extension Node {
  /// How many receipts the node holds and how many different ones; their lines, payments and stock movements; the money.
  func salesTotals() throws -> String {
    try rows(
      """
      SELECT (SELECT count(*) FROM orders), (SELECT count(DISTINCT store || '/' || receipt) FROM orders),
        (SELECT count(*) FROM order_lines), (SELECT count(*) FROM payments), (SELECT count(*) FROM stock_movements),
        (SELECT total(amount) FROM payments) - (SELECT total(sales_total) FROM orders),
        (SELECT sum(amount) FROM payments)
      """
    ).first ?? ""
  }

  /// What `salesTotals` says once `count` sales of 550 cents are there, each whole and once.
  static func totals(_ count: Int) -> String {
    "\(count)|\(count)|\(2 * count)|\(count)|\(2 * count)|0.0|\(550 * count)"
  }
}
