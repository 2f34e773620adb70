import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Conflict cases: what opens, decides, closes and reopens them.
@Suite struct ConflictTests {
  /// HQ and a store that both hold `n`, and have each written something to it without knowing of the other.
  private func concurrent(
    _ kind: BackendKind, _ atHQ: RecordWrite, _ atStore: RecordWrite
  ) throws -> (hq: TestNode, store: TestNode) {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "x"), .member("m", phone: "1"))
    try exchange(hq, store)
    store.wall = hq.wall.advanced(byMilliseconds: 500)
    try hq.mustCommit(atHQ)
    try store.mustCommit(atStore)
    try exchange(hq, store)
    return (hq, store)
  }

  private func only(_ node: TestNode, includingClosed: Bool = false) throws -> ConflictCase {
    let cases = try node.cases(includingClosed: includingClosed)
    #expect(cases.count == 1, "\(cases)")
    return try #require(cases.first)
  }

  @Test("FC-19 a rule decides: the loser is kept, with the reason", arguments: BackendKind.allCases)
  func decided(_ kind: BackendKind) throws {
    let (hq, store) = try concurrent(kind, .note("n", text: "from HQ"), .note("n", text: "from the store"))
    for node in [hq, store] {
      let found = try only(node)
      #expect(found.subject == .init(kind: .field, entity: Shop.note, record: RecordID(key: "n"), detail: "text"))
      #expect(found.status == .decided)
      #expect(found.candidates.map(\.value) == [.text("from HQ"), .text("from the store")])
      #expect(found.candidates.map(\.isShown) == [false, true])
      #expect(found.reason == "the latest write")
      #expect(try node.value(Shop.note, "n", Note.text) == .text("from the store"))
    }
    #expect(try hq.state(Shop.note, "n") == store.state(Shop.note, "n"))
    try hq.mustCommit(.note("n", text: "settled"))
    try exchange(hq, store)
    for node in [hq, store] {
      #expect(try node.cases() == [])
      let closed = try only(node, includingClosed: true)
      #expect((closed.status, closed.number) == (.closed, 1))
    }
  }

  @Test("FC-19 manual: open until a person picks", arguments: BackendKind.allCases)
  func manual(_ kind: BackendKind) throws {
    let remark = { FieldWrite(Note.remark, .set(.text($0))) }
    let (hq, store) = try concurrent(kind, .note("n", [remark("a")]), .note("n", [remark("b")]))
    #expect(try only(hq).status == .open)
    #expect(try only(store).status == .open)
    try hq.mustCommit(.note("n", [remark("a")]))
    try exchange(hq, store)
    #expect(try hq.cases() == [])
    #expect(try store.value(Shop.note, "n", Note.remark) == .text("a"))
    #expect(try store.cases() == [])
  }

  @Test(arguments: BackendKind.allCases) func writersOfTheSameAgree(_ kind: BackendKind) throws {
    let (hq, store) = try concurrent(kind, .note("n", text: "same"), .note("n", text: "same"))
    #expect(try hq.cases(includingClosed: true) == [])
    #expect(try store.cases(includingClosed: true) == [])
  }

  @Test(arguments: BackendKind.allCases) func aCaseReopensUnderItsNumber(_ kind: BackendKind) throws {
    let (hq, store) = try concurrent(kind, .note("n", text: "a"), .note("n", text: "b"))
    let opened = try only(hq).openedAt
    try hq.mustCommit(.note("n", text: "settled"))
    try exchange(hq, store)
    store.wall = hq.wall
    try hq.mustCommit(.note("n", text: "c"))
    try store.mustCommit(.note("n", text: "d"))
    try exchange(hq, store)
    let again = try only(hq, includingClosed: true)
    #expect((again.number, again.status) == (1, .decided))
    #expect(again.openedAt > opened)
  }

  @Test(arguments: BackendKind.allCases) func customFieldsHaveACaseAKey(_ kind: BackendKind) throws {
    let put = { FieldWrite(Note.custom, .put(key: $0, .text($1))) }
    let (hq, _) = try concurrent(
      kind, .note("n", [put("k", "a"), put("only", "hq")]), .note("n", [put("k", "b"), put("other", "store")]))
    #expect(try only(hq).subject.detail == "custom.k")
  }

  @Test("FC-8 one receipt with two contents at two nodes", arguments: BackendKind.allCases)
  func immutable(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.entry("e", store: 1, "cash", 5))
    store.wall = hq.wall
    try store.mustCommit(.entry("e", store: 1, "card", 6))
    try exchange(hq, store)
    for node in [hq, store] {
      let found = try only(node)
      #expect((found.subject.kind, found.status) == (.immutable, .open))
      #expect(found.records == [RecordID(key: "e")])
      #expect(try node.value(Shop.entry, "e", Entry.amount) == .integer(5), "the first is shown, whole")
      #expect(try node.value(Shop.entry, "e", Entry.account) == .text("cash"))
      #expect((try node.balance(1, "cash"), try node.balance(1, "card")) == (5, 0))
    }
  }

  @Test("FC-23 delete against a concurrent edit, edit wins", arguments: BackendKind.allCases)
  func editWins(_ kind: BackendKind) throws {
    let (hq, store) = try concurrent(kind, .delete(Shop.note, "n"), .note("n", text: "edited"))
    for node in [hq, store] {
      #expect(try node.isDeleted(Shop.note, "n") == false)
      #expect(try node.value(Shop.note, "n", Note.text) == .text("edited"), "it is back whole")
      #expect(try node.store.count(of: Shop.note) == 1)
      let found = try only(node)
      #expect((found.subject.kind, found.status) == (.deletion, .decided))
      #expect(found.reason.contains("edit wins"))
    }
  }

  @Test(
    "FC-23 delete against a concurrent edit, delete wins: the edit is kept as a case", arguments: BackendKind.allCases)
  func deleteWins(_ kind: BackendKind) throws {
    let (hq, store) = try concurrent(kind, .delete(Shop.member, "m"), .member("m", phone: "2"))
    for node in [hq, store] {
      #expect(try node.isDeleted(Shop.member, "m") == true)
      #expect(try node.value(Shop.member, "m", Member.phone) == .text("2"))
      #expect(try node.store.count(of: Shop.member) == 0)
      #expect((try only(node).subject.kind, try only(node).status) == (.deletion, .open))
    }
    // Writing it anew, having seen the mark, settles it.
    try hq.mustCommit(.member("m", phone: "2"))
    try exchange(hq, store)
    #expect(try store.cases() == [])
    #expect(try store.isDeleted(Shop.member, "m") == false)
  }

  @Test("FC-23 FC-24 deleted on both sides is no conflict", arguments: BackendKind.allCases)
  func bothDelete(_ kind: BackendKind) throws {
    let (hq, store) = try concurrent(kind, .delete(Shop.note, "n"), .delete(Shop.note, "n"))
    for node in [hq, store] {
      #expect(try node.isDeleted(Shop.note, "n") == true)
      #expect(try node.cases(includingClosed: true) == [])
    }
    #expect(try hq.state(Shop.note, "n") == store.state(Shop.note, "n"))
    try store.mustCommit(.note("n", store: 1, text: "again"))
    try exchange(hq, store)
    #expect(try hq.isDeleted(Shop.note, "n") == false)
  }

  @Test("FC-16 two members with one phone: a case that names both, never a deletion", arguments: BackendKind.allCases)
  func unique(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.member("a", phone: "1"))
    try store.mustCommit(.member("b", phone: "1"))
    #expect(try hq.cases() == [])
    try exchange(hq, store)
    for node in [hq, store] {
      let found = try only(node)
      #expect((found.subject.kind, found.status, found.subject.detail) == (.unique, .open, "phone=1"))
      #expect(found.records == ["a", "b"].map(RecordID.init(key:)))
      #expect(try node.store.count(of: Shop.member) == 2)
    }
    try hq.mustCommit(.member("c", phone: "1"))
    #expect(try only(hq).records.count == 3)
    try hq.mustCommit(.member("a", phone: "2"), .member("c", phone: "3"))
    #expect(try hq.cases() == [])
    try hq.mustCommit(.member("c", phone: "1"))
    let again = try only(hq, includingClosed: true)
    #expect((again.number, again.status, again.records) == (1, .open, ["b", "c"].map(RecordID.init(key:))))
    try hq.mustCommit(.delete(Shop.member, "b"))
    #expect(try hq.cases() == [], "a deleted record clashes with nothing")
    try hq.mustCommit(.member("b", phone: "1"))
    #expect(try only(hq).status == .open)
    try exchange(hq, store)
    #expect(try only(store).records == ["b", "c"].map(RecordID.init(key:)))
  }

  @Test("FC-16 a key of several fields", arguments: BackendKind.allCases)
  func uniqueTogether(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(
      .member("a", first: "x", last: "y"), .member("b", first: "x", last: "z"), .member("c", first: "x"))
    #expect(try hq.cases() == [], "a missing value clashes with nothing")
    try hq.mustCommit(.member("d", first: "x", last: "y"))
    #expect(try only(hq).records == ["a", "d"].map(RecordID.init(key:)))
    try hq.mustCommit(.delete(Shop.member, "d"))
    // Two clashes whose values read alike when they are put side by side.
    try hq.mustCommit(.member("e", first: "p/q", last: "r"), .member("f", first: "p/q", last: "r"))
    try hq.mustCommit(.member("g", first: "p", last: "q/r"), .member("h", first: "p", last: "q/r"))
    #expect(
      try hq.cases().map(\.records)
        == [["e", "f"], ["g", "h"]].map { $0.map(RecordID.init(key:)) })
  }

  @Test(arguments: BackendKind.allCases) func manyShareAValue(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let count = StoreLimits.clashRecordCount + 5
    let writes = (0..<count).map { RecordWrite.member("m\(1_000 + $0)", phone: "1") }
    #expect(try hq.store.commit([CommitDraft(writes)], at: hq.wall)[0].stamp != nil)
    #expect(try only(hq).records.count == StoreLimits.clashRecordCount)
    #expect(try hq.store.count(of: Shop.member) == count)
  }
}
