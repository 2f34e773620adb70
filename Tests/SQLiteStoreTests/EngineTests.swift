import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// The engine on SQLite does what it does on the backend in memory.
@Suite struct EngineTests {
  private struct RandomDrafts {
    var generator: SeededGenerator

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    mutating func draft() -> CommitDraft {
      CommitDraft((0...below(4)).map { _ in write() })
    }

    private mutating func write() -> RecordWrite {
      switch below(6) {
      case 0:
        let values: [Value] = [
          .text(["p", "q"][below(2)]), .integer(Int64(below(2))), .integer(Int64(below(9)) - 4),
        ]
        let writes = values.enumerated().map { FieldWrite(FieldTag(UInt16($0 + 1)), .set($1)) }
        return RecordWrite(entity: Entry.tag, id: RecordID(key: "e\(below(40))"), .write(writes))
      case 1:
        let id = RecordID(number: UInt32(below(5)))
        let write = FieldWrite(FieldTag(1), .set(.text("shop \(below(3))")))
        return RecordWrite(entity: Shop.tag, id: id, below(3) == 0 ? .delete : .write([write]))
      default:
        let id = uuid(UInt64(below(30)))
        if below(6) == 0 { return RecordWrite(entity: Thing.tag, id: id, .delete) }
        return RecordWrite(entity: Thing.tag, id: id, .write((0...below(3)).map { _ in thingWrite() }))
      }
    }

    private mutating func thingWrite() -> FieldWrite {
      switch below(6) {
      case 0: FieldWrite(FieldTag(10), .addElements([.text("t\(below(3))")]))
      case 1: FieldWrite(FieldTag(10), .removeElements([.text("t\(below(3))")]))
      case 2: FieldWrite(FieldTag(11), .add(Int64(below(9)) - 4))
      case 3: FieldWrite(FieldTag(12), .put(key: "k\(below(2))", below(3) == 0 ? .null : .integer(Int64(below(9)))))
      case 4: FieldWrite(FieldTag(2), .set(.integer(Int64(below(100)))))
      default: FieldWrite(FieldTag(1), .set(below(4) == 0 ? .null : .text("name \(below(4))")))
      }
    }
  }

