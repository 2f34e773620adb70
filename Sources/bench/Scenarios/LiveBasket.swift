import Base
import Causality
import Merge
import RecordStore
import Retail
import StoreModel
import Wire

/// What one basket of ten lines weighs that is sent as soon as it is sold.
enum LiveBasket {
  static let scenario = Scenario(name: "live", summary: "bytes on the wire of one basket of ten lines, sent at once") {
    try run($0)
  }

  private static let lineCount = 10
  private static let basketCount = 200

  private static func run(_ bench: Bench) throws -> [Figure] {
    let baskets = bench.lines.baskets.filter { $0.lines.count == lineCount }.prefix(basketCount)
    guard !baskets.isEmpty else { throw BenchError("no basket has \(lineCount) lines") }
    return [
      Figure(
        name: "wire bytes, one basket of ten lines, live", unit: "B", ours: try bytes(baskets.map(\.draft), bench),
        judged: .ours, reach: .atMost(160), aim: .atMost(130)),
      Figure(
        name: "the same with order, payment, stock and points", unit: "B",
        ours: try bytes(try baskets.map { try $0.sale }, bench), judged: .ours),
    ]
  }

  private static func bytes(_ drafts: [CommitDraft], _ bench: Bench) throws -> Spread {
    bench.scratch.removeAll()
    let node = try BenchNode(BenchNode.store, in: bench.scratch.file("store"))
    var sizes: [Double] = []
    var sent: Sequence64 = 0
    for draft in drafts {
      try node.commit([draft])
      for batch in try node.batches(for: .hq, .normal, after: sent) {
        sizes.append(Double(try batch.frameBytes))
        sent = batch.through
      }
    }
    return Spread(sizes)
  }
}

extension JourneyLines.Basket {
  /// The whole sale, as a till's receipt becomes one commit group.
  var sale: CommitDraft {
    get throws {
      let sale = Sale(
        receipt: number, soldAt: soldAt, member: member,
        lines: lines.map {
          Sale.Line(
            product: $0.product, quantity: $0.quantity, salesAmount: $0.sales, retailDiscount: $0.retailDiscount,
            couponDiscount: $0.couponDiscount, couponMatchDiscount: $0.couponMatchDiscount)
        }, payments: [Sale.Payment(method: .card, amount: lines.reduce(0) { $0 + $1.sales })])
      let calendar = try BusinessCalendar(timeZone: "America/New_York")
      return try sell(
        sale,
        in: SaleContext(
          store: JourneyLines.store, calendar: calendar, currency: "USD",
          memberHomeStore: RecordID(number: JourneyLines.store)))
    }
  }
}
