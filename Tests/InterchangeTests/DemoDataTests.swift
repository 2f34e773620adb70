import Base
import Interchange
import Retail
import StoreModel
import Testing

/// Every file of the demo imports without a refused line, and importing it again changes nothing.
@Suite struct DemoDataTests {
  static func run(_ name: String, _ content: Importer.Content, _ sink: MemorySink) throws -> ImportReport {
    let bytes = try demoFile(name)
    var rest = bytes[...]
    return try Importer(content).run(
      reading: {
        defer { rest = rest.dropFirst(10_007) }
        return Array(rest.prefix(10_007))
      }, into: sink)
  }

  @Test(arguments: [
    ("stores.csv", "store", [], 3), ("products.csv", "product", [], 2_550), ("members.csv", "member", [], 116),
    ("listings.csv", "listing", [], 2_875), ("campaigns.csv", "campaign", [], 3), ("coupons.csv", "coupon", [], 135),
    ("coupon_products.csv", "couponProduct", [], 1_373),
    ("coupon_redemptions.csv", "couponRedemption", ["store", "receipt", "campaign", "code"], 39),
  ])
  func records(file: String, name: String, keys: [String], count: Int) throws {
    let sink = MemorySink()
    let mapper = try RecordMapper(try entity(name), keyColumns: keys)
    let report = try Self.run(file, .recordsInCSV(mapper), sink)
    #expect(report.refusals == [])
    #expect(report.read == count && report.committed == count)
    var ids: Set<RecordID> = []
    for case .record(let write) in sink.items { ids.insert(write.id) }
    #expect(ids.count == count, "each row is a record of its own")
    let again = try Self.run(file, .recordsInCSV(mapper), sink)
    #expect(again.unchanged == count && again.committed == 0 && again.refused == 0)
  }

  @Test(arguments: [("sales-375.jsonl", 175), ("sales-406.jsonl", 209), ("sales-429.jsonl", 121)])
  func sales(file: String, count: Int) throws {
    let sink = MemorySink()
    let report = try Self.run(file, .salesInJSONLines(SaleMapper()), sink)
    #expect(report.refusals == [])
    #expect(report.committed == count)
    let context = SaleContext(
      store: 375, calendar: try BusinessCalendar(timeZone: "America/New_York"), currency: "USD")
    for case .sale(.sale(let sale)) in sink.items { _ = try sell(sale, in: context) }
  }

  @Test func totalsOfTheSales() throws {
    let sink = MemorySink()
    for store in [375, 406, 429] { _ = try Self.run("sales-\(store).jsonl", .salesInJSONLines(SaleMapper()), sink) }
    var lines = 0
    for case .sale(.sale(let sale)) in sink.items { lines += sale.lines.count }
    #expect(sink.items.count == 505 && lines == 3_837)
  }
}
