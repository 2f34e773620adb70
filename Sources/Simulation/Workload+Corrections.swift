import Base
import StoreModel

// Goods that come back, and receipts that are to count as if they had never been.

extension Workload {
  mutating func correction(_ place: Place) -> Step {
    let own = sales.filter { $0.order.store == place.store }
    guard place.node > 0, !own.isEmpty else { return step(at: place) }
    let sale = generator.pick(own)
    lastReceipt += 1
    if generator.chance(perMille: 500) {
      let some = sale.lines.filter { _ in generator.chance(perMille: 700) }
      let id = RecordID(at: place.wall, using: &generator)
      return Step(
        "return",
        sale.reversed("return", id, receipt: "R\(lastReceipt)", at: place.wall, some.isEmpty ? sale.lines : some))
    }
    // The id derives from the voided order's alone: an order is voided once.
    let id = RecordID(
      importedAt: sale.order.soldAt, source: "void:\(place.node)", key: Identity.uuid.text(of: sale.order.id))
    return Step("void", sale.reversed("void", id, receipt: "R\(lastReceipt)", at: place.wall, sale.lines))
  }
}

extension Sale {
  /// The same with the signs of what is taken back.
  fileprivate func reversed(
    _ kind: String, _ id: RecordID, receipt: String, at time: WallTime, _ lines: [OrderLine]
  ) -> [RecordWrite] {
    let total = lines.reduce(0) { $0 + $1.salesAmount }
    var order = order
    (order.original, order.id, order.kind, order.receipt) = (order.id, id, kind, receipt)
    (order.soldAt, order.lineCount, order.salesTotal) = (time, Int64(lines.count), -total)
    var writes = [RecordWrite(order)]
    for (number, line) in zip(UInt32(1)..., lines) {
      var back = line
      (back.order, back.line, back.quantity, back.salesAmount) = (id, number, -line.quantity, -line.salesAmount)
      writes.append(RecordWrite(back))
      writes.append(
        RecordWrite(
          StockMovement(
            document: id, line: number, store: line.store, place: StockMovement.shelf, product: line.product,
            quantity: line.quantity, reason: StockMovement.Reason.return.rawValue, movedAt: time)))
    }
    var paid = payment
    (paid.order, paid.amount) = (id, -total)
    writes.append(RecordWrite(paid))
    if var points {
      (points.document, points.points, points.reason, points.earnedAt) = (id, -total / 100, "correction", time)
      writes.append(RecordWrite(points))
    }
    return writes
  }
}
