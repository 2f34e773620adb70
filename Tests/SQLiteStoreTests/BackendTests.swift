import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// Each call of `StorageBackend`.
@Suite struct BackendTests {
  @Test func everyTableGivesWhatWasPutIn() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    let contents = try SampleContents.write(to: backend)
    #expect(contents.node == SampleContents.node)
    #expect(contents.records.map { $0?.ref.row } == [2, 1, 3, 1, 1])
    #expect(contents.records[2]?.body == .stub(VersionVector(stamp(1, hq))))
    #expect(contents.listed.map { $0.map(\.id) } == [[uuid(1), uuid(2)], [RecordID(key: "a")], [RecordID([1])]])
    #expect(
      contents.log == [
        [
          SampleContents.logEntry(1, .urgent, .mixed, [1, 2, 3, -7, -6, 5]),
          SampleContents.logEntry(4, .urgent, .store(.hq), [-1]),
        ],
        [SampleContents.logEntry(3, .normal, .store(NodeNumber(.max)), [])],
        [SampleContents.logEntry(2, .bulk, .hq, [.max, 1])],
      ])
    #expect(contents.departures == [NodeNumber(3), NodeNumber(9)])
    #expect(contents.cursor == ReceiveCursor(epoch: Epoch(rawValue: .max), through: 4, incompleteUntil: 9))
    #expect(contents.acknowledged == [5, 0, 0])
    #expect(
      contents.balances == [
        Balance(keys: [.text("b"), .integer(2)], sum: 1), Balance(keys: [.text("p"), .integer(1)], sum: 5),
      ])
    #expect(
      contents.cases == [
        SampleContents.conflict(1, .open, uuid(1)), SampleContents.conflict(2, .closed, uuid(2)),
        SampleContents.conflict(3, .decided, uuid(3)),
      ])
    #expect(
      contents.parked == [
        SampleContents.parkedGroup(1, [SampleContents.keys[3], SampleContents.keys[0]]),
        SampleContents.parkedGroup(2, []),
      ])
  }

  @Test func logIsReadByLaneAndBySequence() throws {
    let backend = try SQLiteBackend.create(Directory())
    _ = try SampleContents.write(to: backend)
    #expect(try backend.logEntries(lane: .urgent, after: 1, limit: 10).map(\.sequence) == [4])
    #expect(try backend.logEntries(lane: .urgent, after: 0, limit: 1).map(\.sequence) == [1])
    #expect(try backend.logEntries(lane: .urgent, after: .max, limit: 1) == [])
    for sequence in 1...4 as ClosedRange<Sequence64> { #expect(try backend.logEntry(sequence)?.sequence == sequence) }
    #expect(try backend.logEntry(5) == nil)
  }

  /// The pair whose higher number has no place is widened, never narrowed.
  @Test func audiencesComeBackAsTheyWere() throws {
    let backend = try SQLiteBackend.create(Directory())
    let (low, high) = (NodeNumber(1), NodeNumber(.max >> 1))
    let audiences: [Audience] = [
      .mixed, .hq, .store(low), .store(NodeNumber(.max)), .pair(low, high), .pair(high, high),
    ]
    try backend.transaction { () throws(StoreError) in
      for (sequence, audience) in zip(Sequence64(1)..., audiences + [.pair(low, NodeNumber(.max))]) {
        try backend.append(SampleContents.logEntry(sequence, .normal, audience, []))
      }
    }
    let read = try backend.logEntries(lane: .normal, after: 0, limit: 10).map(\.audience)
    #expect(read == audiences + [.mixed])
  }

  @Test func casesAreFoundByRecordAndSubject() throws {
    let backend = try SQLiteBackend.create(Directory())
    let cases = try SampleContents.write(to: backend).cases
    #expect(try backend.conflictCases(of: SampleContents.keys[0]) == [cases[0]])
    #expect(try backend.conflictCases(of: SampleContents.keys[1]) == [])
    #expect(try backend.conflictCases(includingClosed: false) == [cases[0], cases[2]])
    for conflict in cases { #expect(try backend.conflictCase(conflict.subject) == conflict) }
    var other = cases[0].subject
    other.kind = .deletion
    #expect(try backend.conflictCase(other) == nil)
  }

  @Test func parkedGroupsBlockTheirRecords() throws {
    let backend = try SQLiteBackend.create(Directory())
    _ = try SampleContents.write(to: backend)
    let peers = Set(try backend.parkedGroups().map(\.peer))
    let blocked = try SampleContents.keys.map { key in
      try peers.contains { try backend.isBlockedByParked(key, from: $0) }
    }
    #expect(blocked == [true, false, false, true, false])
    let nobody = NodeNumber(4_000_000)
    #expect(try !SampleContents.keys.contains { try backend.isBlockedByParked($0, from: nobody) })
  }

  @Test func liveRecordsAreCountedAndFoundByValue() throws {
    let backend = try SQLiteBackend.create(Directory())
    try backend.transaction { () throws(StoreError) in
      try backend.insert(thing(3, [.name: .text("a"), .store: .integer(1), .code: .text("x")]))
      try backend.insert(thing(2, [.name: .text("b"), .store: .integer(1), .code: .text("x")]))
      try backend.insert(thing(1, [.name: .text("a"), .store: .integer(1)]))
      try backend.insert(thing(5, [.name: .text("c"), .parent: .bytes(uuid(1).bytes)]))
      var deleted = thing(4, [.name: .text("a")])
      deleted.delete(stamp: stamp(2))
      try backend.insert(deleted)
    }
    func found(_ values: [Thing.Field: Value], limit: Int = 10) throws -> [RecordID] {
      try backend.records(
        of: Thing.tag, showing: values.map { (FieldTag($0.key.rawValue), $0.value) }, limit: limit)
    }
    #expect(try backend.count(of: Thing.tag) == 4)
    #expect(try found([.name: .text("a")]) == [uuid(1), uuid(3)])
    #expect(try found([.name: .text("a")], limit: 1) == [uuid(1)])
    #expect(try found([.store: .integer(1), .code: .text("x")]) == [uuid(2), uuid(3)])
    #expect(try found([.store: .integer(1), .code: .null]) == [uuid(1)])
    #expect(try found([.parent: .bytes(uuid(1).bytes)]) == [uuid(5)])
    #expect(try found([.parent: .null]) == [uuid(1), uuid(2), uuid(3)])
    #expect(try found([.parent: .bytes(uuid(2).bytes)]) == [])
    // No conversions: a number is not its text.
    #expect(try found([.store: .text("1")]) == [])
    #expect(try found([.name: .text("A")]) == [])
    #expect(try backend.records(of: EntityTag(77), showing: [], limit: 1) == [])
  }

  @Test func uniqueKeysAndLookupsAreFoundByTheirIndex() throws {
    let directory = try Directory()
    _ = try SQLiteBackend.create(directory)
    // A database of before has no such index until it is opened for writing.
    try directory.sql("DROP INDEX things_by_parent_id")
    _ = try SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readWrite)
    let questions = [
      "name = 'a' ORDER BY id LIMIT 2": "things_by_name_id",
      "home_store = 1 AND code = 'x' ORDER BY id LIMIT 2": "things_by_home_store_code_id",
      "parent = x'01' ORDER BY id LIMIT 2": "things_by_parent_id",
    ]
    for (condition, index) in questions {
      let plan = try directory.sql("EXPLAIN QUERY PLAN SELECT id FROM things WHERE \(condition)")
      #expect(plan.contains { $0.contains("INDEX \(index) ") }, "\(plan)")
    }
    let lists = [
      "SELECT * FROM sync_hidden WHERE entity = 1 AND kind = 0 AND id > x'' ORDER BY id LIMIT 9": "sync_hidden_held",
      "SELECT min(entity) FROM sync_hidden WHERE entity > 1 AND kind = 0": "sync_hidden_held",
      "SELECT * FROM sync_case WHERE status <> 'closed' ORDER BY number": "sync_case_open",
      "SELECT * FROM sync_log WHERE lane IN (0, 1, 2) AND sequence = 4": "PRIMARY KEY",
    ]
    for (question, index) in lists {
      let plan = try directory.sql("EXPLAIN QUERY PLAN \(question)")
      #expect(plan.count == 1 && plan[0].contains(index), "\(plan)")
    }
  }

  @Test func recordKeepsItsRowAsItIsDeletedAndComesBack() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    try backend.commit(thing(8, [:]))
    var state = thing(1, [.name: .text("one")])
    var record = StoredRecord(ref: try backend.commit(state), key: state.key, sequence: 1, body: .held(state))
    func update(_ body: StoredRecord.Body) throws {
      record.body = body
      record.sequence += 1
      let next = record
      try backend.transaction { () throws(StoreError) in try backend.update(next) }
      #expect(try backend.find(record.key) == record)
      #expect(try backend.read(record.ref) == record)
    }
    state.delete(stamp: stamp(2))
    try update(.held(state))
    #expect(try directory.sql("SELECT count(*) FROM things") == ["1"])
    state.write([FieldWrite(FieldTag(1), .set(.text("again")))], stamp: stamp(3))
    try update(.held(state))
    #expect(try directory.sql("SELECT name FROM things ORDER BY \"row\"") == ["", "again"])
    #expect(try directory.sql("SELECT count(*) FROM sync_hidden") == ["0"])
    try update(.stub(state.vector))
    try update(.stub(state.vector.joined(VersionVector(stamp(9, hq)))))
    #expect(try backend.count(of: Thing.tag) == 1)
    #expect(try backend.records(of: Thing.tag, after: nil, limit: 10).map(\.id) == [uuid(8)])
    try update(.held(state))
    // A row is not given twice, wherever the last one lies.
    try update(.stub(state.vector))
    #expect(try backend.commit(thing(2, [:])).row == 3)
  }

  @Test func updateOfNothingIsAnError() throws {
    let backend = try SQLiteBackend.create(Directory())
    let state = thing(1, [:])
    for body in [StoredRecord.Body.held(state), .stub(state.vector)] {
      let record = StoredRecord(
        ref: RecordRef(entity: Thing.tag, row: 5), key: state.key, sequence: 1, body: body)
      #expect(
        storeError { try backend.transaction { () throws(StoreError) in try backend.update(record) } }?.code
          == .internalError)
      #expect(try backend.find(state.key) == nil)
    }
  }

  /// Whatever bytes bound the page: ranges of ids that are compared between nodes are not ids themselves.
  @Test(arguments: StateTests.schemas) func recordsAscendById(_ schema: EntitySchema?) throws {
    let backend = try SQLiteBackend.create(Directory())
    let tag = schema?.tag ?? EntityTag(99)
    var generator = SeededGenerator(seed: 5)
    let numbers = (0..<120).map { $0 == 0 ? 0 : UInt64(UInt32.random(in: 0 ... .max, using: &generator)) }
    var ids = Set(numbers.map { StateTests.id(schema, $0) })
    if schema?.identity == .key { ids.formUnion(["z", "Z", "é", "🏷️", "~"].map { RecordID(key: $0) }) }
    let all = ids.shuffled(using: &generator)
    try backend.transaction { () throws(StoreError) in
      for (index, id) in all.enumerated() {
        var state = RecordState(entity: tag, id: id, vector: VersionVector(stamp(1)))
        if index % 3 == 0 { state.delete(stamp: stamp(2)) }
        if index % 5 == 0 {
          _ = try backend.insert(state.key, .stub(state.vector), sequence: 1)
        } else {
          try backend.insert(state)
        }
      }
    }
    let held = all.enumerated().filter { $0.offset % 5 != 0 }.map(\.element).sorted()
    #expect(try backend.records(of: tag, after: nil, limit: 1000).map(\.id) == held)
    var bounds = held + [RecordID([]), RecordID([255, 255, 255, 255, 255]), RecordID([0, 0, 0, 0, 0])]
    bounds += held.map { RecordID(Array($0.bytes.dropLast())) } + held.map { RecordID($0.bytes + [0]) }
    bounds += held.map { RecordID(Array($0.bytes.prefix(1))) }
    for bound in bounds {
      let expected = Array(held.filter { $0 > bound }.prefix(7))
      #expect(try backend.records(of: tag, after: bound, limit: 7).map(\.id) == expected)
    }
  }

  @Test func idsOfAnotherKindAreKeptAside() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    for id in [RecordID([1, 2]), RecordID([0, 0, 0, 0, 1]), RecordID([])] {
      let state = RecordState(entity: Shop.tag, id: id, vector: VersionVector(stamp(1)))
      let ref = try backend.commit(state)
      #expect(try backend.find(state.key)?.state == state)
      #expect(try backend.read(ref)?.state == state)
    }
    #expect(try directory.sql("SELECT count(*) FROM shops") == ["0"])
    #expect(try backend.find(RecordKey(entity: Shop.tag, id: RecordID([0, 0, 1, 2]))) == nil)
  }

  @Test func balancesDoNotOverflow() throws {
    let backend = try SQLiteBackend.create(Directory())
    let keys: [Value] = [.text("p"), .integer(1)]
    func add(_ difference: Int64, _ keys: [Value]) throws -> Int64 {
      try backend.transaction { () throws(StoreError) in
        try backend.addToBalance("stock_on_hand", keys: keys, difference: difference)
      }
      return try backend.balance("stock_on_hand", keys: keys)
    }
    #expect(try add(.max, keys) == .max)
    #expect(try add(1, keys) == .max)
    #expect(try add(.min, keys) == -1)
    #expect(try add(.min, keys) == .min)
    // Of another kind than declared: no column could hold them.
    #expect(try add(5, [.integer(1), .integer(1)]) == 0)
    #expect(try add(5, [.null, .integer(1)]) == 0)
    #expect(storeError { _ = try backend.balance("none", keys: []) }?.code == .internalError)
  }
}
