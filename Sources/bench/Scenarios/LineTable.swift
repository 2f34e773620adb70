import StoreModel

/// Order lines as an application would keep them that knows nothing of sync: our table without our columns.
enum LineTable {
  static let create = """
    CREATE TABLE order_lines ("row" INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, "order" BLOB, line INTEGER,
      store INTEGER, product TEXT, quantity INTEGER, sales_amount INTEGER, retail_discount INTEGER,
      coupon_discount INTEGER, coupon_match_discount INTEGER);
    """
  static let insert = """
    INSERT INTO order_lines (id, "order", line, store, product, quantity, sales_amount, retail_discount,
      coupon_discount, coupon_match_discount) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """

  static func row(_ line: OrderLine) -> [Value] {
    [
      .bytes(line.id.bytes), .bytes(line.order.bytes), .integer(Int64(line.line)), .integer(Int64(JourneyLines.store)),
      .text(String(decoding: line.product.bytes, as: UTF8.self)), .integer(line.quantity), .integer(line.salesAmount),
      .integer(line.retailDiscount), .integer(line.couponDiscount), .integer(line.couponMatchDiscount),
    ]
  }

  static func rows(_ transactions: [ArraySlice<JourneyLines.Basket>]) -> PreparedRows {
    var rows = PreparedRows(columnCount: 10)
    for transaction in transactions {
      for basket in transaction { for line in basket.orderLines { rows.append(row(line)) } }
      rows.endTransaction()
    }
    return rows
  }
}
