import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Who may write which field, and what is written once.
@Suite struct WriterTests {
  @Test(arguments: BackendKind.allCases) func onlyHQWritesItsFields(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    #expect(try store.commit(.price("p", 100)).refusal == .notAllowed)
    try hq.mustCommit(.price("p", 100))
    try hq.send(to: store)
    #expect(try store.commit(.price("p", 1)).refusal == .notAllowed)
    #expect(try store.commit(.price("p", 100)) == .unchanged, "nothing changes, so nothing is refused")
    #expect(try store.commit(.delete(Shop.price, "p")).refusal == .notAllowed)
    #expect(try store.value(Shop.price, "p", Price.amount) == .integer(100))
  }

  @Test(arguments: BackendKind.allCases) func ownersAndHQWriteOwnersFields(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    let write = { FieldWrite(Note.fromOwner, .set(.text($0))) }
    try store.mustCommit(.note("mine", store: 1, [write("a")]))
    #expect(try store.commit(.note("other", store: 2, [write("a")])).refusal == .notAllowed)
    try store.mustCommit(.note("other", store: 2, text: "anyone may"))
    #expect(try store.commit(.note("other", [write("a")])).refusal == .notAllowed)
    try store.send(to: hq)
    try hq.mustCommit(.note("other", [write("b")]))
    try hq.mustCommit(.note("mine", [write("b")]))
    #expect(try hq.value(Shop.note, "mine", Note.fromOwner) == .text("b"))
  }

  /// Taking a record away takes its fields away: who may not write them may not do that either.
  @Test(arguments: BackendKind.allCases) func deletionNeedsTheRightToEveryField(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 2, [FieldWrite(Note.fromOwner, .set(.text("x")))]), .note("m", store: 2))
    // Store 1 holds them because it received them once.
    try store.receive(hq.stretch(for: NodeNumber(2)).groups, from: .hq)
    #expect(try store.commit(.delete(Shop.note, "n")).refusal == .notAllowed)
    #expect(try store.commit(.delete(Shop.note, "m")).stamp != nil)
    #expect(try hq.commit(.delete(Shop.note, "n")).stamp != nil)
  }

  @Test(arguments: BackendKind.allCases) func theSameFactAgainIsNothingNew(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.entry("e", store: 1, "cash", 5, memo: "m"))
    let before = try node.snapshot()
    #expect(try node.commit(.entry("e", store: 1, "cash", 5, memo: "m")) == .unchanged)
    #expect(try node.snapshot() == before)
    #expect(try node.commit(.delete(Shop.entry, "e")).refusal == .immutable)
  }

  @Test("FC-8 the same id with different contents: flagged, never overwritten", arguments: BackendKind.allCases)
  func otherContentsOfAFact(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let first = try node.mustCommit(.entry("e", store: 1, "cash", 5))
    let second = try node.mustCommit(.entry("e", store: 1, "cash", 6))
    #expect(try node.value(Shop.entry, "e", Entry.amount) == .integer(5))
    let cases = try node.cases()
    #expect(cases.map(\.subject.kind) == [.immutable])
    #expect(cases.first?.status == .open)
    #expect(cases.first?.candidates.map(\.stamp) == [first, second])
    #expect(cases.first?.candidates.map(\.isShown) == [true, false])
    #expect(try node.balance(1, "cash") == 5)
    #expect(try node.commit(.entry("e", store: 1, "cash", 6)) == .unchanged, "either of the contents is there already")
    #expect(try node.commit(.entry("e", store: 1, "cash", 5)) == .unchanged)
  }

  @Test(arguments: BackendKind.allCases) func otherContentsMustBeAWholeFact(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    try node.mustCommit(.entry("e", store: 1, "cash", 5))
    let before = try node.snapshot()
    let partial = RecordWrite(
      entity: Shop.entry, id: RecordID(key: "e"), .write([FieldWrite(Entry.amount, .set(.integer(6)))]))
    #expect(try node.commit(partial).refusal == .missingField)
    #expect(try node.commit(.entry("e", store: 2, "cash", 6)).refusal == .notAllowed, "only the owner writes entries")
    #expect(try node.snapshot() == before)
  }

  /// Two values under one stamp would be a state that no peer can read.
  @Test(arguments: BackendKind.allCases) func theLastValueOfAFieldInOneWriteCounts(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let doubled = RecordWrite(
      entity: Shop.entry, id: RecordID(key: "e"),
      .write(
        Foreign.entryValues(1, "cash", 5).map { FieldWrite($0, .set($1)) } + [
          FieldWrite(Entry.amount, .set(.integer(6)))
        ]))
    try node.mustCommit(doubled)
    #expect(try node.value(Shop.entry, "e", Entry.amount) == .integer(6))
    #expect(try node.commit(doubled) == .unchanged)
    try node.mustCommit(.entry("f", store: 1, "cash", 1))
    try node.mustCommit(
      RecordWrite(entity: Shop.entry, id: RecordID(key: "f"), doubled.action))
    let siblings = try #require(try node.state(Shop.entry, "f")?.content(of: Entry.amount)?.siblings)
    #expect(siblings.map(\.value) == [.integer(1), .integer(6)])
  }
}
