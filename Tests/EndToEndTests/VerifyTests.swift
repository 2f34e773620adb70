import Base
import Foundation
import Interchange
import JSON
import Testing

/// `syncctl verify`, with nodes that run.
@Suite struct VerifyTests {
  private func verify(_ chain: Chain, _ words: String...) throws -> (status: Int32, stores: [JSONObject]) {
    let finished = try chain.syncctl(chain.hq, words: ["verify", "--json"] + words)
    try #require(finished.status <= 1, "\(finished.errors)")
    guard case .array(let items) = try finished.json()["stores"] else { return (finished.status, []) }
    return (finished.status, items.compactMap { if case .object(let object) = $0 { object } else { nil } })
  }

  private func number(_ object: JSONObject, _ name: String) -> Int64 {
    if case .integer(let number) = object[name] { number } else { -1 }
  }

  /// What differs, as “entity id kind”.
  private func found(_ store: JSONObject) -> [String] {
    guard case .array(let items) = store["differences"] else { return [] }
    return items.compactMap { item in
      guard case .object(let object) = item, case .string(let entity) = object["entity"],
        case .string(let id) = object["id"], case .string(let kind) = object["kind"]
      else { return nil }
      return "\(entity) \(id) \(kind)"
    }.sorted()
  }

  @Test("FC-48, FC-49 silent drift is found row by row, mended row by row, and counted in status until then")
  func drift() throws {
    let chain = try Chain(stores: [1, 2])
    let store = chain.stores[0]
    let members = (1...60).map { "\($0),Member \($0)" }
    try chain.expectDone(chain.importing(["id,name"] + members, as: "member", into: chain.hq))
    try chain.expectDone(chain.importing((0..<30).map { sale($0) }, as: "sale", into: store))
    try chain.inSync()
    let equal = try verify(chain)
    #expect(equal.status == 0 && equal.stores.count == 2)
    for answer in equal.stores {
      #expect(number(answer, "differing") == 0 && number(answer, "questions") == 1)
      #expect(number(answer, "bytes") < 600, "\(number(answer, "bytes")) bytes")
    }
    let stock = "SELECT product, balance FROM stock_on_hand ORDER BY product"
    let (balances, names) = (try chain.hq.rows(stock), try chain.hq.rows("SELECT id, name FROM members ORDER BY id"))

    try store.stop()
    try chain.hq.stop()
    let movement = try #require(
      try store.rows("SELECT hex(id) FROM stock_movements ORDER BY id LIMIT 1 OFFSET 9").first)
    let payment = try #require(try store.rows("SELECT hex(id) FROM payments ORDER BY id LIMIT 1 OFFSET 5").first)
    try Database.change(
      store, "DELETE FROM members WHERE id = '33'", "UPDATE members SET name = 'Eve' WHERE id = '44'",
      "UPDATE stock_movements SET quantity = -99 WHERE hex(id) = '\(movement)'")
    try Database.change(chain.hq, "DELETE FROM payments WHERE hex(id) = '\(payment)'")
    try chain.startHQ()
    try chain.start(store)
    try chain.inSync()

    let looked = try verify(chain)
    #expect(looked.status == 1)
    let drifted = try #require(looked.stores.first)
    let kinds = found(drifted).map { $0.split(separator: " ") }.map { "\($0[0]) \($0[2])" }
    #expect(
      kinds == ["member missing-at-store", "member contents", "payment missing-at-hq", "stockMovement contents"],
      "\(found(drifted))")
    #expect(found(drifted).prefix(2) == ["member 33 missing-at-store", "member 44 contents"])
    #expect(number(drifted, "mended") == 0)
    #expect(number(looked.stores[1], "differing") == 0, "the other store has what it should have")
    #expect(try store.rows("SELECT name FROM members WHERE id = '44'") == ["Eve"], "looking changes nothing")
    try eventually("status to count what differs") {
      let status = try chain.syncctl(chain.hq, "status")
      return status.status == 1 && status.output.contains("4 records of store 1 differ")
    }

    let head = try chain.syncctl(store, "status", "--json").json()["logHead"]
    let mended = try verify(chain, "--store", "1", "--repair")
    #expect(mended.status == 1 && number(mended.stores[0], "mended") == 4, "\(found(mended.stores[0]))")
    #expect(number(mended.stores[0], "bytes") < 12_000, "\(number(mended.stores[0], "bytes")) bytes")
    try chain.inSync()
    for node in [chain.hq, store] {
      #expect(try node.rows(stock) == balances, "\(node.name)")
      #expect(try node.rows("SELECT id, name FROM members ORDER BY id") == names, "\(node.name)")
      #expect(try node.salesTotals() == Node.totals(30), "\(node.name)")
    }
    if case .integer(let before) = head,
      case .integer(let after) = try chain.syncctl(store, "status", "--json").json()["logHead"]
    {
      #expect(after - before == 4, "the repair is minimal: found \(after - before) entries")
    }
    let again = try verify(chain)
    #expect(again.status == 0, "\(again.stores.map(found))")
    let status = try chain.syncctl(chain.hq, "status", "--json").output
    #expect(!status.contains("\"lastVerified\":null"), "\(status)")
  }

  @Test("verify goes on beside sales, and what is on its way is no difference")
  func besideSales() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.importing((0..<50).map { sale($0) }, as: "sale", into: store))
    let file = try chain.scratch.file("many.jsonl", (50..<350).map { sale($0) })
    let importing = try chain.beginImport(file, as: "sale", into: store)
    for _ in 0..<3 {
      let answer = try verify(chain)
      #expect(answer.status == 0, "\(answer.stores.map(found))")
    }
    #expect(try importing.status() == 0)
    try chain.inSync()
    #expect(try verify(chain).status == 0)
  }

  @Test func whatCannotBeVerifiedIsSaid() throws {
    let chain = try Chain(stores: [1])
    #expect(try chain.syncctl(chain.stores[0], "verify").problem.contains("this is store 1"))
    try chain.stores[0].stop()
    let away = try verify(chain)
    guard case .string(let problem) = away.stores[0]["problem"] else { return #expect(Bool(false), "no problem") }
    #expect(away.status == 1 && problem.contains("not connected"))
    #expect(try chain.syncctl(chain.hq, "verify", "--store", "9").problem.contains("store 9"))
    try chain.hq.stop()
    let resting = try chain.syncctl(chain.hq, "verify")
    #expect(resting.status == 3 && resting.problem.contains("does not run"), "\(resting.errors)")
  }
}
