import Base
import Retail
import StoreModel
import Testing

@Suite struct SellTests {
  static func context(homeStore: UInt32? = nil) throws -> SaleContext {
    SaleContext(
      store: 367, calendar: try BusinessCalendar(timeZone: "America/New_York"), currency: "USD",
      memberHomeStore: homeStore.map(RecordID.init(number:)))
  }

  static func sale(_ lines: [Sale.Line], member: String? = nil, soldAt: String = "2017-06-03T17:05:00Z") throws -> Sale
  {
    Sale(
      receipt: "31198570044", soldAt: try RFC3339.parse(soldAt), member: member, lines: lines,
      payments: [Sale.Payment(method: .card, amount: lines.reduce(0) { $0 + $1.salesAmount - $1.couponDiscount })])
  }

  static let banana = Sale.Line(product: "1082185", quantity: 1, salesAmount: 199)

  /// The records of one entity in a group.
  static func records<E: Entity>(_ entity: E.Type, _ group: CommitDraft) throws -> [E] {
    let schema = EntitySchema(entity)
    return try group.writes.filter { $0.entity == E.tag }.map { write in
      guard case .write(let fields) = write.action else { throw ModelError(.notAllowed, entity: E.name, "a deletion") }
      return try E(
        id: write.id,
        reading: FieldSource(schema) { tag in
          fields.first { $0.field == tag }.flatMap { if case .set(let value) = $0.edit { .value(value) } else { nil } }
        })
    }
  }

  @Test func aSaleIsOneGroupOfFacts() throws {
    let lines = [
      Sale.Line(
        product: "1082185", quantity: 3, salesAmount: 200, retailDiscount: 10, couponDiscount: 20,
        couponMatchDiscount: 5),
      Sale.Line(product: "not in the catalogue", quantity: 2_345, salesAmount: 799, retailDiscount: 1),
    ]
    var sale = try Self.sale(lines, member: "208")
    sale.redemptions = [Sale.Redemption(code: "51111070092", campaign: "18"), Sale.Redemption(code: "51111070092")]
    let group = try sell(sale, in: Self.context(homeStore: 12))

    let order = try #require(Self.records(Order.self, group).first)
    #expect(order.store == RecordID(number: 367) && order.receipt == "31198570044" && order.kind == "sale")
    #expect(order.member == RecordID(key: "208") && order.soldAt == sale.soldAt && order.businessDay == 20_170_603)
    #expect(order.lineCount == 2 && order.salesTotal == 999 && order.retailDiscount == 11 && order.currency == "USD")
    #expect(order.couponDiscount == 20 && order.couponMatchDiscount == 5)
    let found = try Self.records(OrderLine.self, group)
    #expect(found.map(\.line) == [1, 2] && found.map(\.quantity) == [3, 2_345])
    #expect(found.map(\.salesAmount) == [200, 799] && found.allSatisfy { $0.order == order.id })
    let movements = try Self.records(StockMovement.self, group)
    #expect(movements.map(\.quantity) == [-3, -2_345] && movements.allSatisfy { $0.place == "shelf" })
    #expect(movements.map(\.id) == found.map(\.id), "a line and its movement have one number")
    let payment = try #require(Self.records(Payment.self, group).first)
    #expect(payment.amount == 979 && payment.method == "card" && payment.currency == "USD")
    let points = try #require(Self.records(PointsEntry.self, group).first)
    #expect(points.points == 9 && points.member == RecordID(key: "208") && points.homeStore == RecordID(number: 12))
    let redemptions = try Self.records(CouponRedemption.self, group)
    #expect(redemptions.count == 2 && Set(redemptions.map(\.id)).count == 2)
    #expect(redemptions.allSatisfy { $0.redeemedDay == 20_170_603 && $0.order == order.id })
    #expect(redemptions.map(\.campaign) == [RecordID(key: "18"), nil])
    #expect(group.writes.count == 9)
  }

  @Test func idsFitTheModelAndAreOrderedByTime() throws {
    let early = try sell(Self.sale([Self.banana], member: "208"), in: Self.context())
    let late = try sell(Self.sale([Self.banana], member: "208", soldAt: "2017-06-03T17:05:00.001Z"), in: Self.context())
    for (first, second) in zip(early.writes, late.writes) {
      #expect(first.id < second.id)
      #expect(Model.retail.entity(first.entity)?.identity.isValid(first.id) == true)
    }
  }

  @Test func theSameSaleTwiceIsTheSameGroup() throws {
    let sale = try Self.sale([Self.banana, Self.banana], member: "208")
    #expect(try sell(sale, in: Self.context()) == sell(sale, in: Self.context()))
  }

  @Test func anotherReceiptStoreOrTimeIsAnotherOrder() throws {
    let sale = try Self.sale([Self.banana])
    var other = sale
    other.receipt += "1"
    var later = sale
    later.soldAt = sale.soldAt.advanced(byMilliseconds: 1)
    let ids = [sale.orderID(store: 367), other.orderID(store: 367), later.orderID(store: 367), sale.orderID(store: 36)]
    #expect(Set(ids).count == 4)
  }

  /// Ids of what was sold stand in databases: the derivation may never change.
  @Test func orderIDsArePinned() throws {
    let id = try Self.sale([Self.banana]).orderID(store: 367)
    #expect(Identity.uuid.text(of: id) == "015c6eea-ca60-7c57-9997-dfc2868acf37")
  }

