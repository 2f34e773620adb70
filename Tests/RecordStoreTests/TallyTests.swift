import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What a store says that it has done, for counting.
@Suite struct TallyTests {
  private let one = NodeNumber(1)

  @Test(arguments: BackendKind.allCases) func localCommits(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("n", store: 1, text: "x"))
    try store.commit(.note("n", text: "x"))
    try store.commit(.note("n", [FieldWrite(Note.count, .set(.text("no number")))]))
    let tally = store.store.takeTally()
    #expect((tally.committed, tally.unchanged, tally.refused) == (1, 1, 1))
    #expect(store.store.takeTally() == WorkTally(), "it begins anew")
  }

  @Test(arguments: BackendKind.allCases) func receivedRecords(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "x"), .member("m", phone: "1"))
    try exchange(hq, store)
    #expect(store.store.takeTally().new == 2)
    _ = hq.store.takeTally()
    try store.mustCommit(.note("n", text: "y"))
    try exchange(hq, store)
    #expect(hq.store.takeTally().replaced == 1)
    // From the beginning, as after a restore of the sender's log.
    let all = try store.stretch(for: .hq).groups
    try hq.receive(all, from: one, epoch: Epoch(rawValue: 99), after: 0, through: 2)
    #expect(hq.store.takeTally().dominated == all.reduce(0) { $0 + $1.records.count })
    _ = store.store.takeTally()
    let remark = { FieldWrite(Note.remark, .set(.text($0))) }
    try hq.mustCommit(.note("n", [remark("a")]))
    try store.mustCommit(.note("n", [remark("b"), FieldWrite(Note.count, .add(1))]))
    try exchange(hq, store)
    let tally = store.store.takeTally()
    #expect(tally.merged == 1)
    #expect(tally.concurrentFields == ["manual": 1], "the counter one side alone has written")
    #expect(tally.openedCases == [.init(kind: .field, status: .open): 1])
    #expect(hq.store.takeTally().replaced == 1, "what the store sends back has seen both")
  }

  @Test("what was undone was not done", arguments: BackendKind.allCases)
  func refusedGroups(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let bad = store.group(
      (Shop.note, "good", [(Note.store, .integer(1))]), (Shop.note, "bad", [(Note.store, .text("no number"))]))
    let results = try hq.receive([bad], from: one, after: 0, through: 5)
    #expect(results != [.applied])
    #expect(hq.store.takeTally() == WorkTally())
  }
}
