import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// What a node does with what it receives: cursors, atomicity, and what cannot be applied.
@Suite struct ApplyTests {
  private let epoch = Epoch(rawValue: 7)
  private let one = NodeNumber(1)

  private func code(_ body: () throws -> Void) -> StoreError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.code
    }
  }

  @Test(arguments: BackendKind.allCases) func aBatchStartsWhereTheCursorStands(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    try hq.receive([store.note("a", store: 1, text: "x")], from: one, after: 0, through: 5)
    let before = try hq.snapshot()
    #expect(code { try hq.receive([store.note("b", store: 1, text: "x")], from: one, after: 0) } == .wrongCursor)
    #expect(code { try hq.receive([store.note("b", store: 1, text: "x")], from: one, after: 6) } == .wrongCursor)
    #expect(code { try hq.receive([], from: one, after: 5, through: 4) } == .wrongCursor)
    #expect(try hq.snapshot() == before)
    #expect(try hq.store.receiveCursors(from: one, epoch: epoch).normal == ReceiveCursor(epoch: epoch, through: 5))
    #expect(try hq.store.receiveCursors(from: one, epoch: epoch).urgent.through == 0, "each lane has its own")
    try hq.receive([store.note("b", store: 1, text: "x")], from: one, lane: .urgent, after: 0, through: 9)
    try hq.receive([], from: one, after: 5, through: 8)
    #expect(try hq.store.receiveCursors(from: one, epoch: epoch).normal.through == 8)
    #expect(try hq.store.receiveCursors(from: one, epoch: epoch).urgent.through == 9)
  }

  /// One that fails takes none of the others with it, and leaves nothing itself.
  @Test(arguments: BackendKind.allCases) func batchesAppliedTogetherAreAsOneAfterTheOther(_ kind: BackendKind) throws {
    let together = try TestNode(kind, 0)
    let alone = try TestNode(kind, 0)
    var (first, second) = (Foreign(1), Foreign(2))
    let batches = [
      batch(from: one, after: 0, [first.entry("a", store: 1, "till", 2), first.note("b", store: 1, text: "x")]),
      batch(from: one, after: 1, [first.entry("c", store: 1, "till", 3)]),
      batch(from: one, after: 7, [first.entry("d", store: 1, "till", 4)]),
      batch(from: NodeNumber(2), after: 0, [second.entry("e", store: 2, "till", 5)]),
    ]
    for count in [2, 4] {
      let outcomes = together.store.apply(Array(batches[(count - 2)..<count]), at: together.wall)
      for (batch, outcome) in zip(batches[(count - 2)..<count], outcomes) {
        let expected = Result { try alone.store.apply(batch, at: alone.wall) }
        #expect((try? outcome.get()) == (try? expected.get()))
        #expect(code { _ = try outcome.get() } == code { _ = try expected.get() })
      }
    }
    #expect(try together.snapshot() == alone.snapshot())
    #expect(together.store.takeTally() == alone.store.takeTally())
    #expect(try together.balance(1, "till") == 5 && together.balance(2, "till") == 5)
  }

  private func batch(from peer: NodeNumber, after: Sequence64, _ groups: [CommitGroup]) -> IncomingBatch {
    IncomingBatch(
      peer: peer, lane: .normal, epoch: epoch, after: after, through: after + 1, incompleteUntil: 0,
      groups: groups.map(IncomingGroup.decoded), payload: { _ in [] })
  }

  @Test(arguments: BackendKind.allCases) func anotherLogStartsAtTheBeginning(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    try hq.receive([store.note("a", store: 1, text: "x")], from: one, after: 0, through: 5)
    try hq.receive([], from: one, lane: .bulk, after: 0, through: 3)
    let next = Epoch(rawValue: 8)
    #expect(try hq.store.receiveCursors(from: one, epoch: next).normal.through == 0)
    #expect(code { try hq.receive([], from: one, epoch: next, after: 5, through: 6) } == .wrongCursor)
    try hq.receive([store.note("b", store: 1, text: "x")], from: one, epoch: next, after: 0, through: 2)
    let cursors = try hq.store.receiveCursors(from: one, epoch: next)
    #expect((cursors.normal.through, cursors.bulk.through) == (2, 0))
    #expect(
      code { try hq.receive([], from: one, epoch: epoch, after: 5, through: 6) } == .wrongCursor, "the old log is gone")
  }

  /// Otherwise the next greeting would name the old log's place as one of the new log, and what lies before it there
  /// would never come.
  @Test("FC-26 another log's first batch comes in a lane without a cursor", arguments: BackendKind.allCases)
  func anotherLogStartsInAnotherLane(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    try hq.receive([store.note("a", store: 1, text: "x")], from: one, lane: .urgent, after: 0, through: 500)
    let next = Epoch(rawValue: 8)
    try hq.receive([store.note("b", store: 1, text: "x")], from: one, epoch: next, after: 0, through: 2)
    #expect(
      try hq.store.receiveCursors(from: one, epoch: epoch).urgent.through == 0, "the old log's place is forgotten")
    #expect(try hq.store.receiveCursors(from: one, epoch: next).normal.through == 2)
  }

  @Test("FC-1 the acknowledgement is lost, the same comes again: applied once", arguments: BackendKind.allCases)
  func reapplying(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try store.mustCommit(.entry("e", store: 1, "cash", 5), .note("n", store: 1, [FieldWrite(Note.count, .add(2))]))
    try store.mustCommit(.note("n", [FieldWrite(Note.count, .add(3))]))
    try store.send(to: hq)
    let before = try hq.snapshot()
    // From the beginning, as after a restore of the sender's log under a new epoch.
    let all = try store.stretch(for: .hq).groups
    let results = try hq.receive(all, from: one, epoch: Epoch(rawValue: 99), after: 0, through: 2)
    #expect(results == [.applied, .applied])
    #expect(try hq.snapshot() == before)
    #expect(try hq.balance(1, "cash") == 5)
    #expect(try hq.shown(Shop.note, "n", Note.count) == .counter(5))
  }

  @Test("FC-9 FC-11 a group is applied whole or not at all", arguments: BackendKind.allCases)
  func wholeOrNotAtAll(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let bad = store.group(
      (Shop.note, "good", [(Note.store, .integer(1))]),
      (Shop.entry, "good", Foreign.entryValues(1, "cash", 5)),
      (Shop.note, "bad", [(Note.store, .integer(1)), (Note.text, .integer(13))]))
    let before = try hq.snapshot()
    let results = try hq.receive([bad], from: one)
    #expect(results.map(\.code) == ["invalid-value"])
    #expect(try hq.store.heldEntities() == [])
    #expect(try hq.store.count(of: Shop.note) == 0)
    #expect(try hq.balance(1, "cash") == 0)
    #expect(try hq.store.logHead() == 0)
    #expect(try hq.snapshot().count == before.count + 1, "the parked group is all that came")
  }

  @Test(
    "FC-14 FC-5 poison is parked with its reason and what came; everything else flows", arguments: BackendKind.allCases)
  func poison(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let poison = store.group(
      (Shop.note, "bad", [(Note.store, .integer(1)), (Note.text, .bytes([1]))]),
      (Shop.note, "companion", [(Note.store, .integer(1))]))
    let behind = store.note("companion", store: 1, text: "later")
    let free = store.note("free", store: 1, text: "x")
    let results = try hq.receive([poison, behind, free], from: one, after: 0, through: 3)
    #expect(results.map(\.code) == ["invalid-value", "behind-parked", nil])
    #expect(try hq.value(Shop.note, "free", Note.text) == .text("x"))
    #expect(try hq.state(Shop.note, "companion") == nil)
    #expect(try hq.store.receiveCursors(from: one, epoch: epoch).normal.through == 3, "nothing waits for the parked")

    let parked = try hq.store.parkedGroups()
    #expect(parked.map(\.number) == [1, 2])
    #expect(parked.map(\.code) == ["invalid-value", "behind-parked"])
    let first = try #require(parked.first)
    #expect(first.reason.contains("note.text"), "the reason names the field: \(first.reason)")
    #expect(parked.allSatisfy { $0.peer == one && $0.lane == .normal && $0.receivedAt == hq.wall })
    #expect(first.keys.sorted() == poison.records.map(\.key).sorted())
    for (parked, group) in zip(parked, [poison, behind]) {
      let decoded = try BatchContents.decode(parked.payload)
      #expect(try decoded.groups.map { try $0.get() } == [group])
    }

    // Later batches and other lanes wait behind it as well; others do not.
    let more = try hq.receive(
      [store.note("bad", store: 1, text: "ok now"), store.note("free", store: 1, text: "y")], from: one, lane: .urgent)
    #expect(more.map(\.code) == ["behind-parked", nil])
  }

  @Test("FC-14 what waits behind a parked group holds up what comes behind it", arguments: BackendKind.allCases)
  func chainsOfParked(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let poison = store.group((Shop.note, "a", [(Note.store, .integer(1)), (Note.text, .integer(1))]))
    let second = store.group(
      (Shop.note, "a", [(Note.store, .integer(1))]), (Shop.note, "b", [(Note.store, .integer(1))]))
    let third = store.note("b", store: 1, text: "x")
    #expect(
      try hq.receive([poison, second, third], from: one).map(\.code)
        == ["invalid-value", "behind-parked", "behind-parked"])
    #expect(try hq.store.heldEntities() == [])
  }

  @Test(arguments: BackendKind.allCases) func whatCannotBeDecodedIsParkedAsItCame(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let good = store.note("a", store: 1, text: "x")
    let payload: [UInt8] = [1, 2, 3]
    let batch = IncomingBatch(
      peer: one, lane: .normal, epoch: epoch, after: 0, through: 2, incompleteUntil: 0,
      groups: [.undecodable(reason: "a field kind from 0 to 3"), .decoded(good)], payload: { _ in payload })
    #expect(try hq.store.apply(batch, at: hq.wall).map(\.code) == ["undecodable", nil])
    let parked = try #require(try hq.store.parkedGroups().first)
    #expect((parked.code, parked.reason, parked.keys) == ("undecodable", "a field kind from 0 to 3", []))
    #expect(parked.payload == payload)
  }

  @Test(arguments: BackendKind.allCases) func inconsistentStatesAreParked(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let good = store.note("a", store: 1, text: "x")
    let uncovered = { () -> CommitGroup in
      var bad = good
      bad.records[0].vector = VersionVector(Stamp(time: HybridTimestamp(rawValue: 1), replica: good.stamp.replica))
      return bad
    }()
    let empty = CommitGroup(
      stamp: good.stamp, records: [RecordState(entity: Shop.note, id: RecordID(key: "b"))])
    let twice = CommitGroup(stamp: good.stamp, records: [good.records[0], good.records[0]])
    let badID = CommitGroup(
      stamp: good.stamp,
      records: [RecordState(entity: Shop.note, id: RecordID([7]), vector: VersionVector(good.stamp))])
    let results =
      try hq.receive([twice], from: one) + hq.receive([empty], from: one)
      + hq.receive([badID], from: one) + hq.receive([uncovered], from: one)
    #expect(results.map(\.code) == ["inconsistent-state", "inconsistent-state", "invalid-id", "behind-parked"])
    #expect(try hq.store.heldEntities() == [])
    let other = try TestNode(kind, 0)
    #expect(try other.receive([uncovered], from: one).map(\.code) == ["inconsistent-state"])
  }

  /// Otherwise the next local write would repeat a stamp that the record has seen.
  @Test("FC-28 a state that has seen more of this replica than it wrote is parked", arguments: BackendKind.allCases)
  func ownFuture(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    try store.mustCommit(.note("mine", store: 1))
    var hq = Foreign(0)
    for ahead in [10_000, 365 * 86_400_000] as [Int64] {
      var group = hq.note("n\(ahead)", store: 1, text: "x")
      let forged = HybridTimestamp(wall: store.wall.advanced(byMilliseconds: ahead))
      group.records[0].vector.insert(Stamp(time: forged, replica: store.store.identity.replica))
      #expect(try store.receive([group], from: .hq).map(\.code) == ["inconsistent-state"])
      try store.mustCommit(.note("n\(ahead)", store: 1, text: "written here"))
    }
  }

  @Test(arguments: BackendKind.allCases) func aSumNeedsItsParts(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let missing = store.group((Shop.entry, "a", [(Entry.store, .integer(1)), (Entry.amount, .integer(3))]))
    var null = store.entry("b", store: 1, "cash", 3)
    null.records[0].setContent(.register([Sibling(stamp: null.stamp, value: .null)]), of: Entry.account)
    #expect(try hq.receive([missing, null], from: one).map(\.code) == ["missing-field", "missing-field"])
    #expect(try hq.store.balances("account_sum") == [])
  }

  @Test(arguments: BackendKind.allCases) func anotherKindOfFieldIsParked(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    var group = store.note("a", store: 1, text: "x")
    group.records[0].setContent(.counter([Share(stamp: group.stamp, sum: 1)]), of: Note.text)
    #expect(try hq.receive([group], from: one).map(\.code) == ["invalid-value"])
  }

  /// HQ is newer: a field became required, another is unknown to the store. What the store sends is taken all the same.
  @Test(
    "FC-39 what a node of an older version sends is taken as far as it can be decoded; the rest is parked alone",
    arguments: BackendKind.allCases)
  func olderUploads(_ kind: BackendKind) throws {
    let newer = Model(
      Shop.model.entities.map { entity in
        var entity = entity
        if entity.tag == Shop.note { entity.fields.append(FieldSchema(77, "due", .day, .latest, required: true)) }
        return entity
      })
    let (hq, store) = (try TestNode(kind, 0, model: newer), try TestNode(kind, 1, model: Shop.olderModel))
    try store.mustCommit(.note("n", store: 1, text: "old"))
    try store.mustCommit(.entry("e", store: 1, "cash", 5))
    #expect(try store.send(to: hq).compactMap(\.code) == [])
    #expect(try hq.value(Shop.note, "n", Note.text) == .text("old"))
    #expect(try hq.balance(1, "cash") == 5)
    // One group of a batch is of a form that nobody here can read (any more): it alone waits.
    let good = try store.stretch(for: .hq).groups
    let batch = IncomingBatch(
      peer: NodeNumber(2), lane: .normal, epoch: Epoch(rawValue: 9), after: 0, through: 2, incompleteUntil: 0,
      groups: [.undecodable(reason: "an old form"), .decoded(Foreign.ofStore2)], payload: { _ in [1, 2, 3] })
    let results = try hq.store.apply(batch, at: hq.wall)
    #expect(results.map(\.code) == ["undecodable", nil])
    #expect(try hq.value(Shop.note, "of 2", Note.text) == .text("taken"))
    #expect(try hq.store.parkedGroups().map(\.payload) == [[1, 2, 3]])
    #expect(good.count == 2)
  }

  @Test("FC-37 unknown entities are kept and sent on; known again after the upgrade", arguments: BackendKind.allCases)
  func unknownEntities(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0, model: Shop.olderModel)
    let upstream = try TestNode(kind, 0, incarnation: 2)
    let store = try TestNode(kind, 1)
    try store.mustCommit(.photo("p", "x"), .note("n", store: 1))
    #expect(try store.send(to: hq) == [.applied])
    #expect(try hq.state(Shop.photo, "p") == store.state(Shop.photo, "p"))
    #expect(try hq.store.heldEntities() == [Shop.note, Shop.photo])
    #expect(try hq.commit(.photo("p", "y")).refusal == .unknownEntity)
    // HQ's log, read by a newer HQ.
    try upstream.receive(hq.stretch(for: .hq, after: 0).groups, from: one)
    #expect(try upstream.state(Shop.photo, "p") == store.state(Shop.photo, "p"))
    // A merge of two unknown states follows the same laws.
    try store.mustCommit(.photo("p", "z"))
    #expect(try store.send(to: hq) == [.applied])
    #expect(try hq.state(Shop.photo, "p") == store.state(Shop.photo, "p"))
  }

  @Test(
    "FC-36 an older node edits a record: the fields that it does not know are preserved",
    arguments: BackendKind.allCases)
  func unknownFields(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let old = try TestNode(kind, 1, model: Shop.olderModel)
    try hq.mustCommit(
      .note(
        "n", store: 1, text: "x",
        [
          FieldWrite(Note.status, .set(.text("done"))), FieldWrite(Note.count, .add(4)),
          FieldWrite(Note.tags, .addElements([.text("a")])),
        ]))
    try exchange(hq, old)
    #expect(try old.state(Shop.note, "n") == hq.state(Shop.note, "n"))
    old.wall = hq.wall
    try old.mustCommit(.note("n", text: "edited by the old node"))
    #expect(try old.commit(.note("n", [FieldWrite(Note.count, .add(1))])).refusal == .unknownField)
    try hq.mustCommit(.note("n", [FieldWrite(Note.count, .add(1))]))
    try exchange(hq, old)
    for node in [hq, old] {
      let state = try #require(try node.state(Shop.note, "n"))
      #expect(state.content(of: Note.status)?.siblings?.map(\.value) == [.text("done")])
      #expect(state.content(of: Note.count)?.shares?.map(\.sum) == [5])
      #expect(state.content(of: Note.tags)?.elements?.map(\.value) == [.text("a")])
      #expect(try node.value(Shop.note, "n", Note.text) == .text("edited by the old node"))
    }
  }

  @Test("FC-37 an unknown word of a choice is kept, shown and sent on", arguments: BackendKind.allCases)
  func unknownWords(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    var newer = Foreign(2)
    let group = newer.group((Shop.note, "n", [(Note.store, .integer(1)), (Note.status, .text("archived"))]))
    #expect(try hq.receive([group], from: NodeNumber(2)) == [.applied])
    #expect(try hq.value(Shop.note, "n", Note.status) == .text("archived"))
    try hq.send(to: store)
    #expect(try store.value(Shop.note, "n", Note.status) == .text("archived"))
    #expect(try store.state(Shop.note, "n") == group.records[0])
  }

  @Test("FC-10 a child before its parent is accepted", arguments: BackendKind.allCases)
  func childrenFirst(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(77)
    // No record of store 77, to which it refers, is there.
    #expect(try hq.receive([store.note("n", store: 77, text: "x")], from: NodeNumber(77)) == [.applied])
  }
}

extension Foreign {
  fileprivate static var ofStore2: CommitGroup {
    var store = Foreign(2)
    return store.note("of 2", store: 2, text: "taken")
  }
}