  /// 21:00 in New York is the next day in UTC, in summer and in winter.
  @Test(arguments: [("2017-06-04T01:00:00Z", 20_170_603), ("2017-12-04T02:00:00Z", 20_171_203)])
  func theBusinessDayIsTheShops(soldAt: String, day: Int64) throws {
    let group = try sell(Self.sale([Self.banana], soldAt: soldAt), in: Self.context())
    #expect(try Self.records(Order.self, group).map(\.businessDay) == [day])
  }

  @Test(arguments: [(0, 0), (99, 0), (100, 1), (199, 1), (200, 2), (-1, 0), (-250, 0), (123_456, 1_234)])
  func pointsAreFlooredAndNeverNegative(salesAmount: Int64, points: Int64) throws {
    let line = Sale.Line(product: "1", quantity: 1, salesAmount: salesAmount)
    let group = try sell(Self.sale([line], member: "208"), in: Self.context())
    #expect(try Self.records(PointsEntry.self, group).map(\.points) == (points > 0 ? [points] : []))
  }

  @Test func pointsCountTheBasketAndNotTheLines() throws {
    let line = Sale.Line(product: "1", quantity: 1, salesAmount: 50)
    let group = try sell(Self.sale([line, line, line], member: "208"), in: Self.context())
    #expect(try Self.records(PointsEntry.self, group).map(\.points) == [1])
    let anonymous = try sell(Self.sale([line, line]), in: Self.context())
    #expect(try Self.records(PointsEntry.self, anonymous).isEmpty)
  }

  @Test func zerosAndNegativeNetsAreFacts() throws {
    let lines = [
      Sale.Line(product: "1", quantity: 0, salesAmount: 0), Sale.Line(product: "2", quantity: 0, salesAmount: 199),
      Sale.Line(product: "1", quantity: 1, salesAmount: 100, couponDiscount: 400),
    ]
    let group = try sell(Self.sale(lines), in: Self.context())
    let order = try #require(Self.records(Order.self, group).first)
    #expect(order.salesTotal == 299 && order.couponDiscount == 400 && order.lineCount == 3)
    #expect(try Self.records(Payment.self, group).map(\.amount) == [-101])
    #expect(try Self.records(StockMovement.self, group).map(\.quantity) == [0, 0, -1])
  }
}

@Suite struct SaleCheckTests {
  private func code(_ change: (inout Sale) -> Void) throws -> RetailError.Code? {
    var sale = try SellTests.sale([SellTests.banana], member: "208")
    change(&sale)
    do {
      _ = try sell(sale, in: SellTests.context())
      return nil
    } catch let error as RetailError {
      return error.code
    }
  }

  @Test func whatCannotBecomeRecordsIsRefused() throws {
    #expect(try code { _ in } == nil)
    #expect(try code { $0.lines = [] } == .noLines)
    #expect(try code { $0.receipt = "" } == .invalidReceipt)
    #expect(try code { $0.receipt = "a\n" } == .invalidReceipt)
    #expect(try code { $0.member = "" } == .invalidMember)
    #expect(try code { $0.lines[0].product = "" } == .invalidProduct)
    #expect(try code { $0.lines[0].product = "a\u{1F}b" } == .invalidProduct)
    #expect(try code { $0.redemptions = [.init(code: "")] } == .invalidCoupon)
    #expect(try code { $0.redemptions = [.init(code: "1", campaign: "")] } == .invalidCoupon)
    #expect(try code { $0.soldAt = WallTime(milliseconds: -1) } == .invalidTime)
    #expect(try code { $0.soldAt = WallTime(milliseconds: .max) } == .invalidTime)
  }

  @Test func limitsHold() throws {
    #expect(try code { $0.receipt = String(repeating: "9", count: RetailLimits.receiptBytes) } == nil)
    #expect(try code { $0.receipt = String(repeating: "9", count: RetailLimits.receiptBytes + 1) } == .invalidReceipt)
    #expect(try code { $0.lines[0].salesAmount = RetailLimits.lineMagnitude } == nil)
    #expect(try code { $0.lines[0].salesAmount = RetailLimits.lineMagnitude + 1 } == .invalidAmount)
    #expect(try code { $0.lines[0].quantity = .min } == .invalidAmount)
    #expect(try code { $0.payments[0].amount = .min } == .invalidAmount)
    #expect(try code { $0.soldAt = WallTime(milliseconds: RetailLimits.soldAtMilliseconds.lowerBound) } == nil)
    #expect(try code { $0.soldAt = WallTime(milliseconds: RetailLimits.soldAtMilliseconds.upperBound - 1) } == nil)
    // The order, the points and a payment; each line counts twice.
    let lineCount = (ModelLimits.groupRecordCount - 3) / 2
    #expect(try code { $0.lines = Array(repeating: SellTests.banana, count: lineCount) } == nil)
    #expect(try code { $0.lines = Array(repeating: SellTests.banana, count: lineCount + 1) } == .tooLarge)
  }

  @Test func theLargestTotalsDoNotOverflow() throws {
    var line = SellTests.banana
    line.salesAmount = RetailLimits.lineMagnitude
    let lineCount = (ModelLimits.groupRecordCount - 3) / 2
    var sale = try SellTests.sale([line])
    sale.lines = Array(repeating: line, count: lineCount)
    let group = try sell(sale, in: SellTests.context())
    #expect(
      try SellTests.records(Order.self, group).map(\.salesTotal) == [Int64(lineCount) * RetailLimits.lineMagnitude])
  }

  @Test func errorsQuoteNoPersonalData() throws {
    var sale = try SellTests.sale([SellTests.banana])
    sale.member = "Jane Doe\n"
    let error = try #require(throws: RetailError.self) { try sell(sale, in: SellTests.context()) }
    #expect(!error.description.contains("Jane"))
  }
}
