import Base
import Retail
import StoreModel
import Testing

/// Whatever a till sends, in whatever order, however often and in whatever requests: nothing is counted twice, nobody
/// gets back more than was sold, and every balance is the sum of its ledger.
@Suite struct HistoryTests {
  @Test(arguments: 0..<4) func randomHistoriesConserve(_ round: Int) throws {
    var random = SeededGenerator(seed: seedOfThisRun &+ UInt64(round))
    let receipts = History.receipts(using: &random)
    let sent = History.sent(receipts, using: &random)
    var model = ShopModel()
    let expected = sent.map { model.take($0) }

    let shop = try Shop(.memory)
    let found = try take(sent, into: shop, using: &random)
    for (index, outcome) in found.enumerated() where outcome != expected[index] {
      Issue.record("round \(round), \(index): \(sent[index]): found \(outcome), expected \(expected[index])")
    }
    try check(shop, model)

    // Other requests, the other backend: the same shop.
    let other = try Shop(.sqlite)
    #expect(try take(sent, into: other, using: &random) == found)
    #expect(try other.snapshot() == shop.snapshot())
    // And all of it once more.
    let before = try shop.snapshot()
    let again = try take(sent.shuffled(using: &random).filter(model.isThere), into: shop, using: &random)
    #expect(again.allSatisfy { $0 == .unchanged })
    #expect(try shop.snapshot() == before)
  }

  /// The histories get to every refusal, and past it.
  @Test func historiesReachWhatTheyTest() {
    var seen: Set<Outcome> = []
    for round in 0..<100 {
      var random = SeededGenerator(seed: seedOfThisRun &+ UInt64(round))
      var model = ShopModel()
      for receipt in History.sent(History.receipts(using: &random), using: &random) { seen.insert(model.take(receipt)) }
    }
    let refusals: [RetailError.Code] = [.returnedTooMuch, .originalVoided, .originalReturned, .originalUnknown]
    #expect(seen == Set(refusals.map(Outcome.refused) + [.committed, .unchanged]))
  }

  private func take(
    _ receipts: [TillReceipt], into shop: Shop, using random: inout SeededGenerator
  ) throws -> [Outcome] {
    var outcomes: [Outcome] = []
    var rest = receipts[...]
    while !rest.isEmpty {
      let count = Int.random(in: 1...20, using: &random)
      outcomes += try shop.take(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return outcomes
  }

  private func check(_ shop: Shop, _ model: ShopModel) throws {
    #expect(try shop.cases() == [])
    let movements = try shop.records(StockMovement.self)
    for product in History.products {
      let ledger = movements.filter { $0.product == RecordID(key: product) }.reduce(0) { $0 + $1.quantity }
      #expect(try shop.stock(product) == ledger && ledger == model.stock[product] ?? 0, "\(product)")
    }
    let points = try shop.records(PointsEntry.self)
    for member in History.members {
      let ledger = points.filter { $0.member == RecordID(key: member) }.reduce(0) { $0 + $1.points }
      #expect(try shop.points(member) == ledger && ledger == model.points[member] ?? 0, "\(member)")
    }
    let orders = try shop.records(Order.self)
    let lines = try shop.records(OrderLine.self)
    #expect(orders.reduce(0) { $0 + $1.salesTotal } == model.money)
    #expect(try shop.records(Payment.self).reduce(0) { $0 + $1.amount } == model.money)
    #expect(lines.reduce(0) { $0 + $1.salesAmount } == model.money)
    #expect(
      lines.reduce(0) { $0 + $1.retailDiscount } == orders.reduce(0) { $0 + $1.retailDiscount })
  }
}

private enum History {
  static let products = ["tea", "milk", "jam"]
  static let members = ["7", "8"]

  /// Sales; returns of them, some of too much; voids of both; some of what nobody has sold.
  static func receipts(using random: inout SeededGenerator) -> [TillReceipt] {
    var receipts: [TillReceipt] = []
    for number in 0..<15 {
      let member = Bool.random(using: &random) ? members.randomElement(using: &random) : nil
      receipts.append(sale("S\(number)", number, member: member, lines(sign: 1, using: &random)))
    }
    for number in 0..<20 {
      let original = Int.random(in: 0..<17, using: &random)
      receipts.append(
        goods(
          "R\(number)", 100 + number, of: "S\(original)", at: Bool.random(using: &random) ? original : nil,
          member: members.randomElement(using: &random), lines(sign: -1, using: &random)))
    }
    for number in 0..<8 {
      let original =
        number < 5 ? "S\(Int.random(in: 0..<16, using: &random))" : "R\(Int.random(in: 0..<20, using: &random))"
      // What a till can know: an order is voided by one void.
      receipts.append(voiding("V-\(original)", 200, of: original))
    }
    return receipts
  }

