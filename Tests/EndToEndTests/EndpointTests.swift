import Glibc
import Interchange
import Testing

/// HQ moves, and its stores find it.
@Suite struct EndpointTests {
  @Test("HQ tells its new addresses, shows who has them, and is found there after its move")
  func hqMoves() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    let old = chain.address
    try eventually("both to have the first list") {
      try chain.syncctl(chain.hq, "endpoints").output.contains("all 2 stores have this list")
    }
    try two.stop()

    try chain.moveHQ()
    let new = chain.address
    let set = try chain.syncctl(chain.hq, "endpoints", "set", "\(new),\(old)")
    try chain.expectDone(set)
    #expect(set.output.contains("stores are told \(new), \(old)"), "\(set.output)")
    try eventually("the connected one to have it") {
      let shown = try chain.syncctl(chain.hq, "endpoints").output
      return shown.contains("1 of 2 stores have this list; keep the old addresses for:") && shown.contains("Store 2")
    }
    let status = try chain.syncctl(chain.hq, "status", "--json")
    #expect(status.output.contains("\"hasEndpoints\":true") && status.output.contains("\"hasEndpoints\":false"))
    let atStore = try chain.syncctl(one, "endpoints")
    #expect(atStore.output.contains("HQ is tried at \(new), \(old) (as HQ has told)"), "\(atStore.output)")
    #expect(atStore.output.contains("last reached at \(old), which is tried first"))

    try chain.start(two, isTold: false)
    try eventually("the other to have it on its return") {
      try chain.syncctl(chain.hq, "endpoints").output.contains("all 2 stores have this list")
    }
    try chain.hq.stop()
    try chain.startHQ()
    try chain.expectDone(chain.importing([sale(1)], as: "sale", into: one))
    try chain.inSync()
    #expect(try chain.syncctl(one, "endpoints").output.contains("last reached at \(new)"))
    #expect(try chain.syncctl(two, "endpoints").output.contains("last reached at \(new)"))
  }

  @Test("a list with a slip in it does not cut a store off")
  func slip() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.expectDone(chain.syncctl(chain.hq, "endpoints", "set", "127.0.0.1:1"))
    try eventually("the store to have it") { store.log.contains("HQ is reached at 127.0.0.1:1") }
    try store.stop()
    try chain.hq.stop()
    try chain.start(store, isTold: false)
    try eventually("the store to try both") {
      store.log.contains("127.0.0.1:1: ") && store.log.contains("\(chain.address): ")
    }
    try chain.startHQ()
    try chain.inSync()
  }

  @Test func setByHandWhileTheStoreRuns() throws {
    let chain = try Chain(stores: [1])
    let store = chain.stores[0]
    try chain.hq.stop()
    try chain.moveHQ()
    try chain.startHQ()
    try chain.expectDone(chain.run("store-node", ["set-hq", chain.address, "--data", store.directory]))
    try chain.inSync()

    let wrong = try chain.syncctl(chain.hq, "endpoints", "set", "hq.example")
    #expect(wrong.status == 2 && wrong.problem.contains("expected HOST:PORT"), "\(wrong.errors)")
    let atHQ = try chain.run("store-node", ["set-hq", chain.address, "--data", chain.hq.directory])
    #expect(atHQ.status == 2 && atHQ.problem.contains("holds HQ"), "\(atHQ.errors)")
    // While neither runs, too.
    try store.stop()
    try chain.hq.stop()
    try chain.expectDone(chain.syncctl(chain.hq, "endpoints", "set", "[2001:db8::7]:7400"))
    #expect(try chain.syncctl(chain.hq, "endpoints").output.contains("0 of 1 stores have this list"))
    try chain.expectDone(chain.syncctl(store, "endpoints", "set", "hq.example:7400"))
    #expect(try chain.syncctl(store, "endpoints").output.contains("hq.example:7400 (as set here)"))
  }
}
