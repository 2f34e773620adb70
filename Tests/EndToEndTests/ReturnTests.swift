import Interchange
import JSON
import Testing

/// Goods that come back, and receipts that are voided, at a real store.
@Suite struct ReturnTests {
  private func back(_ receipt: String, of original: String, quantity: Int = 1) -> String {
    """
    {"kind":"return","receipt":"\(receipt)","soldAt":"2017-08-22T10:00:00Z","original":"\(original)","member":"7",\
    "lines":[{"product":"apple","quantity":-\(quantity),"salesCents":-\(125 * quantity)}],\
    "payment":{"method":"cash","amountCents":-\(125 * quantity)}}
    """
  }

  private func voided(_ receipt: String, of original: String) -> String {
    #"{"kind":"void","receipt":"\#(receipt)","soldAt":"2017-08-21T20:00:00Z","original":"\#(original)"}"#
  }

  @Test func salesReturnsAndVoidsOfOneFile() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing(["id,name,homeStore", "7,José 张,1"], as: "member", into: chain.hq))
    try chain.inSync()
    let lines = [
      sale(1, member: "7"), sale(2, member: "7"), sale(3), back("R-1", of: "R1"), voided("V-2", of: "R2"),
    ]
    let first = try chain.importing(lines, as: "sale", into: store)
    try chain.expectDone(first)
    #expect(try first.json()["committed"] == .integer(5))
    let again = try chain.importing(lines, as: "sale", into: store)
    try chain.expectDone(again)
    #expect(try again.json()["unchanged"] == .integer(5))

    // Two apples were in it, and one has come back.
    let refused = try chain.importing(
      [back("R-2", of: "R1", quantity: 2), voided("V-1", of: "R1"), voided("V-9", of: "R9"), back("R-3", of: "R2")],
      as: "sale", into: store)
    #expect(refused.status == 1)
    let reasons = refused.errors.split(separator: "\n")
    #expect(reasons.count == 4)
    for (reason, part) in zip(
      reasons,
      [
        ":1: found 2 of apple coming back, expected at most 1", "can't be voided", "found no receipt R9",
        "was voided",
      ])
    {
      #expect(reason.contains(part), "\(reason)")
    }

    try chain.inSync()
    for node in [chain.hq, store] {
      #expect(
        try node.rows("SELECT receipt, kind, sales_total, original IS NULL FROM orders ORDER BY receipt") == [
          "R-1|return|-125|0", "R1|sale|550|1", "R2|sale|550|1", "R3|sale|550|1", "V-2|void|-550|0",
        ])
      #expect(
        try node.rows(
          """
          SELECT sum(sales_total), (SELECT sum(amount) FROM payments), (SELECT sum(sales_amount) FROM order_lines)
          FROM orders
          """) == ["975|975|975"])
      #expect(
        try node.rows("SELECT product, balance FROM stock_on_hand ORDER BY product") == ["apple|-3", "bread|-2"])
      #expect(try node.rows("SELECT member, balance FROM points_balance") == ["7|4"])
    }
    let status = try chain.syncctl(store, "status")
    #expect(status.status == 0, "\(status.output)")
  }

  /// Tills at one moment: the goods go back once, whoever comes first.
  @Test func goodsComeBackOnceThoughSeveralSayAtOnce() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: store))
    let imports = try (1...4).map { number in
      let path = try chain.scratch.file("return.\(number).jsonl", [back("R-\(number)", of: "R1", quantity: 2)])
      return try chain.beginImport(path, as: "sale", into: store)
    }
    let ends = try imports.map { try $0.status() }
    #expect(ends.sorted() == [0, 1, 1, 1])
    #expect(try store.rows("SELECT count(*) FROM orders WHERE kind = 'return'") == ["1"])
    #expect(try store.rows("SELECT balance FROM stock_on_hand WHERE product = 'apple'") == ["0"])
  }
}
