import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// A person settles a case: an ordinary commit, which ends it at every node.
@Suite struct SettleTests {
  private func concurrent(
    _ kind: BackendKind, _ atHQ: RecordWrite, _ atStore: RecordWrite
  ) throws -> (hq: TestNode, store: TestNode) {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "x"), .member("m", phone: "1", first: "Ann"))
    try exchange(hq, store)
    store.wall = hq.wall.advanced(byMilliseconds: 500)
    try hq.mustCommit(atHQ)
    try store.mustCommit(atStore)
    try exchange(hq, store)
    hq.wall = store.wall.advanced(byMilliseconds: 1_000)
    store.wall = hq.wall
    return (hq, store)
  }

  private func settle(
    _ node: TestNode, _ choice: SettlementChoice, _ note: String? = nil, number: Int64 = 1
  ) throws -> SettleResult {
    try node.store.settle(number, choice, note: note, at: node.wall)
  }

  private func remark(_ text: String) -> RecordWrite { .note("n", [FieldWrite(Note.remark, .set(.text(text)))]) }

  @Test("FC-19 the chosen value ends the case at every node", arguments: BackendKind.allCases)
  func takingAValue(_ kind: BackendKind) throws {
    for isAtHQ in [true, false] {
      let (hq, store) = try concurrent(kind, remark("a"), remark("b"))
      let here = isAtHQ ? hq : store
      let loser = try #require(try here.cases().first?.candidates.first { !$0.isShown })
      let result = try settle(here, .take(loser.stamp), "asked Ann")
      guard case .settled(let closed, let settlement) = result else {
        Issue.record("\(result)")
        return
      }
      #expect(closed.status == .closed && closed.candidates.count == 2)
      #expect((settlement.choice, settlement.note, settlement.at) == ("take", "asked Ann", here.wall))
      #expect(try here.backend.settlements(of: 1) == [settlement])
      try exchange(hq, store)
      for node in [hq, store] {
        #expect(try node.value(Shop.note, "n", Note.remark) == loser.value)
        #expect(try node.cases() == [])
      }
      #expect(try hq.state(Shop.note, "n") == store.state(Shop.note, "n"))
      #expect(try hq.state(Shop.note, "n")?.vector.covers(try #require(settlement.stamp)) == true)
      #expect(try settle(here, .take(loser.stamp)) == .unfit("it is closed already"))
    }
  }

  @Test("FC-19 another value, and one entry of a map", arguments: BackendKind.allCases)
  func otherValues(_ kind: BackendKind) throws {
    let put = { RecordWrite.note("n", [FieldWrite(Note.custom, .put(key: "a.b", .text($0)))]) }
    let (hq, store) = try concurrent(kind, put("1"), put("2"))
    #expect(try hq.cases().map(\.subject.detail) == ["custom.a.b"])
    guard case .settled = try settle(hq, .value(.text("3"))) else {
      Issue.record("not settled")
      return
    }
    try exchange(hq, store)
    for node in [hq, store] {
      #expect(try node.cases() == [])
      #expect(
        try node.shown(Shop.note, "n", Note.custom) == .customFields([CustomField(key: "a.b", value: .text("3"))]))
    }
  }

  @Test("FC-23 delete against edit: keep or delete", arguments: BackendKind.allCases)
  func deletions(_ kind: BackendKind) throws {
    for choice in [SettlementChoice.keep, .delete] {
      // `deleteWins`, where it is open, and `editWins`, where the rule has decided.
      for (entity, delete, edit) in [
        (Shop.member, RecordWrite.delete(Shop.member, "m"), RecordWrite.member("m", last: "Bee")),
        (Shop.note, RecordWrite.delete(Shop.note, "n"), RecordWrite.note("n", text: "edited")),
      ] {
        let (hq, store) = try concurrent(kind, delete, edit)
        guard case .settled(let closed, _) = try settle(hq, choice) else {
          Issue.record("not settled")
          return
        }
        #expect(closed.status == .closed)
        try exchange(hq, store)
        for node in [hq, store] {
          #expect(try node.cases() == [], "\(entity) \(choice)")
          #expect(try node.isDeleted(entity, entity == Shop.member ? "m" : "n") == (choice == .delete))
        }
        if entity == Shop.member, choice == .keep {
          #expect(try store.value(Shop.member, "m", Member.first) == .text("Ann"), "nothing of it was emptied")
          #expect(try store.value(Shop.member, "m", Member.last) == .text("Bee"))
        }
      }
    }
  }

  @Test("FC-8 a fact with two contents is accepted, and opens again if more comes", arguments: BackendKind.allCases)
  func facts(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.entry("e", store: 1, "cash", 5))
    store.wall = hq.wall
    try store.mustCommit(.entry("e", store: 1, "card", 6))
    try exchange(hq, store)
    let before = try hq.state(Shop.entry, "e")
    guard case .unfit(let why) = try settle(hq, .value(.integer(1))) else {
      Issue.record("a fact is not changed")
      return
    }
    #expect(why.contains("accept"))
    guard case .settled(let accepted, let settlement) = try settle(hq, .accept, "the till was repaired") else {
      Issue.record("not settled")
      return
    }
    #expect(accepted.status == .accepted && settlement.stamp == nil)
    #expect(try hq.state(Shop.entry, "e") == before)
    // It comes again, and again it is nothing new.
    try exchange(hq, store)
    try store.mustCommit(.note("other", store: 1, text: "x"))
    try exchange(hq, store)
    #expect(try hq.cases().map(\.status) == [.accepted])
    #expect(try store.cases().map(\.status) == [.open], "each node has its own list")
    // Third contents are a new question.
    store.wall = store.wall.advanced(byMilliseconds: 9_000)
    try store.mustCommit(.entry("e", store: 1, "card", 7))
    try exchange(hq, store)
    #expect(try hq.cases().map(\.status) == [.open])
  }

  @Test("FC-16 records that share a value: accepted, or closed by a change", arguments: BackendKind.allCases)
  func clashes(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.member("a", phone: "1"))
    try hq.mustCommit(.member("b", phone: "1"))
    guard case .settled(let accepted, _) = try settle(hq, .accept) else {
      Issue.record("not settled")
      return
    }
    #expect(accepted.status == .accepted)
    try hq.mustCommit(.member("a", first: "Ann"))
    #expect(try hq.cases().map(\.status) == [.accepted], "it is not about the name")
    try hq.mustCommit(.member("c", phone: "1"))
    #expect(try hq.cases().map(\.status) == [.open], "a third shares it")
    guard case .settled = try settle(hq, .accept) else {
      Issue.record("not settled")
      return
    }
    try hq.mustCommit(.member("b", phone: "2"))
    #expect(try hq.cases().map(\.status) == [.open], "others share it than were accepted")
    try hq.mustCommit(.member("c", phone: "3"))
    #expect(try hq.cases() == [])
  }

  @Test(arguments: BackendKind.allCases) func whoMayWriteStillHolds(_ kind: BackendKind) throws {
    // Two incarnations of HQ have written what is only HQ's: a store may not decide it.
    let store = try TestNode(kind, 1)
    var (left, right) = (Foreign(0, incarnation: 1), Foreign(0, incarnation: 2))
    let base = [(Note.store, Value.integer(1)), (Note.fromHQ, .text("a"))]
    let other = [(Note.store, Value.integer(1)), (Note.fromHQ, .text("b"))]
    try store.receive([left.group((Shop.note, "n", base))], from: .hq)
    try store.receive([right.group((Shop.note, "n", other))], from: .hq)
    let found = try #require(try store.cases().first { $0.subject.detail == "fromHQ" })
    let before = try store.snapshot()
    let result = try settle(store, .take(found.candidates[0].stamp), number: found.number)
    guard case .refused(let error) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(error.code == .notAllowed)
    #expect(try store.snapshot() == before)
    #expect(try store.backend.settlements(of: found.number) == [])
  }

  @Test(arguments: BackendKind.allCases) func whatDoesNotFit(_ kind: BackendKind) throws {
    let (hq, _) = try concurrent(kind, remark("a"), remark("b"))
    let before = try hq.snapshot()
    #expect(try settle(hq, .keep, number: 99) == .notFound)
    for choice in [
      SettlementChoice.accept, .keep, .delete, .take(Stamp(time: .zero, replica: hq.store.identity.replica)),
    ] {
      guard case .unfit = try settle(hq, choice) else {
        Issue.record("\(choice) fits no field")
        continue
      }
    }
    guard case .refused = try settle(hq, .value(.integer(5))) else {
      Issue.record("a number is no text")
      return
    }
    #expect(try hq.snapshot() == before)
  }
}
