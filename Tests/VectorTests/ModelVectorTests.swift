import Causality
import Interchange
import JSON
import StoreModel
import Testing

@Suite("Vectors: the model")
struct ModelVectorTests {
  @Test(arguments: try Vectors.cases("model.json"))
  func entity(_ vector: Case) throws {
    let tag = EntityTag(UInt16(try vector.need("tag").number))
    let schema = try #require(Model.retail.entity(tag))
    #expect(schema.name == (try vector.text("name")))
    let identity = try vector.need("identity").items.map { try $0.text }
    let parts = try vector.need("parts").items.map { try $0.text }
    #expect(words(schema.identity) == identity)
    #expect(names(schema.identityFields, schema) == parts)
    #expect(scope(schema) == vector["scope"])
    #expect(schema.owner.flatMap { schema.field($0)?.name }.map(JSONValue.string) ?? .null == vector["owner"])
    #expect("\(schema.lane)" == (try vector.text("lane")))
    #expect((schema.mutability == .immutable) == (try vector.flag("immutable")))
    #expect("\(schema.deletion)" == (try vector.text("deletion")))
    let unique = try vector.need("unique").items.map { try keys($0, "fields") }
    #expect(schema.unique.map { [$0.name] + names($0.fields, schema) } == unique)
    let balances = try vector.need("balances").items.map { try keys($0, "sum", "by") }
    #expect(schema.balances.map { [$0.name] + names([$0.sum] + $0.keys, schema) } == balances)
    let fields = try vector.need("fields").items.map { try $0.items }
    try #require(fields.count == schema.fields.count)
    for (field, expected) in zip(schema.fields, fields) {
      #expect(Int64(field.tag.rawValue) == (try expected[0].number))
      #expect(field.name == (try expected[1].text))
      #expect(type(field.type) == (try expected[2].text))
      #expect(rule(field.rule) == (try expected[3].text))
      #expect("\(field.writers)" == (try expected[4].text))
      #expect(JSONValue.bool(field.isRequired) == expected[5])
    }
  }

  /// The tables must have every entity, too.
  @Test func allEntities() throws {
    let tags = try Vectors.cases("model.json").map { try $0.need("tag").number }
    #expect(Model.retail.entities.map { Int64($0.tag.rawValue) }.sorted() == tags)
  }

  private func words(_ identity: Identity) -> [String] {
    if case .composed(let components) = identity { return components.map { "\($0)" } }
    return ["\(identity)"]
  }

  private func names(_ tags: [FieldTag], _ schema: EntitySchema) -> [String] {
    tags.compactMap { schema.field($0)?.name }
  }

  private func scope(_ schema: EntitySchema) -> JSONValue {
    switch schema.scope {
    case .everyone: .string("everyone")
    case .hq: .string("hq")
    case .stores(let fields): .array(names(fields, schema).map(JSONValue.string))
    }
  }

  /// A name, and the texts and lists of texts behind it.
  private func keys(_ value: JSONValue, _ members: String...) throws -> [String] {
    let object = Case(try value.object)
    return try members.reduce(into: [try object.text("name")]) { words, member in
      switch try object.need(member) {
      case .array(let items): words += try items.map { try $0.text }
      case let other: words.append(try other.text)
      }
    }
  }

  private func type(_ type: FieldType) -> String {
    switch type {
    case .choice(let words): "choice " + words.joined(separator: " ")
    case .reference(let entity, _): "reference \(entity)"
    case .identifier: "identifier"
    default: "\(type)"
    }
  }

  private func rule(_ rule: ConflictRule) -> String {
    switch rule {
    case .authority(let authority): "authority(\(authority))"
    case .progress(let words): "progress " + words.joined(separator: " ")
    default: "\(rule)"
    }
  }
}
