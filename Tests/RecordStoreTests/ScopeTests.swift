import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Records that leave a store's scope, and come back.
@Suite struct ScopeTests {
  private struct Chain {
    let hq: TestNode
    let one: TestNode
    let two: TestNode

    init(_ kind: BackendKind) throws {
      (hq, one, two) = (try TestNode(kind, 0), try TestNode(kind, 1), try TestNode(kind, 2))
    }

    func exchangeAll() throws {
      for _ in 0..<3 {
        for store in [one, two] {
          try store.send(to: hq)
          try hq.send(to: store)
        }
      }
    }
  }

  private func stub(_ node: TestNode, _ id: String) throws -> VersionVector? {
    let key = RecordKey(entity: Shop.note, id: RecordID(key: id))
    guard case .stub(let vector) = try node.backend.find(key)?.body else { return nil }
    return vector
  }

  @Test("FC-32 a record moves to another store: the first lets go of it, HQ keeps it", arguments: BackendKind.allCases)
  func moves(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(.note("n", store: 1, text: "x"))
    try chain.exchangeAll()
    #expect(try chain.one.state(Shop.note, "n") != nil)
    try chain.hq.mustCommit(.note("n", store: 2))
    try chain.exchangeAll()
    #expect(try chain.one.state(Shop.note, "n") == nil)
    #expect(try chain.one.store.count(of: Shop.note) == 0)
    #expect(try chain.one.store.records(of: Shop.note, after: nil, limit: 9) == [])
    #expect(try chain.one.store.heldEntities() == [])
    #expect(try stub(chain.one, "n") == chain.hq.state(Shop.note, "n")?.vector)
    #expect(try chain.two.state(Shop.note, "n") == chain.hq.state(Shop.note, "n"))
    #expect(try chain.hq.isDeleted(Shop.note, "n") == false, "letting go is not deleting")
    #expect(try chain.one.stretch(for: .hq).groups == [], "and never travels back")
    #expect(try chain.one.commit(.note("n", store: 1, text: "mine")).refusal == .notAllowed)
    #expect(try chain.one.commit(.delete(Shop.note, "n")).refusal == .notAllowed)
  }

  @Test("FC-32 an unsent edit survives", arguments: BackendKind.allCases)
  func unsentEdits(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(.note("n", store: 1, text: "x"))
    try chain.exchangeAll()
    try chain.one.mustCommit(.note("n", [FieldWrite(Note.remark, .set(.text("unsent")))]))
    try chain.hq.mustCommit(.note("n", store: 2))
    try chain.hq.send(to: chain.one)
    #expect(try chain.one.value(Shop.note, "n", Note.remark) == .text("unsent"), "HQ has not seen it: it stays")
    try chain.exchangeAll()
    #expect(try chain.hq.value(Shop.note, "n", Note.remark) == .text("unsent"))
    #expect(try chain.two.value(Shop.note, "n", Note.remark) == .text("unsent"))
    #expect(try chain.one.state(Shop.note, "n") == nil, "once HQ has it, the store lets go")
  }

  @Test("FC-32 a store that hands a record over itself lets go of it", arguments: BackendKind.allCases)
  func handedOver(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.one.mustCommit(.note("n", store: 1, text: "x"))
    try chain.exchangeAll()
    try chain.one.mustCommit(.note("n", store: 2))
    try chain.exchangeAll()
    #expect(try chain.two.value(Shop.note, "n", Note.text) == .text("x"))
    #expect(try chain.one.state(Shop.note, "n") == nil)
  }

