import Base
import Retail
import StoreModel
import Testing

@Suite struct VoidTests {
  private static let bought = sale("1001", 0, member: "7", line("tea", 3, 900), line("milk", 0, 150))

  @Test(arguments: BackendKind.allCases) func aVoidTakesTheWholeOrderBack(_ kind: BackendKind) throws {
    let shop = try Shop(kind)
    let undone = voiding("V1", 5, of: "1001")
    #expect(try shop.take(Self.bought, undone) == [.committed, .committed])
    let orders = try shop.records(Order.self).sorted { $0.kind < $1.kind }
    #expect(orders.map(\.kind) == ["sale", "void"] && orders[1].original == orders[0].id)
    #expect(orders[1].receipt == "V1" && orders[1].soldAt == time(5) && orders[1].member == orders[0].member)
    #expect(orders[1].salesTotal == -1_050 && orders[1].lineCount == 2 && orders[1].currency == "USD")
    #expect(try shop.records(OrderLine.self).reduce(0) { $0 + $1.quantity } == 0)
    #expect(try shop.records(OrderLine.self).map(\.line).sorted() == [1, 1, 2, 2])
    #expect(try shop.records(Payment.self).map(\.amount).sorted() == [-1_050, 1_050])
    #expect(try shop.stock("tea") == 0 && shop.records(StockMovement.self).count == 4)
    #expect(try shop.points("7") == 0 && shop.records(PointsEntry.self).map(\.points).sorted() == [-10, 10])
    let before = try shop.snapshot()
    #expect(try shop.take(undone, Self.bought, undone) == [.unchanged, .unchanged, .unchanged])
    #expect(try shop.snapshot() == before)
  }

  @Test func couponsStayRedeemed() throws {
    let shop = try Shop()
    let bought = Sale(
      receipt: "1", soldAt: time(0), lines: [line("tea", 1, 100)], redemptions: [Sale.Redemption(code: "c")])
    #expect(try shop.take(.sale(bought), voiding("V1", 5, of: "1")) == [.committed, .committed])
    #expect(try shop.records(CouponRedemption.self).map(\.order) == [bought.orderID(store: Shop.number)])
  }

  /// An order is voided once: what says otherwise is a conflict case of the void, whatever it differs in.
  @Test(arguments: BackendKind.allCases) func aSecondVoidMeetsTheFirst(_ kind: BackendKind) throws {
    let shop = try Shop(kind)
    #expect(
      try shop.take(Self.bought, sale("1002", 1, line("tea", 1, 100)), voiding("V1", 5, of: "1001"))
        == [.committed, .committed, .committed])
    #expect(try shop.take(voiding("V2", 6, of: "1001"), voiding("V1", 5, of: "1002")) == [.committed, .committed])
    #expect(try shop.cases() == ["immutable order"])
    #expect(try shop.stock("tea") == -1 && shop.points("7") == 0)
    #expect(try shop.records(Order.self).count == 3)
  }

  @Test func whatCannotBeVoidedIsRefused() throws {
    let shop = try Shop()
    #expect(try shop.take(voiding("V1", 5, of: "1001")) == [.refused(.originalUnknown)])
    #expect(
      try shop.take(
        Self.bought, goods("R1", 60, of: "1001", line("tea", -1, -300)), voiding("V1", 61, of: "1001"),
        voiding("V2", 62, of: "V1"))
        == [.committed, .committed, .refused(.originalReturned), .refused(.originalUnknown)])
    #expect(
      try shop.take(
        sale("1002", 1, line("tea", 1, 100)), voiding("V3", 5, of: "1002"), voiding("V4", 6, of: "V3"),
        goods("R2", 7, of: "1002", line("tea", -1, -100)), goods("R3", 7, of: "V3", line("tea", -1, -100)))
        == [
          .committed, .committed, .refused(.originalUnfit), .refused(.originalVoided), .refused(.originalUnfit),
        ])
    #expect(try shop.cases() == [])
  }

  /// A return is an order too. Once it is voided, what it gave back can come back again, or the sale be voided.
  @Test func aReturnCanBeVoided() throws {
    let shop = try Shop()
    let back = goods("R1", 60, of: "1001", member: "7", line("tea", -3, -900))
    #expect(try shop.take(Self.bought, back, voiding("V1", 61, of: "R1")) == [.committed, .committed, .committed])
    #expect(try shop.stock("tea") == -3 && shop.points("7") == 10)
    #expect(
      try shop.take(goods("R2", 62, of: "1001", line("tea", -3, -900)), goods("R3", 63, of: "1001", line("tea", -1, 0)))
        == [.committed, .refused(.returnedTooMuch)])
    #expect(
      try shop.take(voiding("V2", 64, of: "R2"), voiding("V3", 65, of: "1001"), back) == [
        .committed, .committed, .unchanged,
      ])
    #expect(try shop.stock("tea") == 0 && shop.points("7") == 0 && shop.cases() == [])
  }

  /// Tills start again at 1: without a time it is the last one before the void.
  @Test func aNumberThatWasGivenTwice() throws {
    let shop = try Shop()
    #expect(
      try shop.take(
        sale("1", 0, line("tea", 1, 300)), sale("1", 100, line("jam", 1, 300)), voiding("V1", 50, of: "1"),
        voiding("V2", 150, of: "1"), voiding("V1", 50, of: "1"), voiding("V2", 150, of: "1"))
        == [.committed, .committed, .committed, .committed, .unchanged, .unchanged])
    #expect(try shop.stock("tea") == 0 && shop.stock("jam") == 0)
  }

  @Test func whatHasNoOppositeOrIsNotWholeIsRefused() throws {
    let group = try sell(
      Sale(receipt: "1", soldAt: time(0), lines: [line("tea", 1, 100)]), in: SellTests.context())
    var order = try #require(SellTests.records(Order.self, group).first)
    var lines = try SellTests.records(OrderLine.self, group)
    let undone = Voiding(receipt: "V", soldAt: time(1), original: "1")
    func code() throws -> RetailError.Code? {
      let error = #expect(throws: RetailError.self) {
        try void(
          undone, of: RecordedOrder(order: order, lines: lines), as: order.voidID(store: 367), in: SellTests.context())
      }
      return error?.code
    }
    lines[0].quantity = .min
    #expect(try code() == .invalidAmount)
    lines = []
    #expect(try code() == .originalNotWhole)
    order.kind = "void"
    #expect(try code() == .originalUnfit)
  }

  @Test func aVoidIsChecked() throws {
    let shop = try Shop()
    #expect(
      try shop.take(
        Self.bought, voiding("", 5, of: "1001"), voiding("V", -99_999_999, of: "1001"), voiding("V", 5, of: ""))
        == [.committed, .refused(.invalidReceipt), .refused(.invalidTime), .refused(.originalUnknown)])
  }

  /// Ids of what was voided stand in databases: the derivation may never change.
  @Test func voidIDsArePinned() throws {
    let sale = try SellTests.sale([SellTests.banana])
    let id = Voiding.orderID(voiding: sale.orderID(store: 367), soldAt: sale.soldAt, store: 367)
    #expect(Identity.uuid.text(of: id) == "015c6eea-ca60-76a0-8273-e38008aa14f4")
    #expect(Model.retail.entity(Order.tag)?.identity.isValid(id) == true)
  }
}
