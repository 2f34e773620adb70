import CSQLite
import Dispatch
import Glibc
import Testing

/// What a till's questions cost on a million records: `Scripts/measure-reads`. Not part of the tests, as it takes a minute.
@Suite(.enabled(if: getenv("STORESYNC_MEASURE") != nil)) struct MeasureTests {
  /// Rows as a store has them that were written once, copied from one that was: quicker than a million commits.
  private func fill(_ path: String) throws {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    try #require(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
    sqlite3_busy_timeout(handle, 5_000)
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %) "
    func insert(_ table: String, _ columns: String, _ values: String, _ count: Int) throws {
      let meta = "(SELECT meta FROM members LIMIT 1)"
      let sql =
        "INSERT INTO \(table) (\"row\", id, sequence, meta, \(columns)) " + numbers.replacing("%", with: "\(count)")
        + "SELECT i + 10, \(values.replacing("meta,", with: "\(meta),")) FROM n"
      try #require(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    }
    try insert(
      "members", "name, phone, home_store", "printf('m%07d', i), 1, meta, 'Name', printf('+49%09d', i * 7), 1", 300_000)
    try insert("products", "name, barcode", "printf('p%07d', i), 1, meta, 'Name', printf('40%011d', i * 13)", 300_000)
    try insert(
      "orders",
      "store, receipt, kind, member, sold_at, business_day, currency, line_count, sales_total, retail_discount, "
        + "coupon_discount, coupon_match_discount",
      "CAST(printf('%016d', i) AS BLOB), 1, meta, 1, printf('r%d', i), 'sale', printf('m%07d', i % 300000), "
        + "1700000000000 + i * 1000, 20260101 + i / 20000, 'EUR', 0, 100, 0, 0, 0", 400_000)
  }

  @Test func reads() throws {
    let api = try TestAPI()
    #expect(try api.call("PUT", "/v1/records/member/first", body: #"{"name":"x"}"#).status == 200)
    try fill(api.database)
    let questions: [(String, String, (Int) -> KeyValuePairs<String, String>)] = [
      ("a member by id", "/v1/records/member", { ["id": "m\(Self.padded($0 % 300_000 + 1, 7))"] }),
      ("a product by barcode", "/v1/records/product", { ["barcode": "40\(Self.padded(($0 % 300_000 + 1) * 13, 11))"] }),
      ("a member by phone", "/v1/records/member", { ["phone": "+49\(Self.padded(($0 % 300_000 + 1) * 7, 9))"] }),
      ("an order by receipt", "/v1/records/order", { ["store": "1", "receipt": "r\($0 % 400_000 + 1)"] }),
      (
        "a page of 20 orders of a day", "/v1/records/order",
        { ["store": "1", "businessDay": "202601\(Self.padded($0 % 19 + 1, 2))", "limit": "20"] }
      ),
      (
        "a page of 100 orders of a day", "/v1/records/order",
        { ["store": "1", "businessDay": "202601\(Self.padded($0 % 19 + 1, 2))", "limit": "100"] }
      ),
      ("the orders of a member", "/v1/records/order", { ["member": "m\(Self.padded($0 % 300_000, 7))"] }),
    ]
    for (name, path, query) in questions {
      var times: [UInt64] = []
      for number in 0..<300 {
        let before = DispatchTime.now().uptimeNanoseconds
        let answer = try api.call("GET", path, query(number * 7_919))
        times.append(DispatchTime.now().uptimeNanoseconds - before)
        #expect(answer.status == 200 && !answer.items.isEmpty, "\(name): \(answer.text.prefix(200))")
      }
      times.sort()
      print("\(name): median \(times[150] / 1_000) µs, 99 % below \(times[297] / 1_000) µs")
    }
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