  private func compare(
    _ left: StoreEngine<SQLiteBackend>, _ right: StoreEngine<MemoryBackend>
  ) throws {
    #expect(try left.logHead() == right.logHead())
    #expect(try left.heldEntities() == right.heldEntities())
    for entity in try right.heldEntities() {
      #expect(try left.records(of: entity, after: nil, limit: 99) == right.records(of: entity, after: nil, limit: 99))
      #expect(try left.count(of: entity) == right.count(of: entity))
    }
    #expect(try left.balances("stock_on_hand") == right.balances("stock_on_hand"))
    #expect(
      try left.conflictCases(includingClosed: true) == right.conflictCases(includingClosed: true))
  }

  /// Two nodes that write apart and then exchange what they have, on either backend.
  @Test func bothBackendsComeToTheSame() throws {
    var drafts = RandomDrafts(generator: SeededGenerator(seed: seedOfThisRun()))
    let identities = [
      NodeIdentity(replica: hq, epoch: Epoch(rawValue: 1)), NodeIdentity(replica: store, epoch: Epoch(rawValue: 2)),
    ]
    let directories = [try Directory(), try Directory()]
    let onDisk = try zip(identities, directories).map { identity, directory in
      try StoreEngine(
        SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .create(identity)))
    }
    let inMemory = try identities.map { try StoreEngine(MemoryBackend(model: TestModel.full, identity: $0)) }
    var wall = WallTime(milliseconds: 1_700_000_000_000)
    for round in 0..<12 {
      for node in 0..<2 {
        let next = (0..<8).map { _ in drafts.draft() }
        wall = wall.advanced(byMilliseconds: 7)
        #expect(try onDisk[node].commit(next, at: wall) == inMemory[node].commit(next, at: wall))
      }
      guard round % 3 == 2 else { continue }
      for receiver in 0..<2 {
        try exchange(from: onDisk[1 - receiver], to: onDisk[receiver], wall)
        try exchange(from: inMemory[1 - receiver], to: inMemory[receiver], wall)
      }
      for node in 0..<2 { try compare(onDisk[node], inMemory[node]) }
    }
    // The run has reached what it is about.
    #expect(try inMemory[0].heldEntities().count == 3)
    #expect(try !inMemory[0].conflictCases(includingClosed: true).isEmpty)
    #expect(try !inMemory[1].balances("stock_on_hand").isEmpty)
    for (node, directory) in directories.enumerated() {
      let reader = try StoreEngine(
        SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readOnly))
      try compare(reader, inMemory[node])
      #expect(
        try directory.sql("SELECT coalesce(sum(amount), 0) FROM entries")
          == directory.sql("SELECT coalesce(sum(balance), 0) FROM stock_on_hand"))
    }
  }

  private func exchange<Backend: StorageBackend>(
    from sender: StoreEngine<Backend>, to receiver: StoreEngine<Backend>, _ wall: WallTime
  ) throws {
    let peer = sender.identity
    for lane in Lane.allCases {
      let cursors = try receiver.receiveCursors(from: peer.replica.node, epoch: peer.epoch)
      let stretch = try sender.outgoing(
        OutgoingRequest(
          peer: receiver.identity.replica.node, lane: lane, after: cursors[lane].through,
          sent: LaneMap(repeating: 0), budgetBytes: 1 << 20, chainBytes: 1 << 24, scanLimit: 10_000))
      let batch = IncomingBatch(
        peer: peer.replica.node, lane: lane, epoch: peer.epoch, after: stretch.after, through: stretch.through,
        incompleteUntil: stretch.incompleteUntil, groups: stretch.groups.map(IncomingGroup.decoded)
      ) { _ in [] }
      let results = try receiver.apply(batch, at: wall)
      #expect(results.allSatisfy { $0 == .applied }, "\(results)")
    }
  }

  private func request(after: Sequence64 = 0) -> OutgoingRequest {
    OutgoingRequest(
      peer: .hq, lane: .normal, after: after, sent: LaneMap(repeating: 0), budgetBytes: 1 << 20, chainBytes: 4 << 20,
      scanLimit: 1_000)
  }

  private func draft(_ number: UInt64) -> CommitDraft {
    CommitDraft([
      RecordWrite(entity: Thing.tag, id: uuid(number), .write([FieldWrite(FieldTag(1), .set(.text("\(number)")))]))
    ])
  }

  /// What is committed last is last in the log, whenever it was begun: a cursor never passes what is still being written.
  @Test("FC-3 a long write transaction spans a sync: the sync sees nothing of it, and the next one all")
  func longTransaction() throws {
    let directory = try Directory()
    let wall = WallTime(milliseconds: 1_700_000_000_000)
    let writer = try StoreEngine(SQLiteBackend.create(directory))
    let reader = try StoreEngine(SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readOnly))
    _ = try writer.commit([draft(1)], at: wall)
    var cursor: Sequence64 = 0
    try writer.commit(at: wall) { commit throws(StoreError) in
      for number in 2...40 as ClosedRange<UInt64> {
        _ = try commit(draft(number))
        // Again and again, while the transaction goes on.
        let stretch = try reader.outgoing(request(after: cursor))
        #expect(stretch.groups.count == (number == 2 ? 1 : 0) && !stretch.hasMore, "after \(number) groups")
        let (head, seen) = (try reader.logHead(), try reader.record(RecordKey(entity: Thing.tag, id: uuid(2))))
        #expect(head == 1 && seen == nil)
        cursor = stretch.through
      }
    }
    let next = try reader.outgoing(request(after: cursor))
    #expect(cursor == 1 && next.groups.count == 39 && next.through == 40)
    #expect(
      next.groups.flatMap(\.records).map(\.id) == (2...40 as ClosedRange<UInt64>).map(uuid), "each once, in order")
  }

  @Test("FC-38 adding an optional field generates no sync traffic, at either end")
  func optionalField() throws {
    let directory = try Directory()
    let wall = WallTime(milliseconds: 1_700_000_000_000)
    var before: [RecordState] = []
    do {
      let engine = try StoreEngine(SQLiteBackend.create(directory))
      _ = try engine.commit((1...50 as ClosedRange<UInt64>).map(draft), at: wall)
      try engine.noteAcknowledged(by: .hq, lane: .normal, through: 50)
      before = try engine.records(of: Thing.tag, after: nil, limit: 99)
    }
    let newer = Model(
      TestModel.full.entities.map { entity in
        var entity = entity
        guard entity.tag == Thing.tag else { return entity }
        let field = FieldDeclaration("colour", .text, .latest, by: .anyone)
        entity.fields.append(FieldSchema(tag: FieldTag(99), field))
        return entity
      })
    let engine = try StoreEngine(
      SQLiteBackend.open(path: directory.database, model: newer, mode: .readWrite))
    #expect(try engine.logHead() == 50)
    #expect(try engine.outgoing(request(after: 50)).groups == [])
    #expect(try engine.pending(for: .hq, beyond: try engine.acknowledged(by: .hq), entryLimit: 999).groups == 0)
    // What is compared with the other end, which may be of either version, is what it was.
    #expect(try engine.records(of: Thing.tag, after: nil, limit: 99) == before)
    #expect(try directory.sql("SELECT count(*), count(colour) FROM things") == ["50|0"])
    // Nor does the other end's copy, made by the older version, bring anything new.
    let group = CommitGroup(stamp: stamp(9, hq), records: before)
    let batch = IncomingBatch(
      peer: .hq, lane: .normal, epoch: Epoch(rawValue: 1), after: 0, through: 1, incompleteUntil: 0,
      groups: [.decoded(group)], payload: { _ in [] })
    #expect(try engine.apply(batch, at: wall) == [.applied])
    #expect(try engine.outgoing(request(after: 50)).groups == [])
    // It is there to be used.
    let colour = RecordWrite(entity: Thing.tag, id: uuid(7), .write([FieldWrite(FieldTag(99), .set(.text("red")))]))
    _ = try engine.commit([CommitDraft([colour])], at: wall)
    #expect(try engine.outgoing(request(after: 50)).groups.flatMap(\.records).map(\.id) == [uuid(7)])
  }
}
