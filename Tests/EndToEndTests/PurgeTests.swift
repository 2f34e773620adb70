import Base
import Foundation
import Interchange
import JSON
import Testing

/// `syncctl purge`, with nodes that run.
@Suite struct PurgeTests {
  private func purge(_ chain: Chain, _ store: Node, _ words: String...) throws -> JSONObject {
    let finished = try chain.syncctl(store, words: ["purge", "--json"] + words)
    try chain.expectDone(finished)
    return try finished.json()
  }

  /// As “entity 5”, or “reason 5”.
  private func counts(_ answer: JSONObject, _ list: String, _ name: String) -> [String] {
    guard case .array(let items) = answer[list] else { return ["no \(list)"] }
    return items.compactMap { item in
      guard case .object(let object) = item, case .string(let key) = object[name],
        case .integer(let count) = object["records"]
      else { return nil }
      return "\(key) \(count)"
    }
  }

  private func verify(_ chain: Chain) throws -> String {
    let finished = try chain.syncctl(chain.hq, "verify")
    return "\(finished.status) \(finished.output)\(finished.errors)"
  }

  private static let stock =
    "SELECT store, product, balance FROM stock_on_hand WHERE balance <> 0 ORDER BY store, product"
  private static let points = "SELECT member, balance FROM points_balance WHERE balance <> 0 ORDER BY member"

  @Test(
    "FC-34 old sales are purged at a store: HQ keeps them, balances stay, verify finds no difference, nothing comes back"
  )
  func purging() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing(["id,name,homeStore", "M-1,Ana,1"], as: "member", into: chain.hq))
    try chain.inSync()
    try chain.expectDone(chain.importing((0..<60).map { sale($0, member: "M-1") }, as: "sale", into: store))
    try chain.inSync()
    let (stock, points) = (try store.rows(Self.stock), try store.rows(Self.points))
    #expect(stock.count == 2 && points.count == 1)

    let early = try purge(chain, store, "--before", "2017-09-01")
    #expect(counts(early, "dropped", "entity") == [])
    #expect(counts(early, "kept", "reason") == ["not-at-hq 420"], "HQ has not had them for two weeks")
    let counted = try purge(chain, store, "--before", "2017-09-01", "--at-hq-for", "0", "--dry-run")
    let all = ["pointsEntry 60", "order 60", "orderLine 120", "payment 60", "stockMovement 120"]
    #expect(counts(counted, "dropped", "entity") == all)
    #expect(try store.salesTotals() == Node.totals(60), "counting drops nothing")
    #expect(try counts(purge(chain, store, "--before", "2017-08-21", "--at-hq-for", "0"), "dropped", "entity") == [])

    // While a till sells.
    let file = try chain.scratch.file("more.jsonl", (60..<260).map { sale($0).replacing("2017-", with: "2025-") })
    let importing = try chain.beginImport(file, as: "sale", into: store)
    let done = try purge(chain, store, "--older-than", "700", "--at-hq-for", "0")
    #expect(counts(done, "dropped", "entity") == all && counts(done, "kept", "reason") == [])
    #expect(try importing.status() == 0)
    try chain.inSync()
    #expect(try store.salesTotals() == Node.totals(200))
    #expect(try chain.hq.salesTotals() == Node.totals(260), "HQ keeps what the store has let go of")
    #expect(try store.rows(Self.points) == points)
    let after = try store.rows(Self.stock)
    #expect(try after == chain.hq.rows(Self.stock) && after != stock)

    let compared = try verify(chain)
    #expect(compared.hasPrefix("0 "), "\(compared)")
    // A purged payment that HQ has lost is found, and a lost member is brought back without the purged.
    try store.stop()
    try chain.hq.stop()
    let payment = try #require(try chain.hq.rows("SELECT hex(id) FROM payments ORDER BY id LIMIT 1").first)
    try Database.change(chain.hq, "DELETE FROM payments WHERE hex(id) = '\(payment)'")
    try Database.change(store, "DELETE FROM members")
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()
    let repaired = try chain.syncctl(chain.hq, "verify", "--repair")
    #expect(repaired.status == 1 && repaired.output.contains("HQ lacks it"), "\(repaired.output)")
    #expect(repaired.output.contains("2 of") && repaired.output.contains("1 are mended"), "\(repaired.output)")
    #expect(try store.rows("SELECT id FROM members") == ["M-1"])
    #expect(try store.salesTotals() == Node.totals(200), "the repair brings nothing back that was purged")
    #expect(try store.rows(Self.points) == points)

    // Nor does a receipt that is sent again come in a second time.
    let again = try chain.importing([sale(3, member: "M-1")], as: "sale", into: store)
    #expect(again.status == 1 && again.errors.contains("purged"), "\(again.output)\(again.errors)")
    let order = try #require(try chain.hq.rows("SELECT lower(hex(id)) FROM orders ORDER BY id LIMIT 1").first)
    let id = [
      order.prefix(8), order.dropFirst(8).prefix(4), order.dropFirst(12).prefix(4), order.dropFirst(16).prefix(4),
      order.dropFirst(20),
    ]
    .joined(separator: "-")
    let explained = try chain.syncctl(store, "explain", "order", id)
    #expect(explained.status == 2 && explained.problem.contains("it was purged here"), "\(explained.errors)")
  }

  @Test("FC-34 a purge works on a store that does not run, and says what it cannot do")
  func alone() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing((0..<3).map { sale($0) }, as: "sale", into: store))
    try chain.inSync()
    try store.stop()
    let text = try chain.syncctl(store, "purge", "--before", "2017-09-01", "--at-hq-for", "0")
    #expect(text.status == 0 && text.output.contains("  orderLine  6"), "\(text.output)")
    #expect(
      text.output.hasPrefix("dropped what is older than 2017-09-01T04:00:00"), "the shop's own midnight: \(text.output)"
    )
    for (words, problem) in [
      (["--before", "2017-09-01", "--older-than", "99"], "either --before DATE or --older-than DAYS"),
      ([], "either --before DATE or --older-than DAYS"),
      (["--before", "yesterday"], "expected one such as 2026-01-31"),
      (["--older-than", "3"], "30 days ago or earlier"), (["--older-than", "a year"], "expected a number of days"),
      (["--older-than", "99", "--at-hq-for", "61"], "expected 0 to 60"),
    ] {
      let finished = try chain.syncctl(store, words: ["purge"] + words)
      #expect(finished.status == 2 && finished.problem.contains(problem), "\(words): \(finished.errors)")
    }
    let atHQ = try chain.syncctl(chain.hq, "purge", "--older-than", "99")
    #expect(atHQ.status == 2 && atHQ.problem.contains("HQ keeps what its stores let go of"), "\(atHQ.errors)")
    try chain.start(store)
    try chain.inSync()
    #expect(try verify(chain).hasPrefix("0 "))
    #expect(try chain.hq.salesTotals() == Node.totals(3))
  }
}
