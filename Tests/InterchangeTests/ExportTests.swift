import Base
import Interchange
import Retail
import StoreModel
import Testing
import TextEncoding

/// What is exported is imported again without change.
@Suite struct ExportTests {
  static let form = ValueForm(
    stores: [
      1: Place(currency: "EUR", calendar: nil), 2: Place(currency: "JPY", calendar: nil),
      3: Place(currency: "KWD", calendar: nil),
    ])

  typealias Contents = [FieldTag: FieldContent]

  /// A record with anything in it that its entity allows and CSV can say.
  static func random(_ schema: EntitySchema, _ generator: inout SeededGenerator) -> (RecordID, Contents) {
    var contents: Contents = [:]
    for field in schema.fields {
      let isNeeded = field.isRequired || schema.identityFields.contains(field.tag)
      guard isNeeded || Bool.random(using: &generator) else { continue }
      switch field.rule {
      case .counter: contents[field.tag] = .counter(5)
      case .set:
        var seen: Set<Value> = []
        let values = (0..<Int.random(in: 1...4, using: &generator)).map { _ in value(of: field, &generator) }
        contents[field.tag] = .set(values.filter { seen.insert($0).inserted })
      case .customFields:
        contents[field.tag] = .customFields([
          CustomField(key: "shoe", value: .integer(Int64.random(in: -5...50, using: &generator))),
          CustomField(key: "a,\"b\" 鞋", value: .text(text(&generator))),
        ])
      // A text that is part of the id is a key.
      case _ where schema.identityFields.contains(field.tag) && field.type == .text:
        contents[field.tag] = .value(Identity.key.value(of: id(.key, &generator)))
      default: contents[field.tag] = .value(value(of: field, &generator))
      }
    }
    if case .composed = schema.identity {
      let parts = schema.identityFields.compactMap { tag -> RecordID? in
        guard let field = schema.field(tag), case .value(let value)? = contents[tag] else { return nil }
        if let identity = field.type.identity { return identity.id(from: value) }
        return (field.type == .text ? Identity.key : .number).id(from: value)
      }
      return (schema.identity.joining(parts), contents)
    }
    return (id(schema.identity, &generator), contents)
  }

  static func value(of field: FieldSchema, _ generator: inout SeededGenerator) -> Value {
    switch field.type {
    case .text where field.name == "currency":
      .text(["EUR", "JPY", "KWD"].randomElement(using: &generator) ?? "EUR")
    case .text: .text(text(&generator))
    case .choice(let words): .text(words.randomElement(using: &generator) ?? "")
    case .integer, .quantity: .integer(Int64.random(in: 0...4_000_000_000, using: &generator))
    case .money: .integer(Int64(bitPattern: generator.next()) >> 20)
    case .boolean: .integer(Int64.random(in: 0...1, using: &generator))
    case .timestamp: .integer(Int64.random(in: 0...4_000_000_000_000, using: &generator))
    case .day: .integer(CivilDay(daysSince1970: Int.random(in: -9_000...30_000, using: &generator)).number)
    // A few stores, whose currencies are known.
    case .reference(_, .number): .integer(Int64.random(in: 1...3, using: &generator))
    case .reference(_, let identity), .identifier(let identity): identity.value(of: id(identity, &generator))
    }
  }

  static func id(_ identity: Identity, _ generator: inout SeededGenerator) -> RecordID {
    switch identity {
    case .uuid: RecordID(milliseconds: Int64.random(in: 0...1 << 40, using: &generator), random: (generator.next(), 7))
    case .number: RecordID(number: UInt32.random(in: 1...3, using: &generator))
    case .key:
      RecordID(
        key: ["007", "0", "a/b", "50%", "a,\"b\"", "=1+1", "-1", "张 涛", " x "].randomElement(using: &generator) ?? "1")
    case .composed(let parts): identity.joining(parts.map { id($0.identity, &generator) })
    }
  }

  /// Never empty, which CSV cannot say.
  static func text(_ generator: inout SeededGenerator) -> String {
    let alphabet = [
      "a", "\"", ",", "\n", "\r\n", "\r", " ", "0", "=", "+", ";", "\\", "陈", "é", "😀", "\t", "'", "\u{FEFF}",
    ]
    return (0...Int.random(in: 0...6, using: &generator)).map { _ in
      alphabet.randomElement(using: &generator) ?? ""
    }.joined()
  }

  static func expected(_ schema: EntitySchema, _ id: RecordID, _ contents: Contents) -> RecordWrite {
    var writes: [FieldWrite] = []
    for (tag, content) in contents.sorted(by: { $0.key < $1.key }) {
      switch content {
      case .value(let value): writes.append(FieldWrite(tag, .set(value)))
      case .set(let values): writes.append(FieldWrite(tag, .replaceElements(values)))
      case .counter: break
      case .customFields(let fields):
        writes += fields.map { FieldWrite(tag, .put(key: $0.key, $0.value)) }
      }
    }
    return RecordWrite(entity: schema.tag, id: id, .write(writes))
  }

  /// Custom fields in no order of their own.
  static func sorted(_ write: RecordWrite) -> [String] {
    guard case .write(let fields) = write.action else { return [] }
    return ["\(write.entity) \(write.id)"] + fields.map { "\($0)" }.sorted()
  }

