import Base
import Causality
import Glibc
import Interchange
import Merge
import StoreModel
import Testing
import Wire

/// Groups that could not be applied: seen at both ends, tried again, dropped by a person.
@Suite struct ParkedTests {
  private static let untried = "DELETE FROM sync_setting WHERE name = 'parked-tried-by'"

  /// Parks at HQ, behind its back, a group of store 1 that makes a member.
  private func park(_ member: String, at chain: Chain, as number: Int, payload: [UInt8]? = nil) throws {
    let id = RecordID(key: member)
    let stamp = Stamp(
      time: HybridTimestamp(wall: WallTime(milliseconds: 1_700_000_000_000)),
      replica: ReplicaID(node: NodeNumber(1), incarnation: 77))
    var state = RecordState(entity: Member.tag, id: id)
    let name = try #require(Model.retail.entity(Member.tag)?.field(named: "name"))
    state.write([FieldWrite(name.tag, .set(.text("Kept")))], stamp: stamp)
    let bytes = payload ?? BatchContents.encode([CommitGroup(stamp: stamp, records: [state])])
    try Database.change(
      chain.hq,
      """
      INSERT INTO sync_parked (number, peer, lane, received_at, code, reason, payload)
      VALUES (\(number), 1, 1, 1700000000000, 'undecodable', 'of a newer version', x'\(hexadecimal(bytes))')
      """,
      """
      INSERT INTO sync_parked_key (entity, id, number, place)
      VALUES (\(Member.tag.rawValue), x'\(hexadecimal(id.bytes))', \(number), 0)
      """)
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test("FC-14 what HQ parks is known at both ends, over restarts, until it is applied")
  func fromBothEnds() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try park("7", at: chain, as: 1, payload: [0])
    try chain.startHQ()
    let parked = try chain.syncctl(chain.hq, "status")
    #expect(parked.status == 1 && parked.output.contains("1 received groups are parked"), "\(parked.output)")

    // What the store writes to that record waits behind it.
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: store))
    try eventually("the store to hear of it") {
      try chain.syncctl(store, "status").output.contains("HQ has not applied 1 groups")
    }
    try store.stop()
    try chain.start(store)
    let after = try chain.syncctl(store, "status")
    #expect(after.status == 1 && after.output.contains("HQ has not applied 1 groups"), "\(after.output)")
    let list = try chain.syncctl(store, "parked", "list")
    #expect(list.status == 1 && list.output.contains("parked by HQ"), "\(list.output)")
    let atHQ = try chain.syncctl(chain.hq, "parked", "list", "--json")
    #expect(atHQ.status == 1 && atHQ.output.contains("behind-parked"), "\(atHQ.output)")

    // One cannot be read, and nobody is there to be asked.
    let vain = try chain.syncctl(chain.hq, "parked", "retry", "--all")
    #expect(vain.status == 1 && vain.output.contains("0 applied, 2 still parked"), "\(vain.output)")
    let unasked = try chain.syncctl(chain.hq, "parked", "drop", "1", "--reason", "a test")
    #expect(unasked.status == 2 && unasked.errors.contains("--yes"), "\(unasked.errors)")
    try chain.expectDone(chain.syncctl(chain.hq, "parked", "drop", "1", "--reason", "rubbish of a test", "--yes"))
    #expect(chain.hq.log.contains("rubbish of a test"), "who asks later finds it")
    let retried = try chain.syncctl(chain.hq, "parked", "retry", "--all")
    #expect(retried.status == 0 && retried.output.contains("1 applied, 0 still parked"), "\(retried.output)")
    #expect(try chain.hq.rows("SELECT id, name FROM members") == ["7|Ann"])
    try chain.inSync()
    #expect(try chain.syncctl(store, "parked", "list").output == "nothing is parked\n")
  }

  @Test("FC-14 a node that starts with another version tries again by itself")
  func afterAnUpgrade() throws {
    let chain = try Chain(stores: [1])
    try chain.hq.stop()
    try park("7", at: chain, as: 1)
    try chain.startHQ()
    #expect(try chain.syncctl(chain.hq, "parked", "list").status == 1, "not at each start")
    let page = try chain.syncctl(chain.hq, "parked", "show", "1")
    #expect(page.status == 0 && page.output.contains("member 7"), "\(page.output)")
    try chain.hq.stop()
    try Database.change(chain.hq, Self.untried)
    try chain.startHQ()
    #expect(chain.hq.log.contains("parked.retried"))
    #expect(try chain.hq.rows("SELECT id, name FROM members") == ["7|Kept"])
    try chain.inSync()
    #expect(try chain.stores[0].rows("SELECT id, name FROM members") == ["7|Kept"], "the store has it, too")
  }

  /// A rubbish group of the same order stands before a sale: what is wrong is set right, and the sale is replayed.
  @Test(
    "FC-15 a parked sale is fixed and replayed: the state is as if it had never waited, and the log says who did what")
  func fixedAndReplayed() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try chain.expectDone(chain.importing((0..<5).map { sale($0) }, as: "sale", into: store))
    let order = try #require(try store.rows("SELECT hex(id) FROM orders WHERE receipt = 'R2'").first)
    try Database.change(
      chain.hq,
      "INSERT INTO sync_parked VALUES (1, 1, 1, 1700000000000, 'undecodable', 'of a broken program', x'00')",
      "INSERT INTO sync_parked_key SELECT 10, x'\(order)', 1, 0")
    try chain.startHQ()
    try eventually("the others to flow") {
      try chain.hq.rows("SELECT receipt FROM orders ORDER BY 1") == ["R0", "R1", "R3", "R4"]
    }
    #expect(try chain.hq.salesTotals() == Node.totals(4), "the parked sale as a whole")
    #expect(try chain.hq.rows("SELECT balance FROM stock_on_hand ORDER BY 1") == ["-8", "-4"])
    let status = try chain.syncctl(chain.hq, "status")
    #expect(status.status == 1 && status.output.contains("2 received groups are parked"), "\(status.output)")
    let page = try chain.syncctl(chain.hq, "parked", "show", "2")
    #expect(page.output.contains("behind-parked") && page.output.contains("orderLine"), "\(page.output)")

    try chain.expectDone(chain.syncctl(chain.hq, "parked", "drop", "1", "--reason", "the till was mended", "--yes"))
    let retried = try chain.syncctl(chain.hq, "parked", "retry", "2")
    #expect(retried.status == 0 && retried.output.contains("1 applied, 0 still parked"), "\(retried.output)")
    #expect(try chain.hq.salesTotals() == Node.totals(5))
    #expect(try chain.hq.rows("SELECT balance FROM stock_on_hand ORDER BY 1") == ["-10", "-5"])
    #expect(try chain.hq.rows("SELECT count(*) FROM sync_case") == ["0"])
    try chain.inSync()
    let verified = try chain.syncctl(chain.hq, "verify")
    #expect(verified.status == 0, "\(verified.output)")
    let log = chain.hq.log
    #expect(log.contains("the parked group 1 of node 1 was dropped: the till was mended"), "\(log)")
    #expect(log.contains("the parked group 2 of node 1 was tried again by a person and is applied"), "\(log)")
    let again = try chain.syncctl(chain.hq, "parked", "retry", "2")
    #expect(again.status == 2 && again.problem.contains("no group is parked"), "\(again.errors)")
    #expect(try chain.hq.salesTotals() == Node.totals(5), "nothing twice")
  }

  @Test func whatAPersonHasSeenToIsForgotten() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try store.stop()
    try Database.change(
      store,
      """
      INSERT INTO sync_exception (peer, side, at, outcome, code, reason, sequence, keys)
      VALUES (0, 1, 1700000000000, 'refused', 'not-allowed', 'only HQ may write it', 0, x'')
      """)
    try chain.start(store)
    let status = try chain.syncctl(store, "status")
    #expect(status.status == 1 && status.output.contains("only HQ may write it"), "\(status.output)")
    let forgotten = try chain.syncctl(store, "parked", "forget", "--all", "--reason", "entered at HQ")
    #expect(forgotten.status == 0 && forgotten.output == "1 taken off the list\n")
    #expect(store.log.contains("entered at HQ"))
    try chain.inSync()
  }
}
