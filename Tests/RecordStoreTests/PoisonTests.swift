import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// Nothing waits behind a bad one: neither another store's changes, nor a link.
@Suite struct PoisonTests {
  private let one = NodeNumber(1)
  private let two = NodeNumber(2)

  @Test("FC-14 what one store's group is parked for does not hold up another store's", arguments: BackendKind.allCases)
  func parkedOfAnotherStore(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.member("m", phone: "1"))
    let seen = try #require(try hq.state(Shop.member, "m"))
    var (first, second) = (Foreign(1), Foreign(2))
    let poison = first.group(changing: [seen], [FieldWrite(Member.first, .set(.integer(13)))])
    #expect(try hq.receive([poison], from: one).map(\.code) == ["invalid-value"])
    let good = second.group(changing: [seen], [FieldWrite(Member.first, .set(.text("Ada")))])
    #expect(try hq.receive([good], from: two).map(\.code) == [nil])
    #expect(try hq.value(Shop.member, "m", Member.first) == .text("Ada"))
    let later = first.group(changing: [seen], [FieldWrite(Member.first, .set(.text("Bo")))])
    #expect(try hq.receive([later], from: one).map(\.code) == ["behind-parked"], "its own later ones wait")
  }

  @Test("FC-14 FC-5 a group that the database cannot hold is parked alone", arguments: BackendKind.allCases)
  func indigestible(_ kind: BackendKind) throws {
    var backend: FailingBackend?
    let hq = try TestNode(kind, 0) { inner in
      let wrapper = FailingBackend(inner)
      backend = wrapper
      return wrapper
    }
    var store = Foreign(1)
    let bad = store.group(
      (Shop.entry, "companion", Foreign.entryValues(1, "cash", 5)), (Shop.note, "bad", [(Note.store, .integer(1))]))
    let groups = [store.note("a", store: 1, text: "x"), bad, store.note("b", store: 1, text: "y")]
    try #require(backend).indigestible = RecordKey(entity: Shop.note, id: RecordID(key: "bad"))
    let results = try hq.receive(groups, from: one, after: 0, through: 3)
    #expect(results.map(\.code) == [nil, "internal-error", nil])
    #expect(try hq.value(Shop.note, "b", Note.text) == .text("y"))
    #expect(try hq.state(Shop.entry, "companion") == nil, "whole or not at all")
    #expect(try hq.balance(1, "cash") == 0)
    #expect(try hq.store.receiveCursors(from: one, epoch: Epoch(rawValue: 7)).normal.through == 3)
    #expect(try hq.store.parkedGroups().map(\.code) == ["internal-error"])
    #expect(try hq.store.logHead() == 2, "no hole in the log")
  }

  /// Several stores gave the same ids to other contents; all of it is kept, and still has to travel.
  @Test("FC-19 a merged group that outgrows a frame travels in parts", arguments: BackendKind.allCases)
  func outgrown(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let ids = (0..<56).map { "p\($0)" }
    let count = 5 as UInt32
    for number in 1...count {
      var store = Foreign(number)
      let text = Value.text(String(repeating: "\(number)", count: 60 << 10))
      let stamp = store.stamp()
      let group = CommitGroup(
        stamp: stamp,
        records: ids.map { id in
          var state = RecordState(entity: Shop.member, id: RecordID(key: id))
          state.write([FieldWrite(Member.first, .set(text))], stamp: stamp)
          return state
        })
      #expect(try hq.receive([group], from: NodeNumber(number)).map(\.code) == [nil])
    }
    let reader = try TestNode(kind, 9)
    var after: Sequence64 = 0
    var ends: [Sequence64] = []
    while true {
      let stretch = try hq.stretch(for: reader.number, after: after)
      guard stretch.through > after else { break }
      let bytes = BatchContents.encode(stretch.groups).count
      #expect(bytes <= WireLimits.maximumContentsBytes, "found \(bytes) bytes in one batch")
      guard bytes <= WireLimits.maximumContentsBytes else { return }
      try reader.receive(
        stretch.groups, from: .hq, epoch: hq.epoch, after: after, through: stretch.through,
        incompleteUntil: stretch.incompleteUntil)
      ends.append(stretch.incompleteUntil)
      after = stretch.through
    }
    #expect(
      ends.count > 1 && ends.dropLast().allSatisfy { $0 > 0 } && ends.last == 0, "incomplete up to the last: \(ends)")
    for id in ids { #expect(try reader.state(Shop.member, id) == hq.state(Shop.member, id)) }
  }

  @Test("FC-49 a record of an unknown kind does not hide what else of a group is pending")
  func pendingBesideUnknown() throws {
    let backend = MemoryBackend(
      model: Shop.olderModel,
      identity: NodeIdentity(replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 1)))
    let hq = try StoreEngine(backend)
    var store = Foreign(1)
    let group = store.group(
      (Shop.photo, "p", [(Photo.title, .text("x"))]), (Shop.member, "m", [(Member.first, .text("Ada"))]))
    let batch = IncomingBatch(
      peer: one, lane: .normal, epoch: Epoch(rawValue: 7), after: 0, through: 1, incompleteUntil: 0,
      groups: [.decoded(group)], payload: { _ in [] })
    #expect(try hq.apply(batch, at: WallTime(milliseconds: 1_700_000_000_000)) == [.applied])
    #expect(try hq.pending(for: two, beyond: LaneMap(repeating: 0), entryLimit: 100).groups == 1)
  }
}
