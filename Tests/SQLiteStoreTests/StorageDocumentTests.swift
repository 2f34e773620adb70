import Base
import Causality
import Foundation
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// The SQL of Protocol/STORAGE.md answers as it stands there.
@Suite struct StorageDocumentTests {
  private func document() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = try #require(FileManager.default.contents(atPath: root.appending(path: "Protocol/STORAGE.md").path))
    return String(decoding: data, as: UTF8.self)
  }

  private func queries() throws -> [String] {
    try document().components(separatedBy: "```sql\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
  }

  private static let day = WallTime(milliseconds: 1_772_442_900_000)
  private static let shop = RecordID(number: 3)

  private func order(_ number: UInt64, _ total: Int64, _ member: RecordID?) -> [RecordWrite] {
    let id = RecordID(milliseconds: Self.day.milliseconds, random: (number, number))
    return [
      RecordWrite(
        Order(
          id: id, store: Self.shop, receipt: "R-\(number)", kind: "sale", member: member, soldAt: Self.day,
          businessDay: 20_260_302, currency: "USD", lineCount: 1, salesTotal: total, retailDiscount: 0,
          couponDiscount: 0, couponMatchDiscount: 0)),
      RecordWrite(
        StockMovement(
          document: id, line: 1, store: Self.shop, place: "shelf", product: RecordID(key: number == 1 ? "milk" : "?"),
          quantity: -Int64(number), reason: "sale", movedAt: Self.day)),
    ]
  }

  private func fill(_ directory: Directory) throws -> StoreEngine<SQLiteBackend> {
    let identity = NodeIdentity(replica: hq, epoch: Epoch(rawValue: 1))
    let backend = try SQLiteBackend.open(path: directory.database, model: .retail, mode: .create(identity))
    let engine = try StoreEngine(backend)
    let ana = RecordID(key: "M-1")
    var writes = [
      RecordWrite(Store(id: Self.shop, name: "Riverside", code: "3", timeZone: "UTC", currency: "USD", region: nil)),
      RecordWrite(Product(id: RecordID(key: "milk"), name: "Milk")),
      RecordWrite(Member(id: ana, name: "Ana", tags: [.text("vip")])),
      RecordWrite(Member(id: RecordID(key: "M-2"), name: "Ben", tags: [.text("other")])),
      RecordWrite(Member(id: RecordID(key: "M-3"), name: "Cy", tags: [.text("new"), .text("vip")])),
      RecordWrite(
        PointsEntry(
          document: RecordID(milliseconds: 1, random: (1, 1)), line: 1, member: ana, store: Self.shop, points: 12,
          reason: "purchase", earnedAt: Self.day)),
    ]
    writes += order(1, 199, ana) + order(2, 301, nil)
    let results = try engine.commit([CommitDraft(writes)], at: Self.day)
    guard case .committed = results.first else {
      Issue.record("expected the draft to be committed, found \(results)")
      return engine
    }
    return engine
  }

  @Test func theThreeQuestionsHaveTheirAnswers() throws {
    let directory = try Directory()
    let engine = try fill(directory)
    let queries = try queries()
    try #require(queries.count == 3)
    #expect(try directory.sql(queries[0]) == ["Riverside|20260302|USD|2|500"])
    #expect(try directory.sql(queries[1]) == ["3|?|not in the catalogue|-2", "3|milk|Milk|-1"])
    #expect(try directory.sql(queries[2]) == ["M-1|Ana|12", "M-3|Cy|0"])
    withExtendedLifetime(engine) {}
  }

  @Test func aRecordThatWasWrittenOnceCarriesTheBytesOfTheDocument() throws {
    let directory = try Directory()
    let engine = try fill(directory)
    let bytes = "01 00 A0 AC D1 EE CA 33 00"
    #expect(try document().contains("\(bytes)     once, replica 0, \(Self.day.milliseconds) ms, counter 0"))
    #expect(try directory.sql("SELECT hex(meta) FROM products") == [bytes.filter { $0 != " " }])
    withExtendedLifetime(engine) {}
  }
}
