import Base
import Retail
import StoreModel
import Testing

@Suite struct ReturnTests {
  private static let bought = sale("1001", 0, member: "7", line("tea", 3, 900), line("milk", 1, 150))

  @Test(arguments: BackendKind.allCases) func aReturnIsFactsWithTheirSigns(_ kind: BackendKind) throws {
    let shop = try Shop(kind)
    let back = goods("R1", 60, of: "1001", member: "7", line("tea", -1, -290))
    #expect(try shop.take(Self.bought, back) == [.committed, .committed])
    let orders = try shop.records(Order.self)
    #expect(orders.map(\.kind) == ["sale", "return"] && orders[1].original == orders[0].id)
    #expect(orders[1].salesTotal == -290 && orders[1].retailDiscount == -29 && orders[1].lineCount == 1)
    #expect(try shop.records(OrderLine.self).map(\.quantity) == [3, 1, -1])
    #expect(try shop.records(Payment.self).map(\.amount) == [1_050, -290])
    let movements = try shop.records(StockMovement.self)
    #expect(movements.map(\.quantity) == [-3, -1, 1] && movements[2].reason == "return")
    #expect(try shop.stock("tea") == -2)
    let points = try shop.records(PointsEntry.self)
    #expect(points.map(\.points) == [10, -2] && points.map(\.reason) == ["purchase", "correction"])
    #expect(try shop.points("7") == 8)
    let before = try shop.snapshot()
    #expect(try shop.take(back, Self.bought, back) == [.unchanged, .unchanged, .unchanged])
    #expect(try shop.snapshot() == before)
  }

