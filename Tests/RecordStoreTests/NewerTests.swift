import Base
import Causality
import Glibc
import Merge
import RecordStore
import StoreModel
import Testing

/// States that are plainly newer take a quick way into the store; nobody may see which way a record came.
@Suite struct NewerTests {
  /// `SEED` in the environment, otherwise a fixed one.
  private static let seed: UInt64 = {
    let seed = getenv("SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_201
    print("NewerTests: SEED=\(seed)")
    return seed
  }()

  @Test(arguments: BackendKind.allCases) func bothWaysLeaveTheSame(_ kind: BackendKind) throws {
    for round in 0..<(kind == .memory ? 40 : 12) {
      let seed = Self.seed &+ UInt64(round)
      var chain = try RandomChain(kind, seed: seed)
      for step in 0..<60 {
        try chain.step("SEED=\(seed) step \(step)")
        try chain.twins.compare("SEED=\(seed) step \(step)")
      }
    }
  }

  // MARK: What does not take it

  private static let id = RecordID(key: "p")
  private static let name = FieldTag(Product.Field.name.rawValue)
  private static let brand = FieldTag(Product.Field.brand.rawValue)

  private static func state(_ id: String, _ stamp: Stamp) -> RecordState {
    var state = RecordState(entity: Product.tag, id: RecordID(key: id))
    state.write([FieldWrite(name, .set(.text("a"))), FieldWrite(brand, .set(.text("b")))], stamp: stamp)
    return state
  }

  /// Each makes something of a newer state that is not simply newer, or not sound.
  private static let changes: [(name: String, change: @Sendable (inout RecordState, Stamp) -> Void)] = [
    ("nothing", { _, _ in }),
    ("a mark", { state, stamp in state.delete(stamp: stamp) }),
    (
      "a stamp that the vector does not cover",
      { state, stamp in
        state.setContent(.register(Siblings(Sibling(stamp: stamp, value: .text("x")))), of: brand)
      }
    ),
    ("another kind of value", { state, stamp in state.write([FieldWrite(brand, .set(.integer(5)))], stamp: stamp) }),
    (
      "another kind of field",
      { state, stamp in
        state.setContent(.counter([Share(stamp: stamp, sum: 1)]), of: brand)
        state.vector.insert(stamp)
      }
    ),
    (
      "an unknown field",
      { state, stamp in
        state.write([FieldWrite(FieldTag(99), .set(.text("new")))], stamp: stamp)
      }
    ),
    (
      "a field less",
      { state, stamp in
        state.fields.removeAll { $0.tag == brand }
        state.vector.insert(stamp)
      }
    ),
    ("a null", { state, stamp in state.write([FieldWrite(brand, .set(.null))], stamp: stamp) }),
    (
      "two values",
      { state, stamp in
        let other = Stamp(time: stamp.time, replica: ReplicaID(node: NodeNumber(3), incarnation: 1))
        state.vector.insert(stamp)
        state.vector.insert(other)
        let siblings = [Sibling(stamp: stamp, value: .text("x")), Sibling(stamp: other, value: .text("y"))]
        state.setContent(.register(Siblings(siblings)), of: brand)
      }
    ),
    (
      "a stamp of the receiver's own",
      { state, stamp in
        let own = ReplicaID(node: NodeNumber(1), incarnation: 1)
        state.vector.insert(Stamp(time: HybridTimestamp(rawValue: stamp.time.rawValue + 1 << 30), replica: own))
      }
    ),
    ("an id that is none", { state, _ in state.id = RecordID([0]) }),
    (
      "a text that is too long",
      { state, stamp in
        let text = String(repeating: "x", count: ModelLimits.textBytes + 1)
        state.write([FieldWrite(brand, .set(.text(text)))], stamp: stamp)
      }
    ),
    ("a vector with nothing in it", { state, _ in state.vector = VersionVector() }),
  ]

  @Test(arguments: BackendKind.allCases) func groupsAreAppliedWholeOrNotAtAll(_ kind: BackendKind) throws {
    for (name, change) in Self.changes {
      for isNew in [false, true] {
        let twins = try Twins(kind, model: .retail)
        var hq = Foreign(0)
        let first = hq.stamp()
        let old = ["o", "p", "q"].map { Self.state($0, first) }
        let epoch = Epoch(rawValue: 7)
        try twins.receive([CommitGroup(stamp: first, records: isNew ? [old[0]] : old)], epoch: epoch, "\(name)")
        let second = hq.stamp()
        var records = old.map { state in
          var state = state
          state.write([FieldWrite(Self.name, .set(.text("newer")))], stamp: second)
          return state
        }
        change(&records[1], hq.stamp())
        try twins.receive([CommitGroup(stamp: second, records: records)], epoch: epoch, "\(name)")
        try twins.compare("\(name), new: \(isNew)")
        // And what comes afterwards.
        let third = hq.stamp()
        for place in records.indices { records[place].vector.insert(third) }
        try twins.receive([CommitGroup(stamp: third, records: records.reversed())], epoch: epoch, "\(name)")
        try twins.compare("\(name), new: \(isNew), afterwards")
      }
    }
  }

  @Test(arguments: BackendKind.allCases) func aRecordTwiceInAGroup(_ kind: BackendKind) throws {
    let twins = try Twins(kind, model: .retail)
    var hq = Foreign(0)
    let stamp = hq.stamp()
    let states = ["a", "b", "a"].map { Self.state($0, stamp) }
    let results = try twins.receive(
      [CommitGroup(stamp: stamp, records: states)], epoch: Epoch(rawValue: 7), "twice")
    #expect(results.map(\.code) == ["inconsistent-state"])
    try twins.compare("twice")
  }

  /// What is concurrent shows only when the first records of the group stand in the database.
  @Test(arguments: BackendKind.allCases) func aMergeThatIsTooLargeLeavesNothing(_ kind: BackendKind) throws {
    let twins = try Twins(kind, model: Shop.model)
    let hq = try TestNode(.memory, 0)
    let small = RecordWrite.photo("a", "1")
    try hq.mustCommit(small, .photo("b", "1"))
    func deliver() throws -> [GroupResult] {
      let after = try twins.quick.store.receiveCursors(from: .hq, epoch: hq.epoch).bulk.through
      let stretch = try hq.stretch(for: NodeNumber(1), .bulk, after: after, budget: 4 << 20)
      return try twins.receive(
        stretch.groups, epoch: hq.epoch, lane: .bulk, after: stretch.after, through: stretch.through, "too large")
    }
    #expect(try deliver() == [.applied])
    twins.wall = twins.wall.advanced(byMilliseconds: 5_000)
    try twins.commit([.photo("b", "2", bytes: 700_000)], "own")
    try hq.mustCommit(.photo("a", "3"), .photo("b", "3", bytes: 700_000))
    #expect(try deliver().map(\.code) == ["too-large"])
    #expect(try twins.quick.value(Shop.photo, "a", Photo.title) == .text("1"))
    try twins.compare("too large")
  }

  @Test(arguments: BackendKind.allCases) func whatWasUndoneIsWrittenOnceMore(_ kind: BackendKind) throws {
    var failing: FailingBackend?
    let node = try TestNode(kind, 1, model: .retail) { backend in
      let wrapped = FailingBackend(backend)
      failing = wrapped
      return wrapped
    }
    var hq = Foreign(0)
    let first = hq.stamp()
    try node.receive([CommitGroup(stamp: first, records: [Self.state("o", first), Self.state("p", first)])], from: .hq)
    var other = Foreign(2)
    let second = other.stamp()
    let records = ["o", "p"].map { id in
      var state = Self.state(id, first)
      state.write([FieldWrite(Self.brand, .set(.text("newer")))], stamp: second)
      return state
    }
    let before = try node.store.records(of: Product.tag, after: nil, limit: 10)
    failing?.writesLeft = 1
    #expect(throws: StoreError.self) {
      try node.receive([CommitGroup(stamp: second, records: records)], from: .hq)
    }
    #expect(try node.store.records(of: Product.tag, after: nil, limit: 10) == before)
    failing?.writesLeft = nil
    try node.receive([CommitGroup(stamp: second, records: records)], from: .hq)
    #expect(try node.store.records(of: Product.tag, after: nil, limit: 10) == records)
  }
}