  @Test("FC-33 out of scope and back: it reappears without an edit of its own", arguments: BackendKind.allCases)
  func comesBack(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(.note("n", store: 1, text: "x"))
    try chain.exchangeAll()
    try chain.hq.mustCommit(.note("n", store: 2))
    try chain.exchangeAll()
    try chain.two.mustCommit(.note("n", text: "edited meanwhile"))
    try chain.exchangeAll()
    try chain.hq.mustCommit(.note("n", store: 1))
    try chain.exchangeAll()
    #expect(try chain.one.value(Shop.note, "n", Note.text) == .text("edited meanwhile"))
    #expect(try chain.one.state(Shop.note, "n") == chain.hq.state(Shop.note, "n"))
    #expect(try chain.two.state(Shop.note, "n") == nil)
    try chain.one.mustCommit(.note("n", text: "and goes on"))
    try chain.exchangeAll()
    #expect(try chain.hq.value(Shop.note, "n", Note.text) == .text("and goes on"))
  }

  @Test(arguments: BackendKind.allCases) func outAndBackBeforeAnyoneLooked(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(.note("n", store: 1, text: "x"))
    try chain.exchangeAll()
    try chain.hq.mustCommit(.note("n", store: 2))
    try chain.hq.mustCommit(.note("n", store: 1))
    try chain.exchangeAll()
    #expect(try chain.one.state(Shop.note, "n") == chain.hq.state(Shop.note, "n"))
    #expect(try chain.two.state(Shop.note, "n") == nil)
  }

  /// What a store let go of comes back only with all that it had seen: an old message does not.
  @Test(arguments: BackendKind.allCases) func anOldMessageDoesNotBringAStubBack(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(.note("n", store: 1, text: "x"))
    let old = try chain.hq.stretch(for: NodeNumber(1)).groups
    try chain.exchangeAll()
    try chain.hq.mustCommit(.note("n", store: 2))
    try chain.exchangeAll()
    #expect(try chain.one.receive(old, from: NodeNumber(9)) == [.applied])
    #expect(try chain.one.state(Shop.note, "n") == nil)
  }

  @Test(
    "FC-35 a parent deleted before its children were routed: the children still reach their store",
    arguments: BackendKind.allCases)
  func parentDeletedFirst(_ kind: BackendKind) throws {
    let (hq, one, two) = try (
      TestNode(kind, 0, model: .retail), TestNode(kind, 1, model: .retail), TestNode(kind, 2, model: .retail)
    )
    let (product, member) = (RecordID(key: "apple"), RecordID(key: "M-1"))
    let listing = Listing(store: RecordID(number: 2), product: product, price: 125, available: true)
    let entry = PointsEntry(
      document: RecordID(milliseconds: 1_700_000_000_000, random: (1, 1)), line: 1, member: member,
      store: RecordID(number: 1), homeStore: RecordID(number: 2), points: 5, reason: "purchase",
      earnedAt: WallTime(milliseconds: 1_700_000_000_000))
    try hq.mustCommit(
      RecordWrite(Product(id: product, name: "Apple")), RecordWrite(StoreModel.Member(id: member, name: "Ana")))
    try hq.mustCommit(RecordWrite(listing))
    // A sale of store 1 to a member of store 2; neither store's link to the other's news is up.
    try one.mustCommit(RecordWrite(entry))
    try one.send(to: hq)
    try hq.mustCommit(
      RecordWrite(entity: Product.tag, id: product, .delete),
      RecordWrite(entity: StoreModel.Member.tag, id: member, .delete))
    for _ in 0..<2 { try exchange(hq, two) }
    for (entity, id) in [(Listing.tag, listing.id), (PointsEntry.tag, entry.id)] {
      let key = RecordKey(entity: entity, id: id)
      #expect(try two.store.record(key) == hq.store.record(key) && two.store.record(key) != nil)
    }
    #expect(try two.store.balance("points_balance", keys: [.text("M-1")]) == 5)
    for entity in [Product.tag, StoreModel.Member.tag] {
      let states = try two.store.records(of: entity, after: nil, limit: 9)
      #expect(states.count == 1 && states.allSatisfy { !$0.deletions.isEmpty }, "the store knows that it is deleted")
      #expect(try two.store.count(of: entity) == 0)
    }
    #expect(try two.store.parkedGroups() == [])
    // The children go on after their parent: edited at HQ, they still find their store.
    try hq.mustCommit(RecordWrite(Listing(store: RecordID(number: 2), product: product, price: 99, available: true)))
    try exchange(hq, two)
    let key = RecordKey(entity: Listing.tag, id: listing.id)
    #expect(try two.store.record(key) == hq.store.record(key))
  }