  @Test(arguments: BackendKind.allCases) func noMoreComesBackThanWasSold(_ kind: BackendKind) throws {
    let shop = try Shop(kind)
    #expect(
      try shop.take(
        Self.bought, goods("R1", 60, of: "1001", line("tea", -2, -600)),
        goods("R2", 61, of: "1001", line("tea", -1, -300), line("tea", -1, -300)),
        goods("R3", 62, of: "1001", line("milk", -1, -150), line("tea", -1, -300)))
        == [.committed, .committed, .refused(.returnedTooMuch), .committed])
    let more = [
      goods("R4", 63, of: "1001", line("tea", -1, -1)), goods("R5", 64, of: "1001", line("jam", -1, -1)),
      goods("R6", 65, of: "1001", at: 0, line("milk", -1, -150)),
    ]
    #expect(try shop.take(more) == Array(repeating: .refused(.returnedTooMuch), count: 3))
    #expect(try shop.stock("tea") == 0 && shop.stock("milk") == 0)
  }

  @Test func theMessageSaysWhatIsLeft() throws {
    let sold = try SellTests.records(
      OrderLine.self,
      sell(
        Sale(receipt: "9", soldAt: time(0), lines: [line("tea", 3, 900)]), in: SellTests.context()))
    var order = try #require(
      SellTests.records(
        Order.self, sell(Sale(receipt: "9", soldAt: time(0), lines: [line("tea", 3, 900)]), in: SellTests.context())
      ).first)
    var earlier = sold[0]
    earlier.quantity = -2
    let back = Return(receipt: "R", soldAt: time(1), original: "9", lines: [line("tea", -2, -600)])
    let error = #expect(throws: RetailError.self) {
      try checkReturn(back, of: RecordedOrder(order: order, lines: sold), after: [earlier])
    }
    #expect(
      error?.description
        == "found 2 of tea coming back, expected at most 1: receipt 9 sold 3, and 2 came back before")
    // From somewhere else, half of it, or beyond all numbers.
    order.lineCount = 2
    #expect(throws: RetailError.self) { try checkReturn(back, of: RecordedOrder(order: order, lines: sold), after: []) }
    order.lineCount = 1
    earlier.quantity = .min
    #expect(throws: RetailError.self) {
      try checkReturn(back, of: RecordedOrder(order: order, lines: sold), after: [earlier, earlier])
    }
  }

  @Test func whatWasBoughtElsewhereMayComeBack() throws {
    let shop = try Shop()
    let known = goods("R1", 60, of: "55", at: 3, line("tea", -9, -900))
    #expect(try shop.take(known, goods("R2", 61, of: "56", line("tea", -9, -900))) == [.committed, .committed])
    let late = Sale(receipt: "55", soldAt: time(3), lines: [line("tea", 10, 1_000)])
    #expect(try shop.records(Order.self).map(\.original) == [late.orderID(store: Shop.number), nil])
    // The sale comes after its return, which still counts.
    #expect(
      try shop.take(
        .sale(late), goods("R3", 62, of: "55", line("tea", -2, -200)), known,
        goods("R4", 63, of: "55", line("tea", -1, -100)))
        == [.committed, .refused(.returnedTooMuch), .unchanged, .committed])
  }

  /// A return whose original the shop did not know stays as it is when the shop gets to know it.
  @Test func aReturnSentAgainIsUnderstoodAsTheFirstTime() throws {
    let shop = try Shop()
    let back = goods("R1", 60, of: "1001", line("tea", -1, -300))
    #expect(try shop.take(back, Self.bought, back) == [.committed, .committed, .unchanged])
    let other = goods("R2", 61, of: "1001", line("tea", -1, -300))
    #expect(try shop.take(other, sale("1001", 30, line("tea", 1, 300)), other) == [.committed, .committed, .unchanged])
    #expect(try shop.cases() == ["unique order"], "one number was given twice, and nothing else is odd")
  }

  @Test(arguments: BackendKind.allCases) func otherContentsAreAConflictAndChangeNoSum(_ kind: BackendKind) throws {
    let shop = try Shop(kind)
    #expect(
      try shop.take(
        Self.bought, goods("R1", 60, of: "1001", line("tea", -1, -300)),
        goods("R1", 60, of: "1001", line("tea", -9, -300), line("milk", -1, -150)),
        goods("R1", 60, of: "77", line("tea", -1, -300)))
        == [.committed, .committed, .committed, .committed])
    #expect(
      try Set(shop.cases()) == [
        "immutable order", "immutable orderLine", "immutable payment", "immutable stockMovement",
      ])
    #expect(try shop.stock("tea") == -2 && shop.stock("milk") == -1)
  }

  /// Within one request too: what the first one did not have is not added.
  @Test func aSaleTwiceInOneRequestWithOtherLinesAddsNothing() throws {
    let shop = try Shop()
    let longer = sale("1001", 0, member: "7", line("tea", 3, 900), line("milk", 1, 150), line("jam", 1, 100))
    #expect(try shop.take(Self.bought, longer) == [.committed, .committed])
    #expect(try shop.stock("jam") == 0 && shop.records(OrderLine.self).count == 2)
    #expect(try Set(shop.cases()) == ["immutable order", "immutable payment", "immutable pointsEntry"])
  }

  @Test func theOriginalIsASale() throws {
    let shop = try Shop()
    #expect(
      try shop.take(
        Self.bought, goods("R1", 60, of: "1001", line("tea", -1, -300)),
        goods("R2", 61, of: "R1", line("tea", -1, -300)), goods("R3", 62, of: "R1", at: 60, line("tea", -1, -300)))
        == [.committed, .committed, .refused(.originalUnfit), .refused(.originalUnfit)])
  }

  /// Tills start again at 1: the time says which one it was, and without it it is the last one before the return.
  @Test func aNumberThatWasGivenTwice() throws {
    let shop = try Shop()
    #expect(
      try shop.take(
        sale("1", 0, line("tea", 1, 300)), sale("1", 100, line("jam", 1, 300)),
        goods("R1", 150, of: "1", line("jam", -1, -300)), goods("R2", 151, of: "1", line("tea", -1, -300)),
        goods("R3", 152, of: "1", at: 0, line("tea", -1, -300)), goods("R4", 50, of: "1", line("tea", -1, -300)))
        == [
          .committed, .committed, .committed, .refused(.returnedTooMuch), .committed, .refused(.returnedTooMuch),
        ])
  }

  @Test func returnsOfOneOrderAreLimited() throws {
    let shop = try Shop(.sqlite)
    let returns = (0...RetailLimits.returnsPerOrder).map { goods("R\($0)", 60 + $0, of: "1001", line("tea", 0, 0)) }
    let outcomes = try shop.take([Self.bought] + returns)
    #expect(outcomes.dropLast().allSatisfy { $0 == .committed } && outcomes.last == .refused(.tooManyReturns))
  }

  @Test(arguments: [(-99, 0), (-100, -1), (-199, -1), (-200, -2), (0, 0)])
  func pointsAreTakenBackByWholeUnits(cents: Int64, points: Int64) throws {
    let shop = try Shop()
    #expect(try shop.take(goods("R1", 0, of: "x", member: "7", line("tea", -1, cents))) == [.committed])
    #expect(try shop.points("7") == points && shop.records(PointsEntry.self).count == (points == 0 ? 0 : 1))
  }

  private static func code(_ change: (inout Return) -> Void) throws -> RetailError.Code? {
    var back = Return(
      receipt: "R", soldAt: time(9), original: "9", originalSoldAt: time(1), lines: [line("tea", -2, -600)])
    change(&back)
    let context = try SellTests.context()
    do throws(RetailError) {
      _ = try takeBack(back, original: nil, in: context)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func whatCannotBeAReturnIsRefused() throws {
    #expect(try Self.code { _ in } == nil)
    #expect(try Self.code { $0.original = "" } == .invalidReceipt)
    #expect(try Self.code { $0.receipt = "a\n" } == .invalidReceipt)
    #expect(try Self.code { $0.lines = [] } == .noLines)
    #expect(try Self.code { $0.lines[0].quantity = 1 } == .invalidAmount)
    #expect(try Self.code { $0.lines[0].salesAmount = 600 } == .invalidAmount)
    #expect(try Self.code { $0.lines.append(line("deposit", 0, 100)) } == nil)
    #expect(try Self.code { $0.originalSoldAt = WallTime(milliseconds: -1) } == .invalidTime)
    #expect(try Self.code { ($0.original, $0.originalSoldAt) = ("R", time(9)) } == .originalUnfit)
  }
}
