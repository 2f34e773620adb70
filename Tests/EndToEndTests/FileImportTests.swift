import Foundation
import Glibc
import Interchange
import JSON
import Testing

/// Files as they are found in shops: other encodings, other names, decimals, mistakes.
@Suite struct FileImportTests {
  /// A file of bytes.
  static func file(_ chain: Chain, _ name: String, _ bytes: [UInt8]) throws -> String {
    let path = "\(chain.scratch.path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func anotherEncodingAndOtherNames() throws {
    let chain = try Chain()
    // “编号,姓名,备注\r\n007,张涛,x\r\n” in GB18030.
    let path = try Self.file(
      chain, "members.csv",
      [0xB1, 0xE0, 0xBA, 0xC5, 0x2C, 0xD0, 0xD5, 0xC3, 0xFB, 0x2C, 0xB1, 0xB8, 0xD7, 0xA2, 0x0D, 0x0A]
        + Array("007,".utf8) + [0xD5, 0xC5, 0xCC, 0xCE] + Array(",x\r\n".utf8))
    let hinted = try chain.syncctl(chain.hq, "import", path, "--entity", "member")
    #expect(hinted.status == 2 && hinted.errors.contains("--encoding gb18030"))
    let words = ["import", path, "--entity", "member", "--encoding", "gb18030", "--json"]
    let unknown = try chain.syncctl(chain.hq, words: words)
    #expect(unknown.status == 2 && unknown.errors.contains("member has no field “编号”; known are: id, name"))
    let done = try chain.syncctl(chain.hq, words: words + ["--map", "编号=id,姓名=name", "--ignore", "备注"])
    try chain.expectDone(done)
    #expect(try chain.hq.rows("SELECT id, name FROM members") == ["007|张涛"])
    let klingon = try chain.syncctl(chain.hq, "import", path, "--entity", "member", "--encoding", "klingon")
    #expect(klingon.status == 2 && klingon.problem.contains("klingon") && klingon.problem.contains("iconv -l"))
  }

