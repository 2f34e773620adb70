import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

@Suite struct CommitTests {
  @Test(arguments: BackendKind.allCases) func aNewRecordShowsWhatWasWritten(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let stamp = try node.mustCommit(
      .note(
        "n", store: 1, text: "hello",
        [
          FieldWrite(Note.count, .add(3)), FieldWrite(Note.tags, .addElements([.text("b"), .text("a")])),
          FieldWrite(Note.custom, .put(key: "k", .integer(7))),
        ]))
    #expect(try node.value(Shop.note, "n", Note.text) == .text("hello"))
    #expect(try node.shown(Shop.note, "n", Note.count) == .counter(3))
    #expect(try node.shown(Shop.note, "n", Note.tags) == .set([.text("a"), .text("b")]))
    #expect(
      try node.shown(Shop.note, "n", Note.custom) == .customFields([CustomField(key: "k", value: .integer(7))]))
    #expect(try node.state(Shop.note, "n")?.vector == VersionVector(stamp))
    #expect(stamp.replica == node.store.identity.replica)
    #expect(try node.store.count(of: Shop.note) == 1)
    #expect(try node.store.heldEntities() == [Shop.note])
  }

  @Test(arguments: BackendKind.allCases) func aChangeReplacesOnlyTheFieldsThatItNames(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let first = try node.mustCommit(.note("n", store: 1, text: "one", [FieldWrite(Note.remark, .set(.text("r")))]))
    let second = try node.mustCommit(.note("n", text: "two"))
    #expect(second > first)
    #expect(try node.value(Shop.note, "n", Note.text) == .text("two"))
    #expect(try node.value(Shop.note, "n", Note.remark) == .text("r"))
    let siblings = try node.state(Shop.note, "n")?.content(of: Note.text)?.siblings
    #expect(siblings == [Sibling(stamp: second, value: .text("two"))])
  }

  @Test(arguments: BackendKind.allCases) func writingWhatIsThereAlreadyWritesNothing(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.note("n", store: 1, text: "one", [FieldWrite(Note.tags, .addElements([.text("a")]))]))
    let before = try node.snapshot()
    #expect(try node.commit(.note("n", store: 1, text: "one")) == .unchanged)
    #expect(try node.commit(.note("n", [FieldWrite(Note.tags, .addElements([.text("a")]))])) == .unchanged)
    #expect(try node.commit(.note("n", [FieldWrite(Note.tags, .removeElements([.text("z")]))])) == .unchanged)
    #expect(try node.commit(.note("n", [FieldWrite(Note.count, .add(0))])) == .unchanged)
    #expect(try node.commit(.note("n", [FieldWrite(Note.custom, .put(key: "k", .null))])) == .unchanged)
    #expect(try node.commit(.note("n", [FieldWrite(Note.remark, .set(.null))])) == .unchanged)
    #expect(try node.commit(.delete(Shop.note, "nobody")) == .unchanged)
    #expect(try node.commit() == .unchanged)
    #expect(try node.snapshot() == before)
  }

  @Test(arguments: BackendKind.allCases) func deletionKeepsTheStateAndHidesTheRecord(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.note("n", store: 1, text: "one"))
    try node.mustCommit(.delete(Shop.note, "n"))
    #expect(try node.isDeleted(Shop.note, "n") == true)
    #expect(try node.store.count(of: Shop.note) == 0)
    #expect(try node.state(Shop.note, "n")?.content(of: Note.text) != nil, "clearing would lose concurrent edits")
    #expect(try node.commit(.delete(Shop.note, "n")) == .unchanged)
  }

  @Test(
    "FC-24 delete, then recreate the same id: nothing of the old record comes back", arguments: BackendKind.allCases)
  func recreatedRecordsStartEmpty(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(
      .note(
        "n", store: 1, text: "old",
        [
          FieldWrite(Note.count, .add(5)), FieldWrite(Note.tags, .addElements([.text("old")])),
          FieldWrite(Note.custom, .put(key: "old", .text("x"))), FieldWrite(Note.remark, .set(.text("old"))),
        ]))
    try node.mustCommit(.delete(Shop.note, "n"))
    #expect(try node.commit(.note("n", text: "new")).refusal == .missingField, "a new record needs its required fields")
    try node.mustCommit(.note("n", store: 1, text: "new", [FieldWrite(Note.count, .add(1))]))
    #expect(try node.isDeleted(Shop.note, "n") == false)
    #expect(try node.value(Shop.note, "n", Note.text) == .text("new"))
    #expect(try node.value(Shop.note, "n", Note.remark) == .null)
    #expect(try node.shown(Shop.note, "n", Note.count) == .counter(1))
    #expect(try node.shown(Shop.note, "n", Note.tags) ?? .null == .null)
    #expect(try node.shown(Shop.note, "n", Note.custom) == .customFields([]))
    #expect(try node.store.count(of: Shop.note) == 1)
  }

  @Test("FC-24 recreated elsewhere: the new record everywhere", arguments: BackendKind.allCases)
  func recreatedRecordsTravel(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.note("n", store: 1, text: "old", [FieldWrite(Note.remark, .set(.text("old")))]))
    try exchange(hq, store)
    hq.wall = store.wall
    try hq.mustCommit(.delete(Shop.note, "n"))
    try exchange(hq, store)
    #expect(try store.isDeleted(Shop.note, "n") == true)
    store.wall = hq.wall
    try store.mustCommit(.note("n", store: 1, text: "new"))
    try exchange(hq, store)
    for node in [hq, store] {
      #expect(try node.isDeleted(Shop.note, "n") == false)
      #expect(try node.value(Shop.note, "n", Note.text) == .text("new"))
      #expect(try node.value(Shop.note, "n", Note.remark) == .null)
    }
    #expect(try hq.state(Shop.note, "n") == store.state(Shop.note, "n"))
  }

  @Test("FC-24 deleted and written anew in one commit", arguments: BackendKind.allCases)
  func deletedAndRecreatedInOneCommit(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.note("n", store: 1, text: "old", [FieldWrite(Note.remark, .set(.text("old")))]))
    try node.mustCommit(.delete(Shop.note, "n"), .note("n", store: 1, text: "new"))
    #expect(try node.isDeleted(Shop.note, "n") == false)
    #expect(try node.value(Shop.note, "n", Note.text) == .text("new"))
    #expect(try node.value(Shop.note, "n", Note.remark) == .null)
  }

  @Test(arguments: BackendKind.allCases) func writesOfOneRecordInOneDraftAreOneWrite(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let stamp = try node.mustCommit(.note("n", store: 1), .note("m", store: 1), .note("n", text: "later"))
    #expect(try node.value(Shop.note, "n", Note.text) == .text("later"))
    #expect(try node.state(Shop.note, "n")?.onlyStamp == stamp)
    #expect(try node.store.logHead() == 1)
    #expect(try node.commit(.note("x", store: 1), .delete(Shop.note, "x")) == .unchanged)
    #expect(try node.state(Shop.note, "x") == nil)
  }

  @Test(arguments: BackendKind.allCases) func whatDoesNotFitTheModelIsRefused(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.note("n", store: 1, text: "one"))
    let before = try node.snapshot()
    func refusal(_ writes: RecordWrite...) throws -> ModelError.Code? {
      try node.store.commit([CommitDraft(writes)], at: node.wall)[0].refusal
    }
    func edit(_ field: FieldTag, _ edit: FieldEdit) -> RecordWrite { .note("n", [FieldWrite(field, edit)]) }

    #expect(try refusal(.note("m", text: "no store")) == .missingField)
    #expect(try refusal(edit(Note.store, .set(.null))) == .missingField)
    #expect(try refusal(edit(Note.text, .set(.integer(1)))) == .invalidValue)
    #expect(try refusal(edit(Note.text, .set(.bytes([1])))) == .invalidValue)
    #expect(try refusal(edit(Note.store, .set(.text("1")))) == .invalidValue)
    #expect(try refusal(edit(Note.store, .set(.integer(-1)))) == .invalidValue)
    #expect(try refusal(edit(Note.status, .set(.text("unheard of")))) == .invalidValue)
    #expect(try refusal(edit(Note.count, .set(.integer(1)))) == .invalidValue)
    #expect(try refusal(edit(Note.tags, .set(.text("a")))) == .invalidValue)
    #expect(try refusal(edit(Note.tags, .addElements([.null]))) == .invalidValue)
    #expect(try refusal(edit(Note.tags, .addElements([.integer(1)]))) == .invalidValue)
    #expect(try refusal(edit(Note.custom, .set(.text("a")))) == .invalidValue)
    #expect(try refusal(edit(Note.text, .add(1))) == .invalidValue)
    #expect(try refusal(edit(Note.text, .put(key: "a", .integer(1)))) == .invalidValue)
    #expect(try refusal(edit(Note.text, .addElements([.text("a")]))) == .invalidValue)
    #expect(try refusal(edit(FieldTag(99), .set(.text("a")))) == .unknownField)
    #expect(try refusal(RecordWrite(entity: EntityTag(77), id: RecordID(key: "a"), .write([]))) == .unknownEntity)
    #expect(try refusal(RecordWrite(entity: EntityTag(77), id: RecordID(key: "a"), .delete)) == .unknownEntity)
    #expect(try refusal(.note("", store: 1)) == .invalidID)
    #expect(try refusal(.note("bell\u{7}", store: 1)) == .invalidID)
    #expect(try refusal(.note(String(repeating: "k", count: ModelLimits.keyBytes + 1), store: 1)) == .invalidID)
    #expect(try refusal(.delete(Shop.note, "")) == .invalidID)
    #expect(try node.snapshot() == before)
  }

  @Test(arguments: BackendKind.allCases) func aRefusedDraftDoesNotHoldUpTheOthers(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let drafts = [
      CommitDraft([.note("a", store: 1)]),
      CommitDraft([.note("b", store: 1), .note("c")]),
      CommitDraft([.note("d", store: 1)]),
    ]
    let results = try node.store.commit(drafts, at: node.wall)
    #expect(results.map(\.refusal) == [nil, .missingField, nil])
    #expect(
      try node.store.records(of: Shop.note, after: nil, limit: 9).map(\.id) == ["a", "d"].map(RecordID.init(key:)))
    #expect(try node.store.logHead() == 2)
    let stamps = results.compactMap(\.stamp)
    #expect(stamps[0] < stamps[1])
  }

  @Test("FC-22 a clock that jumps back: local order stays monotonic", arguments: BackendKind.allCases)
  func stampsStrictlyIncrease(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    var stamps: [Stamp] = []
    for (index, milliseconds) in ([5_000, 5_000, 100, -50, 4_999, 5_001, 0, .max, 6_000] as [Int64]).enumerated() {
      node.wall = WallTime(milliseconds: milliseconds)
      let draft = CommitDraft([.note("n", store: 1, text: "\(index)")])
      let result = try node.store.commit([draft, CommitDraft([.note("m", store: 1, text: "\(index)")])], at: node.wall)
      stamps += result.compactMap(\.stamp)
    }
    #expect(stamps.count == 18)
    #expect(zip(stamps, stamps.dropFirst()).allSatisfy(<))
    #expect(try node.value(Shop.note, "n", Note.text) == .text("8"), "the last write is shown")
  }

  @Test(arguments: BackendKind.allCases) func aNodeGoesOnBehindWhatItHasSeen(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    var hq = Foreign(0, at: store.wall.milliseconds + 30_000)
    try store.receive([hq.note("n", store: 1, text: "from HQ")], from: .hq)
    let stamp = try store.mustCommit(.note("n", text: "mine"))
    #expect(stamp.time.wall > store.wall, "within the tolerance a node's clock follows what it has seen")
    try store.receive([hq.note("far", store: 1, text: "x")], from: .hq)
    var wrong = Foreign(0, incarnation: 3, at: store.wall.milliseconds + 365 * 86_400_000)
    try store.receive([wrong.note("m", store: 1, text: "a year ahead")], from: .hq)
    let next = try store.mustCommit(.note("m", text: "mine"))
    #expect(next.time.wall.milliseconds < store.wall.milliseconds + 120_000, "FC-21 one wrong clock does not spread")
  }
}