  /// Nor does one that knows something else: the rest would be missing under a vector that has it.
  @Test(arguments: BackendKind.allCases) func whatLacksAPartDoesNotBringAStubBack(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    var hq = Foreign(0)
    var other = Foreign(2)
    let first = hq.note("n", store: 1, text: "x")
    let second = hq.group(changing: first.records, [FieldWrite(Note.remark, .set(.text("seen here")))])
    let aside = other.group(changing: first.records, [FieldWrite(Note.text, .set(.text("aside")))])
    let seen = second.records[0].vector
    let eviction = Eviction(key: first.records[0].key, vector: seen)
    let leaving = CommitGroup(stamp: hq.stamp(), records: [], evictions: [eviction])
    #expect(try store.receive([first, second, leaving, aside], from: .hq) == Array(repeating: .applied, count: 4))
    #expect(try store.state(Shop.note, "n") == nil)
    #expect(try stub(store, "n") == seen)
    var whole = second.records[0]
    whole.join(aside.records[0])
    #expect(try store.receive([CommitGroup(stamp: aside.stamp, records: [whole])], from: .hq) == [.applied])
    #expect(try store.value(Shop.note, "n", Note.text) == .text("aside"))
    #expect(try store.value(Shop.note, "n", Note.remark) == .text("seen here"))
  }

  @Test("FC-14 an eviction waits behind a parked group of its record", arguments: BackendKind.allCases)
  func behindParked(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    var hq = Foreign(0)
    let first = hq.note("n", store: 1, text: "x")
    let poison = hq.group(changing: first.records, [FieldWrite(Note.text, .set(.integer(1)))])
    let eviction = CommitGroup(
      stamp: hq.stamp(), records: [],
      evictions: [Eviction(key: first.records[0].key, vector: poison.records[0].vector)])
    let results = try store.receive([first, poison, eviction], from: .hq)
    #expect(results.map(\.code) == [nil, "invalid-value", "behind-parked"])
    #expect(try store.value(Shop.note, "n", Note.text) == .text("x"))
  }

  @Test(arguments: BackendKind.allCases) func lettingGoTakesSumsAndCasesAlong(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    var hq = Foreign(0)
    let groups = [
      hq.group((Shop.entry, "e", Foreign.entryValues(1, "cash", 5))),
      hq.group((Shop.member, "a", [(Member.phone, .text("1"))])),
      hq.group((Shop.member, "b", [(Member.phone, .text("1"))])),
    ]
    try store.receive(groups, from: .hq)
    #expect(try store.balance(1, "cash") == 5)
    #expect(try store.cases().map(\.subject.kind) == [.unique])
    let evictions = [groups[0], groups[1]].map { Eviction(key: $0.records[0].key, vector: $0.records[0].vector) }
    #expect(
      try store.receive([CommitGroup(stamp: hq.stamp(), records: [], evictions: evictions)], from: .hq) == [.applied])
    #expect(try store.balance(1, "cash") == 0)
    #expect(try store.store.balances("account_sum") == [])
    #expect(try store.cases() == [], "the record that it let go of clashes with nothing")
  }

  @Test(arguments: BackendKind.allCases) func evictingWhatIsNotHeldIsNothing(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    var hq = Foreign(0)
    let stamp = hq.stamp()
    let eviction = Eviction(
      key: RecordKey(entity: Shop.note, id: RecordID(key: "never seen")), vector: VersionVector(stamp))
    #expect(try store.receive([CommitGroup(stamp: stamp, records: [], evictions: [eviction])], from: .hq) == [.applied])
    #expect(try store.store.heldEntities() == [])
  }
}
