import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// A record state comes back from the database exactly as it went in, whatever merges made of it.
@Suite struct StateTests {
  static let schemas: [EntitySchema?] = [TestModel.thing, TestModel.entry, TestModel.shop, TestModel.listing, nil]

  static func id(_ schema: EntitySchema?, _ number: UInt64) -> RecordID {
    switch schema?.identity {
    case .uuid?, nil: uuid(number)
    case .key?: RecordID(key: "key \(number)")
    case .number?: RecordID(number: UInt32(number))
    case .composed?: RecordID(Array("key \(number)".utf8) + [0x1F] + RecordID(number: UInt32(number)).bytes)
    }
  }

  @Test(arguments: 1...4) func randomStatesComeBack(_ round: Int) throws {
    let seed = seedOfThisRun()
    var states = RandomStates(seed: seed)
    let directory = try Directory()
    var expected: [StoredRecord] = []
    do {
      let backend = try SQLiteBackend.create(directory)
      try backend.transaction { () throws(StoreError) in
        for number in 0..<400 {
          let schema = Self.schemas[number % Self.schemas.count]
          let state = states.state(schema?.tag ?? EntityTag(99), Self.id(schema, UInt64(number)), schema)
          let ref = try backend.insert(state, sequence: UInt64(number))
          expected.append(StoredRecord(ref: ref, key: state.key, sequence: UInt64(number), body: .held(state)))
        }
      }
      // Every record becomes another one: shown, deleted and let go in all orders.
      try backend.transaction { () throws(StoreError) in
        for index in expected.indices where index % 3 != 0 {
          let key = expected[index].key
          let schema = TestModel.full.entity(key.entity)
          expected[index].sequence += 1000
          expected[index].body =
            index % 7 == 0
            ? .stub(expected[index].state?.vector ?? VersionVector())
            : .held(states.state(key.entity, key.id, schema))
          try backend.update(expected[index])
          #expect(try backend.find(key) == expected[index])
        }
      }
    }
    let backend = try SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readOnly)
    for record in expected {
      #expect(try backend.find(record.key) == record)
      #expect(try backend.read(record.ref) == record)
    }
  }

  @Test func columnsShowTheShownValues() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    var state = thing(1, [.name: .text("Tee"), .price: .integer(349), .active: .integer(1), .store: .integer(5)])
    state.write(
      [
        FieldWrite(FieldTag(6), .set(.integer(12))), FieldWrite(FieldTag(8), .set(.bytes([1, 2]))),
        FieldWrite(FieldTag(10), .addElements([.text("a\"\n"), .integer(3)])), FieldWrite(FieldTag(11), .add(7)),
        FieldWrite(FieldTag(12), .put(key: "colour", .text("rot"))),
      ], stamp: stamp(2))
    try backend.commit(state, sequence: 9)
    let columns = "name, price, active, status, home_store, shop, code, hex(parent), tags, seen, custom, note"
    #expect(
      try directory.sql("SELECT \"row\", hex(id), sequence, \(columns) FROM things") == [
        "1|\(Hex.encode(uuid(1).bytes).uppercased())|9|Tee|349|1||5|12||0102|[3,\"a\\\"\\u000a\"]|7|"
          + "{\"colour\":\"rot\"}|"
      ])
    #expect(try directory.sql("SELECT value FROM things, json_each(tags)") == ["3", "a\"\n"])
  }

  @Test func contradictingValuesAreKeptAndNotShown() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    let state = thing(1, [.name: .integer(12), .price: .text("12"), .parent: .text("x")])
    try backend.commit(state)
    #expect(try backend.find(state.key)?.state == state)
    #expect(try directory.sql("SELECT name, price, parent FROM things") == ["||"])
  }

  /// A fact that was written once carries a version byte, a replica and a time.
  @Test func metadataOfARecordWrittenOnceIsSmall() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    let count = 2000
    try backend.transaction { () throws(StoreError) in
      for number in 0..<count { try backend.insert(entry("entry \(number + 10_000)", "product \(number % 50)", 3, 1)) }
    }
    let bytes = try directory.sql("SELECT max(length(meta)), sum(length(meta)) FROM entries")
    #expect(bytes == ["9|\(count * 9)"])
    let perRecord = try directory.sql(
      "SELECT (SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()) / \(count)")
    print("metadata 9 bytes; database \(perRecord[0]) bytes a record of three fields, with its id's index")
  }

  @Test func metadataThatIsDamagedIsAnError() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    var states = RandomStates(seed: 11)
    var generator = SeededGenerator(seed: 12)
    for number in 0..<60 {
      let state = states.state(Thing.tag, uuid(UInt64(number)), TestModel.thing)
      try backend.commit(state)
      let table = try directory.sql("SELECT 1 FROM things WHERE \"row\" = \(number + 1)").isEmpty
      let (name, column) = table ? ("sync_hidden", "state") : ("things", "meta")
      let whole = try directory.sql("SELECT hex(\(column)) FROM \(name) WHERE \"row\" = \(number + 1)")[0]
      let bytes = try #require(Hex.decode(whole))
      func replaceAndRead(_ damaged: [UInt8]) throws -> StoreError? {
        try directory.sql("UPDATE \(name) SET \(column) = x'\(Hex.encode(damaged))' WHERE \"row\" = \(number + 1)")
        return storeError { _ = try backend.find(state.key) }
      }
      for length in 0..<bytes.count {
        #expect(try replaceAndRead(Array(bytes.prefix(length)))?.code == .corrupt)
      }
      #expect(try replaceAndRead(bytes + [0])?.code == .corrupt)
      // Other damage may read as another state; it must never trap.
      for _ in 0..<40 {
        var damaged = bytes
        damaged[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
        if let error = try replaceAndRead(damaged) { #expect(error.code == .corrupt) }
      }
    }
  }

  /// Found by the fuzzer (`Tests/Corpus/metadata`): what is shown is chosen among a field's values, and there must be one.
  @Test func aFieldWithoutAValueIsDamage() throws {
    let replicas = (0..<4).map { ReplicaID(node: NodeNumber($0), incarnation: 1) }
    let forms = try StoredForms(replicas: replicas)
    let key = RecordKey(entity: Thing.tag, id: uuid(1))
    let name = FieldTag(Thing.Field.name.rawValue)
    let stamps = [stamp(1, replicas[1]), stamp(2, replicas[2])]
    var vector = VersionVector(stamps[0])
    vector.insert(stamps[1])
    func read(_ siblings: [Sibling]) throws -> StoreError? {
      let state = RecordState(
        entity: key.entity, id: key.id, vector: vector,
        fields: [FieldState(tag: name, content: .register(Siblings(siblings)))])
      let bytes = try forms.metadata(.held(state))
      return storeError { _ = try forms.body(bytes, key, row: nil) }
    }
    let siblings = stamps.map { Sibling(stamp: $0, value: .text("x")) }
    #expect(try read(siblings) == nil)
    #expect(try read([])?.code == .corrupt)
    #expect(try read(siblings.reversed())?.code == .corrupt)
  }
}
