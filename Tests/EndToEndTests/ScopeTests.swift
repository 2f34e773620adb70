import Interchange
import Testing

/// Each store holds what concerns it.
@Suite struct ScopeTests {
  @Test("FC-32, FC-33 a record moves to another store and back: the first drops it, no one deletes it, no edit is lost")
  func taskMovesAndComesBack() throws {
    let chain = try Chain(stores: [1, 2])
    let (one, two) = (chain.stores[0], chain.stores[1])
    let tasks = "SELECT title, store, status FROM tasks"
    try chain.expectDone(
      chain.importing(["id,title,store,status", "T1,Count the bread,1,open"], as: "task", into: chain.hq))
    try chain.inSync()
    #expect(try one.rows(tasks) == ["Count the bread|1|open"])
    #expect(try two.rows(tasks) == [])

    // While the first is cut off it works on; headquarters moves the task meanwhile.
    try one.stop()
    try chain.expectDone(chain.importing(["id,status", "T1,claimed"], as: "task", into: one))
    try chain.expectDone(chain.importing(["id,store", "T1,2"], as: "task", into: chain.hq))
    try chain.start(one)
    try chain.inSync()
    #expect(try one.rows(tasks) == [])
    for node in [chain.hq, two] { #expect(try node.rows(tasks) == ["Count the bread|2|claimed"], "\(node.name)") }

    try chain.expectDone(chain.importing(["id,store", "T1,1"], as: "task", into: chain.hq))
    try chain.inSync()
    #expect(try two.rows(tasks) == [])
    for node in [chain.hq, one] { #expect(try node.rows(tasks) == ["Count the bread|1|claimed"], "\(node.name)") }
  }

  @Test func salesStayBetweenTheirStoreAndHQ() throws {
    let chain = try Chain(stores: [1, 2])
    try chain.expectDone(chain.importing(["id,name,homeStore", "7,Ann,1"], as: "member", into: chain.hq))
    try chain.inSync()
    for store in chain.stores {
      try chain.expectDone(chain.importing([sale(1, member: "7"), sale(2)], as: "sale", into: store))
    }
    try chain.inSync()
    #expect(try chain.hq.salesTotals() == Node.totals(4), "one receipt number at two stores is two receipts")
    for store in chain.stores { #expect(try store.salesTotals() == Node.totals(2)) }
    let points = "SELECT member, balance FROM points_balance"
    #expect(try chain.hq.rows(points) == ["7|10"])
    #expect(try chain.stores[0].rows(points) == ["7|10"], "the home store knows all of a member's points")
  }
}
