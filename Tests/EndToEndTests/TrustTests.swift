import Causality
import Glibc
import Interchange
import NodeRuntime
import Testing

/// Who may come in, and who no longer.
@Suite struct TrustTests {
  @Test("FC-50 a revoked store is kept out at once, sells on, and says why; a new code lets it in again")
  func revoke() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: one))
    try chain.inSync()
    let revoked = try chain.syncctl(chain.hq, "store", "revoke", "1", "--json")
    try chain.expectDone(revoked)
    #expect(revoked.output.contains("\"state\":\"revoked\""))
    try eventually("the link to be closed") {
      one.log.contains("HQ has revoked store 1") && one.log.contains("(revoked)")
    }
    try chain.expectDone(chain.importing([sale(2)], as: "sale", into: one))
    let status = try chain.syncctl(one, "status")
    #expect(status.status == 1)
    #expect(status.output.contains("HQ has revoked store 1: it can go on selling here"), "\(status.output)")
    #expect(status.output.contains("1 groups have not reached HQ"))
    let atHQ = try chain.syncctl(chain.hq, "status")
    #expect(atHQ.status == 1 && atHQ.output.contains("store 1 is revoked"), "\(atHQ.output)")

    // Also after both have started anew; and the other store does not notice.
    try one.stop()
    try chain.hq.stop()
    try chain.startHQ()
    try chain.start(one)
    try eventually("a later greeting to be refused") { one.log.contains("(revoked)") }
    try chain.expectDone(chain.importing([sale(3)], as: "sale", into: two))
    try eventually("the other store's sale at HQ") { try chain.hq.rows("SELECT count(*) FROM orders") == ["2"] }

    let words = ["store", "add", "1", "--name", "A", "--time-zone", "UTC", "--currency", "USD"]
    let unasked = try chain.syncctl(chain.hq, words: words)
    #expect(unasked.status == 2 && unasked.problem.contains("is revoked") && unasked.problem.contains("--again"))
    let code = try chain.syncctl(chain.hq, "store", "add", "1", "--again")
    try chain.expectDone(code)
    try chain.remove(one)
    let again = try chain.addStore(1, code: code.output)
    try chain.start(again)
    try chain.inSync()
    #expect(try chain.hq.rows("SELECT name FROM stores WHERE id = 1") == ["Store 1"], "the record stays")
  }

  @Test("FC-50 a join code is good once, until it expires, and with HQ in reach; what fails leaves nothing behind")
  func joinCodes() throws {
    let chain = try Chain()
    let code = try chain.joinCode(1)
    let (first, second) = ("\(chain.scratch.path)/first", "\(chain.scratch.path)/second")
    let words = ["join", "--hq", "127.0.0.1:1", "--data", first, "-"]
    let away = try chain.run("store-node", words, input: code)
    #expect(away.status == 3 && away.problem.contains("the join code stays good"), "\(away.errors)")
    #expect(away.problem.contains("127.0.0.1:1"))
    #expect(access(first, F_OK) != 0)

    // An answer that was lost: until the store has come in, the code may be taken again.
    try chain.startHQ()
    try chain.expectDone(chain.join(first, code: code))
    let store = try chain.adopt("store-1") { try chain.join($0, code: code) }
    try chain.start(store)
    try chain.inSync()
    let used = try chain.join(second, code: code)
    #expect(used.status == 2 && used.problem.contains("(join-code-used)"), "\(used.errors)")
    #expect(access(second, F_OK) != 0)
    #expect(try chain.syncctl(chain.hq, "status").status == 0, "a used code does no harm to the store")

    let short = try chain.syncctl(
      chain.hq, "store", "add", "2", "--name", "B", "--time-zone", "UTC", "--currency", "USD", "--expires", "0")
    try chain.expectDone(short)
    usleep(5_000)
    let late = try chain.join(second, code: short.output)
    #expect(late.status == 2 && late.problem.contains("(join-code-expired)"), "\(late.errors)")
    #expect(access(second, F_OK) != 0)
    #expect(try chain.syncctl(chain.hq, "status").output.contains("store 2 has not joined yet"))
    var forged = try JoinCode(parsing: code)
    forged.node = NodeNumber(3)
    let stranger = try chain.join(second, code: forged.text)
    #expect(stranger.status == 2 && stranger.problem.contains("(not-enrolled)"), "\(stranger.errors)")
  }

  @Test("FC-29 a retired store no longer counts, and is kept out when it comes back")
  func retire() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    try one.stop()
    try chain.expectDone(chain.importing(["id,name", "7,Ann"], as: "member", into: chain.hq))
    let unsure = try chain.syncctl(chain.hq, "store", "retire", "1")
    #expect(unsure.status == 2 && unsure.problem.contains("--force"), "\(unsure.errors)")
    #expect(try chain.syncctl(chain.hq, "status").status == 1, "the member waits for the store")
    let forced = try chain.syncctl(chain.hq, "store", "retire", "1", "--force")
    try chain.expectDone(forced)
    #expect(forced.output.contains("store 1 is retired"))
    try eventually("HQ in sync without it") { try chain.syncctl(chain.hq, "status").status == 0 }
    try chain.start(one)
    try eventually("its return to be denied") { one.log.contains("(retired)") }
    #expect(try chain.syncctl(chain.hq, "status").status == 0)

    // One that is connected and has sent all needs no force.
    try chain.expectDone(chain.syncctl(chain.hq, "store", "retire", "2"))
    try eventually("the link to be closed") { two.log.contains("(retired)") }
    let none = try chain.syncctl(chain.hq, "store", "retire", "3")
    #expect(none.status == 2 && none.problem.contains("not enrolled"))
    let late = try chain.syncctl(chain.hq, "store", "revoke", "2")
    #expect(late.status == 2 && late.problem.contains("retired"))
  }

  @Test func listAndLastContactOfARestingHQ() throws {
    let chain = try Chain(stores: [1])
    let list = try chain.syncctl(chain.hq, "store", "list", "--json")
    try chain.expectDone(list)
    for part in ["\"schema\":1", "\"node\":\"1\"", "\"state\":\"active\"", "\"isConnected\":true", "\"software\":"] {
      #expect(list.output.contains(part), "\(list.output)")
    }
    try chain.hq.stop()
    let status = try chain.syncctl(chain.hq, "status", "--json")
    #expect(status.output.contains("\"lastContact\":\"20"), "\(status.output)")
    let resting = try chain.syncctl(chain.hq, "store", "list")
    #expect(resting.output.contains("Store 1") && resting.output.contains("active"), "\(resting.output)")
    #expect(!resting.output.contains("never"))
    let elsewhere = try chain.syncctl(chain.stores[0], "store", "list")
    #expect(elsewhere.status == 2 && elsewhere.problem.contains("at HQ"))
  }
}