  @Test func refusedLinesGoIntoANewFile() throws {
    let chain = try Chain()
    let path = try chain.scratch.file("products.csv", ["id,name", "1,Tea", "2", "003,\"two", "lines\",x", "4,Milk"])
    let rejects = "\(chain.scratch.path)/rejects.csv"
    let words = ["import", path, "--entity", "product", "--rejects", rejects]
    let done = try chain.syncctl(chain.hq, words: words)
    #expect(done.status == 1)
    let told = done.errors.split(separator: "\n")
    #expect(
      told.count == 3 && told[0].hasPrefix("\(path):3: found 1 fields") && told[1].hasPrefix("\(path):4: "), "\(told)")
    let kept = readFile(rejects)
    #expect(kept.hasPrefix("id,name,reason\r\n2,\"line 3: found 1 fields"))
    #expect(kept.contains("\r\n003,\"two\nlines\",x,\"line 4: "))
    let again = try chain.syncctl(chain.hq, words: words)
    #expect(again.status == 2 && again.problem.contains("is there already, and is not overwritten"))
    #expect(readFile(rejects) == kept)
    let none = "\(chain.scratch.path)/none.csv"
    let good = try chain.scratch.file("good.csv", ["id,name", "5,Rye"])
    try chain.expectDone(chain.syncctl(chain.hq, "import", good, "--entity", "product", "--rejects", none))
    #expect(access(none, F_OK) != 0 && access(none + ".partial", F_OK) != 0, "no refusals, no file")
    #expect(try chain.hq.rows("SELECT id FROM products ORDER BY id") == ["1", "4", "5"])
  }

  @Test func amountsWithDecimals() throws {
    let chain = try Chain()
    _ = try chain.joinCode(1)
    let words = ["store", "add", "2", "--name", "B", "--time-zone", "Asia/Tokyo", "--currency", "JPY"]
    try chain.expectDone(chain.syncctl(chain.hq, words: words))
    let prices = ["store,product,price", "1,tea,2.90", "2,tea,290", "2,rye,2.90", "9,tea,1.00"]
    let plain = try chain.importing(prices, as: "listing", into: chain.hq)
    #expect(plain.errors.contains("or say --money decimal"), "\(plain.errors)")
    let done = try chain.importing(prices, as: "listing", into: chain.hq, "--money", "decimal")
    #expect(
      done.status == 1 && done.errors.contains(":4: price: found 2 decimals, expected at most 0: the currency is JPY"))
    #expect(done.errors.contains(":5: price: found a decimal amount, and the currency of store 9 is not known here"))
    #expect(
      try chain.hq.rows("SELECT store, price FROM listings WHERE product = 'tea' ORDER BY store") == ["1|290", "2|290"])
    let odd = try chain.importing(prices, as: "listing", into: chain.hq, "--money", "cents")
    #expect(odd.status == 2 && odd.problem.contains("minor"))
  }

  @Test func aDryRunFindsWhatTheRealOneWould() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    let lines = [sale(1), sale(2, cents: 2_000_000_000_000_000), sale(3)]
    let campaigns = ["id,name", "c1,Autumn"]
    for (what, entity) in [(lines, "sale"), (campaigns, "campaign")] {
      let dry = try chain.importing(what, as: entity, into: store, "--dry-run")
      #expect(try dry.json()["committed"] == .integer(0))
      #expect(try store.rows("SELECT 1 FROM \(entity == "sale" ? "orders" : "campaigns")") == [])
      let real = try chain.importing(what, as: entity, into: store)
      #expect(dry.status == 1 && real.status == 1)
      #expect(try dry.json()["refused"] == .integer(1) && real.json()["refused"] == .integer(1), "\(dry.errors)")
      #expect(try dry.json()["wouldCommit"] == real.json()["committed"])
      let reason = { (finished: Finished) in finished.problem.split(separator: ": ").dropFirst().joined(separator: ": ")
      }
      #expect(reason(dry) == reason(real) && !reason(dry).isEmpty, "\(dry.errors)\(real.errors)")
    }
    let again = try chain.importing(lines, as: "sale", into: store, "--dry-run").json()
    #expect(again["wouldCommit"] == .integer(0) && again["unchanged"] == .integer(2))
  }

  @Test func localTimesOfSales() throws {
    let chain = try Chain(stores: [1])
    let line = sale(1).split(separator: "\"soldAt\":\"2017-08-21T12:00:06Z\"", omittingEmptySubsequences: false)
    let lines = [line.joined(separator: "\"soldAt\":\"2017-11-05 01:30\"")]
    let done = try chain.importing(lines, as: "sale", into: chain.stores[0])
    try chain.expectDone(done)
    #expect(done.errors.contains(":1: note: soldAt came twice that day in America/New_York"), "\(done.errors)")
    #expect(try chain.stores[0].rows("SELECT sold_at, business_day FROM orders") == ["1509859800000|20171105"])
  }

  @Test(arguments: [
    ("", 2, "the file is empty, expected a header row"), ("id,name\n", 0, ""), ("\u{FEFF}id,name\r\n", 0, ""),
    ("id,name\n1,a\0b\n", 1, ":2: field 2 holds a NUL byte"), ("id;name\n1;Tea\n", 2, "separate columns by commas"),
    ("id,name\n1,\"Tea\n", 1, ":2: a quotation mark opens a field and is never closed"),
    ("id,name\n1,Tea,x\n", 1, ":2: found 3 fields, expected 2 as in the first row"),
    ("id,nam\n1,Tea\n", 2, "product has no field “nam”"),
  ])
  func oneClearLineEach(_ text: String, _ status: Int32, _ says: String) throws {
    let chain = try Chain()
    let path = try Self.file(chain, "odd.csv", Array(text.utf8))
    let finished = try chain.syncctl(chain.hq, "import", path, "--entity", "product")
    #expect(finished.status == status && (says.isEmpty || finished.problem.contains(says)), "\(finished.errors)")
    #expect(finished.errors.split(separator: "\n").count == (says.isEmpty ? 0 : 1), "\(finished.errors)")
  }

  @Test func anInterruptionSaysHowFarItCameAndNothingComesTwice() throws {
    let chain = try Chain()
    let path = "\(chain.scratch.path)/slow.csv"
    let made = mkfifo(path, 0o600)
    try #require(made == 0)
    let first = try chain.beginImport(path, as: "product", into: chain.hq)
    let door = open(path, O_WRONLY | O_CLOEXEC)
    let text = "id,name\n" + (1...1_200).map { "\($0),Tea\n" }.joined()
    #expect(write(door, text, text.utf8.count) == text.utf8.count)
    try eventually("the first batches") { try chain.hq.rows("SELECT count(*) FROM products") == ["1000"] }
    try first.send(signal: SIGINT)
    #expect(try first.status() == 1)
    close(door)
    #expect(first.errors.contains("stopped after line 1001: interrupted; 1000 committed"), "\(first.errors)")
    let whole = try chain.scratch.file("whole.csv", [text])
    let again = try chain.syncctl(chain.hq, "import", whole, "--entity", "product", "--json")
    #expect(try again.json()["unchanged"] == .integer(1_000) && again.json()["committed"] == .integer(200))
  }
}