  @Test(arguments: RecordExporter.Format.allCases, MoneyForm.allCases)
  func everyEntityComesBackAsItWas(_ format: RecordExporter.Format, _ money: MoneyForm) throws {
    let seed: UInt64 = 0x5EED_E4B0
    var generator = SeededGenerator(seed: seed)
    var form = Self.form
    form.money = money
    for schema in Model.retail.entities {
      for encoding in [nil, "gb18030", "utf-16"] {
        let records = (0..<20).map { _ in Self.random(schema, &generator) }
        var custom = RecordExporter.CustomColumns()
        for (_, contents) in records { custom.note(contents) }
        let exporter = RecordExporter(schema, format, form: form, custom: custom)
        var text = exporter.header
        for (id, contents) in records { text += try exporter.text(of: id, contents) }

        let sink = MemorySink()
        let mapper = try RecordMapper(schema, form: form)
        let importer = Importer(format == .csv ? .recordsInCSV(mapper) : .recordsInJSONLines(mapper))
        let bytes = try encoding.map { try TextConverterTests.encoded(text, as: $0) } ?? Array(text.utf8)
        let report = try importer.run(
          reading: byteChunks(bytes, of: Int.random(in: 1...500, using: &generator)),
          converting: try encoding.map { try TextConverter(from: $0) }, into: sink)
        #expect(report.refusals.first == nil, "SEED \(seed) \(schema.name)")
        let expected = records.map { Self.sorted(Self.expected(schema, $0.0, $0.1)) }
        let found = sink.items.map { item in
          if case .record(let write) = item { Self.sorted(write) } else { [String]() }
        }
        let isSame = Set(found) == Set(expected)
        #expect(isSame, "SEED \(seed) \(schema.name) \(format) \(encoding ?? "utf-8")")
      }
    }
  }

  static func product(_ name: String) throws -> (EntitySchema, Contents) {
    (try entity("product"), [FieldTag(1): .value(.text(name))])
  }

  @Test func formulasAreGuardedIfAskedFor() throws {
    let (schema, contents) = try Self.product("=HYPERLINK(\"x\")")
    let plain = RecordExporter(schema, .csv, form: ValueForm())
    #expect(try plain.text(of: RecordID(key: "-7"), contents).hasPrefix("-7,\"=HYPERLINK(\"\"x\"\")\","))
    let guarded = RecordExporter(schema, .csv, form: ValueForm(), guardsFormulas: true)
    #expect(try guarded.text(of: RecordID(key: "-7"), contents).hasPrefix("'-7,\"'=HYPERLINK(\"\"x\"\")\","))
    let entry = try entity("pointsEntry")
    let points = try RecordExporter(entry, .csv, form: ValueForm(), guardsFormulas: true).text(
      of: RecordID(key: "x"), [FieldTag(6): .value(.integer(-3))])
    #expect(points.contains(",-3,"), "a number is no formula: \(points)")
  }

  @Test func emptyTextsAreOnlyInJSONLines() throws {
    let (schema, contents) = try Self.product("")
    #expect(
      try RecordExporter(schema, .jsonl, form: ValueForm()).text(of: RecordID(key: "1"), contents)
        == "{\"id\":\"1\",\"name\":\"\"}\n")
    #expect(
      try RecordExporter(schema, .csv, form: ValueForm()).text(of: RecordID(key: "1"), contents) == "1,,,,,,,\r\n")
  }

  @Test func countersAreLeftOutUnlessAskedFor() throws {
    let schema = try entity("member")
    let contents: Contents = [FieldTag(10): .counter(12)]
    #expect(!RecordExporter(schema, .csv, form: ValueForm()).header.contains("visits"))
    let all = RecordExporter(schema, .csv, form: ValueForm(), withCounters: true)
    #expect(all.header.hasSuffix(",visits\r\n"))
    #expect(try all.text(of: RecordID(key: "1"), contents).hasSuffix(",12\r\n"))
  }

  @Test func aCustomFieldThatCameLater() throws {
    let schema = try entity("member")
    let contents: Contents = [FieldTag(6): .customFields([CustomField(key: "shoe", value: .integer(42))])]
    #expect(throws: MappingError.self) {
      try RecordExporter(schema, .csv, form: ValueForm()).text(of: RecordID(key: "1"), contents)
    }
  }

  @Test func timesWithTheOffsetOfAZone() throws {
    let schema = try entity("pointsEntry")
    let form = ValueForm(calendar: try BusinessCalendar(timeZone: "Europe/Berlin"))
    let text = try RecordExporter(schema, .jsonl, form: form).text(
      of: RecordID([]), [FieldTag(8): .value(.integer(1_496_509_500_000))])
    #expect(text.contains("\"earnedAt\":\"2017-06-03T19:05:00+02:00\""))
  }

  @Test func amountsNeedACurrency() throws {
    var form = Self.form
    form.money = .decimal
    let exporter = RecordExporter(try entity("listing"), .csv, form: form)
    func text(store: Int64) throws -> String {
      try exporter.text(
        of: RecordID([]), [FieldTag(1): .value(.integer(store)), FieldTag(3): .value(.integer(290))])
    }
    #expect(try text(store: 1).contains(",2.90,") && text(store: 2).contains(",290,"))
    #expect(throws: MappingError.self) { try text(store: 9) }
  }
}
