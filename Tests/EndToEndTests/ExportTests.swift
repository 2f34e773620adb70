import Foundation
import Glibc
import Interchange
import JSON
import Testing

/// What comes out goes in again, at another node, without change.
@Suite struct ExportTests {
  /// A chain with something of most entities.
  static func filled() throws -> Chain {
    let chain = try Chain(stores: [1])
    let members = [
      "id,name,phone,tags,customFields.shoe,customFields#visits,homeStore",
      "007,\"Zoë \"\"Z\"\" Meyer, Dr.\",+4930123450,regular;a\\;b,42,17,1", "8,\"two\nlines\",,,,,", "9,=1+1,,,,,",
      "10,gone,,,,,",
    ]
    try chain.expectDone(chain.importing(members, as: "member", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name", "apple,苹果", "bread,Bread"], as: "product", into: chain.hq))
    try chain.expectDone(
      chain.importing(["store,product,price,available", "1,apple,59,true"], as: "listing", into: chain.hq))
    try chain.expectDone(chain.importing(["id,name,startDay", "c,Autumn,20171030"], as: "campaign", into: chain.hq))
    try chain.inSync()
    try chain.expectDone(chain.importing((1...30).map { sale($0, member: "007") }, as: "sale", into: chain.stores[0]))
    try chain.inSync()
    return chain
  }

  static let entities = [
    "store", "product", "listing", "member", "campaign", "order", "orderLine", "payment", "pointsEntry",
    "stockMovement",
  ]

  @Test(arguments: ["csv", "jsonl"])
  func whatComesOutGoesInElsewhere(_ format: String) throws {
    let chain = try Self.filled()
    let other = try Chain()
    for (entity, money) in zip(Self.entities, ["minor", "decimal", "decimal"] + Array(repeating: "minor", count: 9)) {
      let words = ["--entity", entity, "--format", format, "--money", money]
      let first = try chain.syncctl(chain.hq, words: ["export"] + words)
      try chain.expectDone(first)
      #expect(first.output.split(separator: "\n").count > 0)
      let path = try chain.scratch.file("\(entity).\(format)", [first.output])
      try other.expectDone(other.syncctl(other.hq, words: ["import", path] + words))
      let second = try other.syncctl(other.hq, words: ["export"] + words)
      #expect(first.output == second.output && second.status == 0, "\(entity)")
      let again = try other.syncctl(other.hq, words: ["import", path, "--json"] + words)
      #expect(try again.json()["committed"] == .integer(0), "\(entity): \(again.output)")
    }
    #expect(try other.hq.rows("SELECT count(*), sum(sales_total) FROM orders") == ["30|16500"])
  }

  @Test func formAndOptions() throws {
    let chain = try Self.filled()
    let members = try chain.syncctl(chain.hq, "export", "--entity", "member").output
    let lines = members.split(separator: "\r\n").map(String.init)
    #expect(
      lines[0] == "id,name,phone,card,homeStore,tags,customFields.shoe,customFields#visits,level,birthday,note")
    #expect(
      lines[1] == "007,\"Zoë \"\"Z\"\" Meyer, Dr.\",+4930123450,,1,regular;a\\;b,42,17,,,"
        || lines[1] == "007,\"Zoë \"\"Z\"\" Meyer, Dr.\",+4930123450,,1,a\\;b;regular,42,17,,,", "\(lines[1])")
    #expect(lines[2].hasPrefix("10,gone,"), "in the order of ids")
    let guarded = try chain.syncctl(chain.hq, "export", "--entity", "member", "--guard-formulas", "--counters").output
    #expect(
      guarded.contains("\n9,'=1+1,") && guarded.contains(",'+4930123450,") && guarded.contains(",note,visits\r\n"))
    let marked = try chain.syncctl(chain.hq, "export", "--entity", "member", "--bom").output
    #expect(Array(marked.utf8) == [0xEF, 0xBB, 0xBF] + Array(members.utf8))

    let path = "\(chain.scratch.path)/members.csv"
    let words = ["export", "--entity", "member", "--output", path]
    let latin = try chain.syncctl(chain.hq, words: words + ["--encoding", "latin1", "--json"])
    #expect(try latin.status == 0 && latin.json()["written"] == .integer(4))
    #expect(String(data: FileManager.default.contents(atPath: path) ?? Data(), encoding: .isoLatin1) == members)
    let again = try chain.syncctl(chain.hq, words: words)
    #expect(again.status == 2 && again.problem.contains("is not overwritten"))
    let products = try chain.syncctl(chain.hq, "export", "--entity", "product", "--encoding", "latin1")
    #expect(products.status == 1 && products.output.contains("bread,Bread") && !products.output.contains("apple"))
    #expect(products.problem.hasPrefix("product apple was left out: it holds a character that latin1 has not"))
  }

  @Test func manyPagesOfARestingNode() throws {
    let chain = try Chain()
    let rows = (0..<2_345).map { "\(100_000 + $0 * 11 % 2_345),Tea \($0)" }
    try chain.expectDone(chain.importing(["id,name"] + rows, as: "product", into: chain.hq))
    let out = try chain.syncctl(chain.hq, "export", "--entity", "product").output
    let ids = out.split(separator: "\r\n").dropFirst().map { String($0.prefix(6)) }
    #expect(ids == (100_000..<102_345).map(String.init))
  }

  @Test func whatIsWrong() throws {
    let chain = try Chain()
    let path = "\(chain.scratch.path)/out.csv"
    for (words, says) in [
      (["--entity", "unicorn"], "unicorn"), ([], "--entity is needed"), (["--entity", "sale"], "order, orderLine"),
      (["--entity", "member", "--format", "xml"], "csv or jsonl"),
      (["--entity", "member", "--encoding", "klingon"], "klingon"), (["--entity", "member", "--json"], "--output"),
      (["--entity", "member", "--encoding", "gbk", "--bom"], "--bom"),
      (["--entity", "member", "--output", "\(path)/x"], "cannot be made"),
      (["--entity", "member", "--time-zone", "Mars"], "Mars"),
    ] {
      let finished = try chain.syncctl(chain.hq, words: ["export"] + words)
      #expect(finished.status == 2 && finished.problem.contains(says), "\(words): \(finished.errors)")
    }
    let full = try chain.syncctl(chain.hq, "export", "--entity", "member", "--output", "/dev/full")
    #expect(full.status == 2, "what is there is not overwritten, devices neither")
  }
}
