import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// Trying parked groups again, and dropping them.
@Suite struct ParkedTests {
  private let one = NodeNumber(1)

  /// Reads parked bytes as the programs do.
  static func decode(_ payload: [UInt8]) -> IncomingGroup {
    switch try? BatchContents.decode(payload).groups.first {
    case .success(let group)?: .decoded(group)
    case .failure(let error)?: .undecodable(reason: "\(error)")
    case nil: .undecodable(reason: "no batch contents")
    }
  }

  /// The same, by a version that understands what this one does not.
  private static func decodeBetter(_ payload: [UInt8]) -> IncomingGroup {
    guard case .decoded(var group) = decode(payload) else { return decode(payload) }
    for index in group.records.indices {
      if group.records[index].content(of: Note.text)?.siblings?.first?.value == .bytes([1]) {
        group.records[index].setContent(
          .register([Sibling(stamp: group.stamp, value: .text("mended"))]), of: Note.text)
      }
    }
    return .decoded(group)
  }

  private func poisoned(_ kind: BackendKind) throws -> TestNode {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    var other = Foreign(2)
    let poison = store.group(
      (Shop.note, "bad", [(Note.store, .integer(1)), (Note.text, .bytes([1]))]),
      (Shop.note, "companion", [(Note.store, .integer(1))]))
    let behind = store.note("companion", store: 1, text: "later")
    try hq.receive([poison, behind], from: one, after: 0, through: 2)
    let stranger = other.group((Shop.note, "elsewhere", [(Note.store, .integer(2)), (Note.text, .integer(1))]))
    try hq.receive([stranger], from: NodeNumber(2))
    #expect(try hq.store.parkedGroups().map(\.number) == [1, 2, 3])
    return hq
  }

  @Test("FC-14 what still does not fit stays parked, as it came", arguments: BackendKind.allCases)
  func inVain(_ kind: BackendKind) throws {
    let hq = try poisoned(kind)
    let before = try hq.snapshot()
    let outcomes = try hq.store.retryParked(nil, at: hq.wall, decoding: Self.decode)
    #expect(outcomes.map(\.isApplied) == [false, false, false])
    #expect(outcomes.map(\.group.code) == ["invalid-value", "behind-parked", "invalid-value"])
    #expect(try hq.snapshot() == before)
  }

