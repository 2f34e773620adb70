import Base
import Interchange
import JSON
import Retail
import StoreModel
import Testing

@Suite struct MoneyTests {
  @Test(arguments: [
    ("12.34", "EUR", 1_234), ("12.3", "EUR", 1_230), ("12", "EUR", 1_200), ("-0.05", "CNY", -5), ("0", "USD", 0),
    ("007.10", "USD", 710), ("1200", "JPY", 1_200), ("1.234", "BHD", 1_234), ("-1.2345", "CLF", -12_345),
    ("92233720368547758.07", "EUR", Int64.max), ("-92233720368547758.08", "EUR", Int64.min),
  ])
  func decimalsAreReadExactly(_ text: String, _ currency: String, _ amount: Int64) throws {
    let decimals = try #require(Currency.decimals(of: currency))
    #expect(try DecimalAmount.parse(text, decimals: decimals, currency: currency) == amount)
  }

  @Test(arguments: [
    ("12.345", "EUR", "found 3 decimals, expected at most 2: the currency is EUR"),
    ("12.0", "JPY", "found 1 decimals, expected at most 0"), ("12,34", "EUR", "without commas"),
    ("1 200", "EUR", "without commas"), (".5", "EUR", "12.34"), ("5.", "EUR", "12.34"), ("", "EUR", "12.34"),
    ("+5", "EUR", "signs"), ("1e2", "EUR", "12.34"), ("1.2.3", "EUR", "12.34"), ("€5", "EUR", "12.34"),
    ("92233720368547758.08", "EUR", "64 bits"), ("99999999999999999999", "EUR", "64 bits"),
  ])
  func whatIsRefused(_ text: String, _ currency: String, _ says: String) throws {
    let decimals = try #require(Currency.decimals(of: currency))
    let error = #expect(throws: MappingError.self) {
      try DecimalAmount.parse(text, decimals: decimals, currency: currency)
    }
    #expect(error?.reason.contains(says) == true, "\(error?.reason ?? "")")
  }

  @Test func whatIsWrittenIsRead() throws {
    let seed: UInt64 = 0x5EED_CA54
    var generator = SeededGenerator(seed: seed)
    for round in 0..<2_000 {
      let decimals = Int.random(in: 0...4, using: &generator)
      let bits = Int.random(in: 1...63, using: &generator)
      let amount = Int64(bitPattern: generator.next()) >> (63 - bits)
      let text = DecimalAmount.text(of: amount, decimals: decimals)
      #expect(
        try DecimalAmount.parse(text, decimals: decimals, currency: "X") == amount,
        "SEED \(seed) round \(round): \(text)")
    }
    #expect(DecimalAmount.text(of: .min, decimals: 2) == "-92233720368547758.08")
    #expect(DecimalAmount.text(of: -5, decimals: 2) == "-0.05" && DecimalAmount.text(of: 7, decimals: 0) == "7")
  }

  @Test func codesThatNobodyKnows() {
    for code in ["", "usd", "XXX", "EURO", "ABC"] { #expect(Currency.decimals(of: code) == nil) }
  }

  static let form = ValueForm(
    money: .decimal,
    stores: [
      1: Place(currency: "EUR", calendar: nil), 2: Place(currency: "JPY", calendar: nil),
      3: Place(currency: "???", calendar: nil),
    ])

  static func price(_ header: String, _ row: String, _ form: ValueForm = form) throws -> Value? {
    let mapper = try RecordMapper(try entity("listing"), form: form)
    let columns = try mapper.columns(of: header.split(separator: ",").map(String.init))
    let cells = row.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard case .write(let writes) = try mapper.write(cells, columns).action else { return nil }
    return writes.compactMap { if $0.field == FieldTag(3), case .set(let value) = $0.edit { value } else { nil } }.first
  }

  @Test func theCurrencyIsThatOfTheRowsStore() throws {
    #expect(try Self.price("price,store,product", "2.90,1,x") == .integer(290), "whatever the order of the columns")
    #expect(try Self.price("store,product,price", "2,x,290") == .integer(290))
    #expect(try Self.price("id,price", "1/x,2.9") == .integer(290), "the store may be part of the id")
    #expect(throws: MappingError("price", "found 2 decimals, expected at most 0: the currency is JPY")) {
      try Self.price("store,product,price", "2,x,2.90")
    }
    let unknown = #expect(throws: MappingError.self) { try Self.price("store,product,price", "9,x,2.90") }
    #expect(unknown?.description.contains("the currency of store 9 is not known here") == true)
    let odd = #expect(throws: MappingError.self) { try Self.price("store,product,price", "3,x,2.90") }
    #expect(odd?.description.contains("ISO 4217") == true)
    let minor = #expect(throws: MappingError.self) { try Self.price("store,product,price", "1,x,2.90", ValueForm()) }
    #expect(minor?.description.contains("or say --money decimal") == true)
  }

  @Test func aRecordMayCarryItsOwnCurrency() throws {
    let mapper = try RecordMapper(try entity("payment"), form: Self.form)
    func amount(_ more: String) throws -> RecordWrite {
      let text = """
        {"order":"018fc2b6-4c10-7aaa-8000-0123456789ab","number":1,"store":"1","method":"cash",\(more)}
        """
      guard case .object(let object) = try JSONParser.parse(Array(text.utf8)[...]) else { throw MappingError(nil, "") }
      return try mapper.write(object)
    }
    for written in ["5.125", "\"5.125\""] {
      let write = try amount("\"currency\":\"KWD\",\"amount\":\(written)")
      guard case .write(let fields) = write.action else { return }
      #expect(fields.contains(FieldWrite(FieldTag(5), .set(.integer(5_125)))), "\(written)")
    }
    // 0.1 + 0.2 and the like never come near it.
    let large = try amount("\"currency\":\"EUR\",\"amount\":90071992547409.93")
    guard case .write(let fields) = large.action else { return }
    #expect(fields.contains(FieldWrite(FieldTag(5), .set(.integer(9_007_199_254_740_993)))))
  }
}
