import Base
import Interchange
import Retail
import StoreModel
import Testing

@Suite struct SaleMapperTests {
  static func sale(_ json: String) throws -> Sale {
    guard case .sale(let sale) = try receipt(json) else {
      throw MappingError("kind", "expected a sale")
    }
    return sale
  }

  static func receipt(_ json: String) throws -> TillReceipt {
    try SaleMapper().sale(try #require(parseJSONLines(Array(json.utf8)).first).content.get())
  }

  static let line = #"{"product":"0932","quantity":1,"salesCents":88}"#

  @Test func aWholeBasket() throws {
    let json =
      #"{"receipt":"9007199254740993","soldAt":"2017-08-22T01:51:11Z","member":"1534","lines":[{"product":"0932","#
      + #""quantity":0,"salesCents":88,"retailDiscountCents":51,"couponDiscountCents":500,"#
      + #""couponMatchDiscountCents":-1}],"payment":{"method":"cash","amountCents":-412},"#
      + #""redemptions":[{"code":"1","campaign":"13"},{"code":"2"}]}"#
    let line = Sale.Line(
      product: "0932", quantity: 0, salesAmount: 88, retailDiscount: 51, couponDiscount: 500, couponMatchDiscount: -1)
    let expected = Sale(
      receipt: "9007199254740993", soldAt: try RFC3339.parse("2017-08-22T01:51:11Z"), member: "1534", lines: [line],
      payments: [Sale.Payment(method: .cash, amount: -412)],
      redemptions: [Sale.Redemption(code: "1", campaign: "13"), Sale.Redemption(code: "2")])
    #expect(try Self.sale(json) == expected)
  }

  @Test func whatMayBeAbsentOrNull() throws {
    let least = #"{"receipt":"1","soldAt":"2017-08-22T01:51:11Z","lines":[\#(Self.line)]}"#
    let sale = try Self.sale(least)
    #expect(sale.member == nil && sale.payments == [] && sale.redemptions == [])
    #expect(sale.lines == [Sale.Line(product: "0932", quantity: 1, salesAmount: 88)])
    let nulls = String(least.dropLast()) + #","member":null,"payment":null,"payments":null,"redemptions":null}"#
    #expect(try Self.sale(nulls) == sale)
    let several =
      String(least.dropLast())
      + #","payments":[{"method":"cash","amountCents":8},{"method":"card","amountCents":80}]}"#
    #expect(try Self.sale(several).payments.map(\.amount) == [8, 80])
  }

  @Test(arguments: [
    (#""receipt":"1""#, #""receipt":1"#, "receipt"), (#""receipt":"1","#, "", "receipt"),
    (#""soldAt":"2017-08-22T01:51:11Z""#, #""soldAt":"2017-08-22""#, "soldAt"),
    (#""soldAt":"2017-08-22T01:51:11Z""#, #""soldAt":1503366671000"#, "soldAt"),
    (#""member":"7""#, #""member":7"#, "member"), (#""member":"7""#, #""membr":"7""#, nil),
    (#""salesCents":88"#, #""salesCents":88.0"#, "lines[1].salesCents"),
    (#""salesCents":88"#, #""salesCents":"88""#, "lines[1].salesCents"),
    (#""salesCents":88"#, #""salescents":88"#, "lines[1]"),
    (#""salesCents":88"#, #""salesCents":88,"couponDiscountCent":5"#, "lines[1]"),
    (#""salesCents":88"#, #""salesCents":null"#, "lines[1].salesCents"),
    (#""quantity":1,"#, "", "lines[1].quantity"), (#""lines":["#, #""lines":[7,"#, "lines[1]"),
    (#""lines":["#, #""line":["#, nil), (#""method":"cash""#, #""method":"barter""#, "payment.method"),
    (#""method":"cash""#, #""method":"cash","tip":1"#, "payment"),
    (#""payment":{"#, #""payments":[],"payment":{"#, "payments"), (#""payment":{"#, #""payments":{"#, "payments"),
    (#""member":"7""#, #""redemptions":[{"campaign":"1"}]"#, "redemptions[1].code"),
  ])
  func mistakesAreNamed(_ part: String, _ replacement: String, _ field: String?) throws {
    let json =
      #"{"receipt":"1","soldAt":"2017-08-22T01:51:11Z","member":"7","lines":[\#(Self.line)],"#
      + #""payment":{"method":"cash","amountCents":88}}"#
    _ = try Self.sale(json)
    let parts = json.split(separator: part, maxSplits: 1, omittingEmptySubsequences: false)
    let error = #expect(throws: MappingError.self) { try Self.sale(parts.joined(separator: replacement)) }
    #expect(error?.field == field, "\(String(describing: error))")
  }

  @Test func anUnknownNameIsNamed() {
    let error = #expect(throws: MappingError.self) {
      try Self.sale(#"{"receipt":"1","soldAt":"2017-08-22T01:51:11Z","lines":[{"product":"1","salesCent":5}]}"#)
    }
    #expect(
      error?.description == "lines[1]: found “salesCent”, which is no known name here; known are: product, quantity, "
        + "salesCents, retailDiscountCents, couponDiscountCents, couponMatchDiscountCents")
  }

  @Test func namesInMessagesAreShortAndPlain() {
    let name = "\\u001b[2J" + String(repeating: "x", count: 100_000)
    let error = #expect(throws: MappingError.self) { try Self.sale("{\"\(name)\":1}") }
    let expected = "found “?[2J" + String(repeating: "x", count: InterchangeLimits.quotedCharacters - 4) + "…”"
    #expect(error?.description.hasPrefix(expected) == true)
  }

  static let goods =
    #"{"kind":"return","receipt":"R-1001","soldAt":"2017-08-23T15:20:00Z","original":"1001","#
    + #""originalSoldAt":"2017-08-22T01:51:11Z","member":"100","lines":[{"product":"espresso","quantity":-1,"#
    + #""salesCents":-290,"retailDiscountCents":-5}],"payment":{"method":"cash","amountCents":-290}}"#
  static let voiding =
    #"{"kind":"void","receipt":"V-1001","soldAt":"2017-08-22T02:00:00Z","original":"1001"}"#

  @Test func aReturnAndAVoid() throws {
    let line = Sale.Line(product: "espresso", quantity: -1, salesAmount: -290, retailDiscount: -5)
    var expected = Return(
      receipt: "R-1001", soldAt: try RFC3339.parse("2017-08-23T15:20:00Z"), original: "1001",
      originalSoldAt: try RFC3339.parse("2017-08-22T01:51:11Z"), member: "100", lines: [line],
      payments: [Sale.Payment(method: .cash, amount: -290)])
    #expect(try Self.receipt(Self.goods) == .return(expected))
    expected.originalSoldAt = nil
    for replacement in [#""originalSoldAt":null,"#, ""] {
      let json = Self.goods.replacing(#""originalSoldAt":"2017-08-22T01:51:11Z","#, with: replacement)
      #expect(try Self.receipt(json) == .return(expected))
    }
    #expect(
      try Self.receipt(Self.voiding)
        == .void(
          Voiding(receipt: "V-1001", soldAt: try RFC3339.parse("2017-08-22T02:00:00Z"), original: "1001")))
  }

  @Test func aKindOfSaleIsASale() throws {
    let plain = #"{"receipt":"1","soldAt":"2017-08-22T01:51:11Z","lines":[\#(Self.line)]}"#
    for kind in [#""sale""#, "null"] {
      #expect(try Self.sale(#"{"kind":\#(kind),"# + plain.dropFirst()) == Self.sale(plain))
    }
  }

  @Test(arguments: [
    (goods, #""kind":"return""#, #""kind":"refund""#, "kind"), (goods, #""kind":"return""#, #""kind":7"#, "kind"),
    (goods, #""kind":"return","#, "", nil), (goods, #""kind":"return""#, #""kind":"void""#, nil),
    (goods, #""original":"1001","#, "", "original"), (goods, #""originalSoldAt""#, #""originalsoldat""#, nil),
    (goods, "2017-08-22T01:51:11Z", "2017-08-22", "originalSoldAt"),
    (goods, #""payment""#, #""redemptions":[],"payment""#, nil),
    (goods, #"-290,"retail"#, #""-290","retail"#, "lines[1].salesCents"),
    (voiding, #","original":"1001""#, "", "original"), (voiding, #""original""#, #""lines":[],"original""#, nil),
    (voiding, #""soldAt":"2017-08-22T02:00:00Z","#, "", "soldAt"),
  ])
  func mistakesInReturnsAndVoidsAreNamed(_ json: String, _ part: String, _ replacement: String, _ field: String?) {
    #expect(json.contains(part))
    let error = #expect(throws: MappingError.self) { try Self.receipt(json.replacing(part, with: replacement)) }
    #expect(error?.field == field, "\(String(describing: error))")
  }

  @Test func aSaleHasLines() {
    let error = #expect(throws: MappingError.self) {
      try Self.sale(#"{"receipt":"1","soldAt":"2017-08-22T01:51:11Z","lines":[]}"#)
    }
    #expect(error?.field == "lines")
  }
}