  @Test("FC-14 one is tried with those behind it, in order; nothing else is touched", arguments: BackendKind.allCases)
  func chain(_ kind: BackendKind) throws {
    // Also by the number of one that waits.
    for number in [1, 2] as [Int64] {
      let hq = try poisoned(kind)
      let outcomes = try hq.store.retryParked(number, at: hq.wall, decoding: Self.decodeBetter)
      #expect(outcomes.map(\.group.number) == [1, 2])
      #expect(outcomes.map(\.isApplied) == [true, true])
      #expect(try hq.value(Shop.note, "bad", Note.text) == .text("mended"))
      #expect(try hq.value(Shop.note, "companion", Note.text) == .text("later"))
      #expect(try hq.store.parkedGroups().map(\.number) == [3])
      var store = Foreign(1, incarnation: 10)
      #expect(
        try hq.receive([store.note("free", store: 1, text: "x")], from: one).map(\.code) == [nil], "the way is free")
      // The store may have another database by now: it gets the records as if it had never sent them.
      let back = try hq.stretch(for: one).groups.flatMap(\.records).map(\.id)
      #expect(back.contains(RecordID(key: "bad")) && back.contains(RecordID(key: "companion")))
      #expect(!back.contains(RecordID(key: "free")))
    }
  }

  @Test(arguments: BackendKind.allCases) func whatBecomesReadableNamesItsRecords(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var store = Foreign(1)
    let bad = store.group((Shop.note, "n", [(Note.store, .integer(1)), (Note.text, .bytes([1]))]))
    let payload = try BatchContents.decode(BatchContents.encode([bad])).single(0)
    let batch = IncomingBatch(
      peer: one, lane: .normal, epoch: Epoch(rawValue: 7), after: 0, through: 1, incompleteUntil: 0,
      groups: [.undecodable(reason: "of a newer version")], payload: { _ in payload })
    _ = try hq.store.apply(batch, at: hq.wall)
    let first = try hq.store.retryParked(1, at: hq.wall, decoding: Self.decode)
    #expect(first.map(\.group.code) == ["invalid-value"])
    #expect(try hq.store.parkedGroups().first?.keys == bad.records.map(\.key))
    #expect(try hq.receive([store.note("n", store: 1, text: "x")], from: one).map(\.code) == ["behind-parked"])
    let second = try hq.store.retryParked(nil, at: hq.wall, decoding: Self.decodeBetter)
    #expect(second.map(\.isApplied) == [true, true])
    #expect(try hq.value(Shop.note, "n", Note.text) == .text("x"))
    #expect(try hq.store.parkedGroups() == [])
  }

  @Test(arguments: BackendKind.allCases) func droppingFreesWhatWaits(_ kind: BackendKind) throws {
    let hq = try poisoned(kind)
    #expect(try hq.store.dropParked(7) == nil)
    let dropped = try hq.store.dropParked(1)
    #expect(dropped?.code == "invalid-value" && dropped?.payload == [])
    #expect(try hq.store.parkedGroups().map(\.number) == [2, 3])
    let outcomes = try hq.store.retryParked(2, at: hq.wall, decoding: Self.decode)
    #expect(outcomes.map(\.isApplied) == [true])
    #expect(try hq.state(Shop.note, "bad") == nil)
    #expect(try hq.value(Shop.note, "companion", Note.text) == .text("later"))
  }

  @Test(arguments: BackendKind.allCases) func aDroppedNumberIsNotGivenAgain(_ kind: BackendKind) throws {
    let hq = try poisoned(kind)
    _ = try hq.store.dropParked(3)
    var store = Foreign(3)
    try hq.receive(
      [store.group((Shop.note, "x", [(Note.store, .integer(3)), (Note.text, .integer(1))]))], from: NodeNumber(3))
    #expect(try hq.store.parkedGroups().map(\.number) == [1, 2, 4])
  }

  @Test("FC-17 a peer that sends nothing but rubbish fills no disk, and loses nothing", arguments: BackendKind.allCases)
  func full(_ kind: BackendKind) throws {
    // Memory has no index; what counts is the same.
    let hq = try TestNode(kind, 0)
    let size = StoreLimits.parkedBytes / 8
    let payload = [UInt8](repeating: 0, count: size)
    func batch(_ after: Sequence64, from peer: UInt32) -> IncomingBatch {
      IncomingBatch(
        peer: NodeNumber(peer), lane: .normal, epoch: Epoch(rawValue: 7), after: after, through: after + 1,
        incompleteUntil: 0, groups: [.undecodable(reason: "rubbish")], payload: { _ in payload })
    }
    for after in 0..<8 as Range<Sequence64> { _ = try hq.store.apply(batch(after, from: 1), at: hq.wall) }
    let error = #expect(throws: StoreError.self) { try hq.store.apply(batch(8, from: 1), at: hq.wall) }
    #expect(error?.code == .parkedFull && error?.message.contains("syncctl parked") == true)
    #expect(try hq.store.receiveCursors(from: one, epoch: Epoch(rawValue: 7)).normal.through == 8)
    #expect(try hq.store.apply(batch(0, from: 2), at: hq.wall).map(\.code) == ["undecodable"], "others go on")
    _ = try hq.store.dropParked(3)
    #expect(try hq.store.apply(batch(8, from: 1), at: hq.wall).map(\.code) == ["undecodable"])
  }

  @Test(arguments: BackendKind.allCases) func tooManySmallOnes(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    let limit = StoreLimits.parkedGroupCount
    func batch(_ after: Sequence64, _ count: Int) -> IncomingBatch {
      IncomingBatch(
        peer: one, lane: .normal, epoch: Epoch(rawValue: 7), after: after, through: after + Sequence64(count),
        incompleteUntil: 0, groups: Array(repeating: .undecodable(reason: "rubbish"), count: count),
        payload: { _ in [0] })
    }
    try hq.backend.transaction { () throws(StoreError) in
      for _ in 1..<limit {
        try hq.backend.park(
          ParkedGroup(
            number: 0, peer: one, lane: .normal, receivedAt: hq.wall, code: "undecodable", reason: "", keys: [],
            payload: [0]))
      }
    }
    #expect(throws: StoreError.self) { try hq.store.apply(batch(0, 2), at: hq.wall) }
    #expect(try hq.store.parkedGroups().count == limit - 1, "a batch that does not fit is not taken in part")
    _ = try hq.store.apply(batch(0, 1), at: hq.wall)
    #expect(throws: StoreError.self) { try hq.store.apply(batch(1, 1), at: hq.wall) }
  }
}