  private static func lines(sign: Int64, using random: inout SeededGenerator) -> [Sale.Line] {
    (0..<Int.random(in: 1...3, using: &random)).map { _ in
      let quantity = Int64.random(in: 0...3, using: &random)
      return line(
        products.randomElement(using: &random) ?? "tea", sign * quantity,
        sign * Int64.random(in: 0...400, using: &random))
    }
  }

  /// Out of order, and most of them several times.
  static func sent(_ receipts: [TillReceipt], using random: inout SeededGenerator) -> [TillReceipt] {
    var sent: [TillReceipt] = receipts
    for _ in 0..<50 {
      let index = Int.random(in: 0...sent.count, using: &random)
      if let receipt = receipts.randomElement(using: &random) { sent.insert(receipt, at: index) }
    }
    if Bool.random(using: &random) { sent.shuffle(using: &random) }
    for _ in 0..<20 {
      sent.swapAt(Int.random(in: 0..<sent.count, using: &random), Int.random(in: 0..<sent.count, using: &random))
    }
    return sent
  }
}

/// The same rules once more, over plain dictionaries.
private struct ShopModel {
  private struct Entry {
    var lines: [Sale.Line]
    var member: String?
    var points: Int64
    var original: String?
    var isVoided = false
  }

  private(set) var stock: [String: Int64] = [:]
  private(set) var points: [String: Int64] = [:]
  private(set) var money: Int64 = 0
  private var entries: [String: Entry] = [:]

  func isThere(_ receipt: TillReceipt) -> Bool {
    switch receipt {
    case .sale(let sale): entries[sale.receipt] != nil
    case .return(let goods): entries[goods.receipt] != nil
    case .void(let voiding): entries[voiding.original]?.isVoided == true
    }
  }

  mutating func take(_ receipt: TillReceipt) -> Outcome {
    if isThere(receipt) { return .unchanged }
    switch receipt {
    case .sale(let sale):
      let total = sale.lines.reduce(0) { $0 + $1.salesAmount }
      add(Entry(lines: sale.lines, member: sale.member, points: total / 100), as: sale.receipt)
    case .return(let goods):
      var original: String? = goods.original
      if let sold = entries[goods.original] {
        if sold.isVoided { return .refused(.originalVoided) }
        for product in History.products {
          let mine = entries.values.filter { $0.original == goods.original && !$0.isVoided }
          let rest = quantity(of: product, sold.lines) + mine.reduce(0) { $0 + quantity(of: product, $1.lines) }
          if -quantity(of: product, goods.lines) > max(0, rest) { return .refused(.returnedTooMuch) }
        }
      } else if goods.originalSoldAt == nil {
        original = nil
      }
      let total = goods.lines.reduce(0) { $0 + $1.salesAmount }
      add(
        Entry(lines: goods.lines, member: goods.member, points: -(-total / 100), original: original),
        as: goods.receipt)
    case .void(let voiding):
      guard var entry = entries[voiding.original] else { return .refused(.originalUnknown) }
      if entries.values.contains(where: { $0.original == voiding.original && !$0.isVoided }) {
        return .refused(.originalReturned)
      }
      entry.isVoided = true
      entries[voiding.original] = entry
      count(entry, sign: -1)
    }
    return .committed
  }

  private func quantity(of product: String, _ lines: [Sale.Line]) -> Int64 {
    lines.filter { $0.product == product }.reduce(0) { $0 + $1.quantity }
  }

  private mutating func add(_ entry: Entry, as receipt: String) {
    entries[receipt] = entry
    count(entry, sign: 1)
  }

  private mutating func count(_ entry: Entry, sign: Int64) {
    for line in entry.lines {
      stock[line.product, default: 0] -= sign * line.quantity
      money += sign * line.salesAmount
    }
    if let member = entry.member { points[member, default: 0] += sign * entry.points }
  }
}
