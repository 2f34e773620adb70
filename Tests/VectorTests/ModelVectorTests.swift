import Causality
import Interchange
import StoreModel
import Testing

@Suite("Vectors: the model")
struct ModelVectorTests {
  @Test(arguments: try Vectors.cases("model.json"))
  func entity(_ vector: Case) throws {
    let tag = EntityTag(UInt16(try vector.need("tag").number))
    let schema = try #require(Model.retail.entity(tag))
    #expect(schema.name == (try vector.text("name")))
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
