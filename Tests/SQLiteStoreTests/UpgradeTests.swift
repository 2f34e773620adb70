import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

@Suite struct UpgradeTests {
  private func open(
    _ directory: Directory, _ model: Model, _ mode: SQLiteBackend.Mode = .readWrite
  ) throws(StoreError) -> SQLiteBackend {
    try SQLiteBackend.open(path: directory.database, model: model, mode: mode)
  }

  @Test func whatWasUnknownIsShownAfterwards() throws {
    let directory = try Directory()
    var priced = thing(1, [.name: .text("Tee"), .price: .integer(349)])
    priced.write([FieldWrite(FieldTag(10), .addElements([.text("new")]))], stamp: stamp(4, hq))
    let plain = thing(2, [.name: .text("Milch")])
    let entries = [entry("a", "p", 1, 5), entry("b", "p", 1, -2), entry("c", "q", 1, 4)]
    var deleted = entry("d", "p", 1, 100)
    deleted.delete(stamp: stamp(5))
    var refs: [RecordKey: RecordRef] = [:]
    do {
      let backend = try SQLiteBackend.create(directory, TestModel.old)
      for state in [priced, plain, deleted] + entries { refs[state.key] = try backend.commit(state, sequence: 3) }
      #expect(try backend.find(priced.key)?.state == priced)
      #expect(try backend.heldEntities() == [Thing.tag, Entry.tag])
      #expect(try backend.records(of: Entry.tag, after: nil, limit: 9).count == 4)
    }
    let backend = try open(directory, TestModel.full)
    for state in [priced, plain, deleted] + entries {
      let ref = try #require(refs[state.key])
      let expected = StoredRecord(ref: ref, key: state.key, sequence: 3, body: .held(state))
      #expect(try backend.find(state.key) == expected)
      #expect(try backend.read(ref) == expected)
    }
    #expect(try directory.sql("SELECT name, price, tags FROM things ORDER BY id") == ["Tee|349|[\"new\"]", "Milch||"])
    #expect(try directory.sql("SELECT id, amount FROM entries ORDER BY id") == ["a|5", "b|-2", "c|4"])
    #expect(
      try backend.balances("stock_on_hand") == [
        Balance(keys: [.text("p"), .integer(1)], sum: 3), Balance(keys: [.text("q"), .integer(1)], sum: 4),
      ])
    #expect(try backend.commit(entry("e", "p", 1, 1)).row == 5)
  }

  @Test func randomStatesSurviveAnUpgrade() throws {
    let seed = seedOfThisRun()
    var states = RandomStates(seed: seed)
    let directory = try Directory()
    var expected: [StoredRecord] = []
    do {
      let backend = try SQLiteBackend.create(directory, TestModel.old)
      try backend.transaction { () throws(StoreError) in
        for number in 0..<400 {
          let schema = StateTests.schemas[number % StateTests.schemas.count]
          let state = states.state(schema?.tag ?? EntityTag(99), StateTests.id(schema, UInt64(number)), schema)
          let ref = try backend.insert(state)
          expected.append(StoredRecord(ref: ref, key: state.key, sequence: 1, body: .held(state)))
        }
      }
      for record in expected { #expect(try backend.find(record.key) == record) }
    }
    do {
      let backend = try open(directory, TestModel.full)
      for record in expected { #expect(try backend.find(record.key) == record) }
    }
    // The same rows as if the records had come after the upgrade.
    let fresh = try Directory()
    let backend = try SQLiteBackend.create(fresh)
    try backend.transaction { () throws(StoreError) in
      for record in expected { _ = try backend.insert(record.key, record.body, sequence: 1) }
    }
    for schema in TestModel.full.entities {
      let columns = (["\"row\"", "hex(id)"] + schema.fields.map { "quote(\($0.column))" }).joined(separator: ", ")
      let question = "SELECT \(columns) FROM \(schema.table) ORDER BY \"row\""
      #expect(try directory.sql(question) == fresh.sql(question))
    }
  }

  @Test("FC-36 values at odds in a field that was unknown are a case once it is known")
  func casesOfNewFields() throws {
    let directory = try Directory()
    var one = thing(1, [.name: .text("Tee")])
    var other = one
    one.write([FieldWrite(FieldTag(Thing.Field.price.rawValue), .set(.integer(349)))], stamp: stamp(4, hq))
    other.write([FieldWrite(FieldTag(Thing.Field.price.rawValue), .set(.integer(299)))], stamp: stamp(5))
    one.join(other)
    do {
      let backend = try SQLiteBackend.create(directory, TestModel.old)
      _ = try backend.commit(one, sequence: 3)
    }
    let engine = try StoreEngine(try open(directory, TestModel.full))
    #expect(try engine.conflictCases(includingClosed: true).isEmpty)
    var last: RecordKey?
    var turns = 0
    repeat {
      last = try engine.reviewConflictCases(after: last, at: WallTime(milliseconds: 9))
      turns += 1
    } while last != nil
    #expect(try engine.conflictCases(includingClosed: true).map(\.subject.detail) == ["price"])
    #expect(turns == 2, "it ends")
  }

  @Test func olderProgramIsRefused() throws {
    let directory = try Directory()
    do { _ = try SQLiteBackend.create(directory) }
    var thing = TestModel.thing
    thing.fields.removeAll { $0.name == "note" }
    for mode in [SQLiteBackend.Mode.readWrite, .readOnly] {
      let field = try #require(
        storeError {
          _ = try open(directory, Model([thing, TestModel.entry, TestModel.shop, TestModel.listing]), mode)
        })
      #expect(field.code == .newerFormat)
      #expect(field.message.contains("thing.note"))
      #expect(field.message.contains("install the newer version"))
      let entity = try #require(storeError { _ = try open(directory, Model([TestModel.thing]), mode) })
      #expect(entity.code == .newerFormat)
      #expect(entity.message.contains("“entry”"))
    }
  }

  @Test func readerDoesNotUpgrade() throws {
    let directory = try Directory()
    do { _ = try SQLiteBackend.create(directory, TestModel.old) }
    let error = try #require(storeError { _ = try open(directory, TestModel.full, .readOnly) })
    #expect(error.code == .notWritable)
    #expect(error.message.contains("start the node"))
  }

  @Test func columnsAndTablesAreRenamed() throws {
    let directory = try Directory()
    let state = thing(1, [.name: .text("Tee")])
    do { try SQLiteBackend.create(directory, Model([TestModel.thing])).commit(state) }
    var thing = TestModel.thing
    thing.table = "articles"
    thing.fields[0].column = "label"
    let backend = try open(directory, Model([thing]))
    #expect(try backend.find(state.key)?.state == state)
    #expect(try directory.sql("SELECT label FROM articles") == ["Tee"])
  }

  @Test func changedTypeIsRefused() throws {
    let directory = try Directory()
    do { _ = try SQLiteBackend.create(directory, Model([TestModel.thing])) }
    var thing = TestModel.thing
    thing.fields[0].type = .integer
    let error = try #require(storeError { _ = try open(directory, Model([thing])) })
    #expect(error.code == .internalError)
    #expect(error.message.contains("thing.name"))
  }

  @Test func balanceIsMadeAnewWhenItsDefinitionChanges() throws {
    let directory = try Directory()
    do {
      let backend = try SQLiteBackend.create(directory)
      for (index, product) in ["p", "p", "q"].enumerated() {
        try backend.commit(entry("\(index)", product, Int64(index), 10))
      }
    }
    var entry = TestModel.entry
    entry.balances = [BalanceDeclaration("stock_on_hand", of: FieldTag(3), by: [FieldTag(1)])]
    let others = [TestModel.thing, TestModel.shop, TestModel.listing]
    do {
      let backend = try open(directory, Model(others + [entry]))
      #expect(
        try backend.balances("stock_on_hand") == [
          Balance(keys: [.text("p")], sum: 20), Balance(keys: [.text("q")], sum: 10),
        ])
    }
    entry.balances = []
    do { _ = try open(directory, Model(others + [entry])) }
    #expect(try directory.sql("SELECT name FROM sqlite_schema WHERE name = 'stock_on_hand'") == [])
    #expect(try open(directory, TestModel.full).balances("stock_on_hand").count == 3)
  }
}
