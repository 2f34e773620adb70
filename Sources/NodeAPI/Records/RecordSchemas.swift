import JSON
import RecordStore
import StoreModel

// What the description says of records: a schema for reading and one for writing, for each entity.

extension EntitySchema {
  var readName: String { name.capitalised }
  var writeName: String { "\(name.capitalised)Fields" }

  /// The record as it is answered. A field without a value is absent.
  var readSchema: JSONValue {
    object(
      required: ["id"], fields.map { ($0.name, $0.readSchema) },
      description: "A \(name). A field without a value is absent")
  }

  /// What a request may say of it.
  var writeSchema: JSONValue {
    object(
      required: [], fields.map { ($0.name, $0.writeSchema) },
      description: "What to write of a \(name). The id, and the fields that it consists of, need not be said again")
  }

  private func object(required: [String], _ properties: [(String, JSONValue)], description: String) -> JSONValue {
    let id = Schema.described(Schema.text, identity.expectation)
    let members = ([("id", id)] + properties).map { JSONObject.Member(name: $0.0, value: $0.1) }
    return .members([
      "type": "object", "description": .string(description), "properties": .object(JSONObject(members)),
      "required": required.isEmpty ? nil : .array(required.map(JSONValue.string)), "additionalProperties": false,
    ])
  }

  var idParameter: OpenAPIOperation.Parameter {
    .init("id", .path, "\(identity.expectation); a “/” within it is written %2F")
  }

  /// The filters, as parameters: those of the fields that an index begins with or goes on with.
  var filterParameters: [OpenAPIOperation.Parameter] {
    let forms = queryForms
    var parameters: [OpenAPIOperation.Parameter] = []
    for subject in [.id] + fields.map({ RecordQuery.Subject.field($0.tag) }) {
      let canEqual = subject == .id || forms.contains { $0.equal.contains(subject) }
      let canBound = forms.contains { $0.sort == subject }
      guard canEqual || canBound else { continue }
      let name = self.name(of: subject)
      if canEqual { parameters.append(.init(name, .query, "only records with this", Schema.text)) }
      guard canBound else { continue }
      for comparison in RecordQuery.Comparison.allCases where comparison != .equal {
        parameters.append(.init("\(name)[\(comparison.rawValue)]", .query, "a bound", Schema.text))
      }
    }
    return parameters
  }

  var sortWords: [String] {
    var words: [String] = []
    for form in queryForms where !words.contains(name(of: form.sort)) { words.append(name(of: form.sort)) }
    return words + words.map { "-\($0)" }
  }
}

extension FieldSchema {
  fileprivate var readSchema: JSONValue {
    switch rule {
    case .set: Schema.array(plain(isRead: true))
    case .counter: Schema.integer
    case .customFields: Schema.map(["type": .array(["string", "integer"])])
    default: plain(isRead: true)
    }
  }

  fileprivate var writeSchema: JSONValue {
    switch rule {
    case .set: Schema.nullable(Schema.array(plain(isRead: false), maximum: ModelLimits.collectionCount))
    case .counter:
      [
        "anyOf": .array([Schema.object(["add": Schema.integer]), Schema.integer]),
        "description": "a difference; or the number that is there, which changes nothing",
      ]
    case .customFields: Schema.nullable(Schema.map(["type": .array(["string", "integer", "null"])]))
    default: isRequired ? plain(isRead: false) : Schema.nullable(plain(isRead: false))
    }
  }

  /// A word that is answered may come from a newer version; one that is written must be on the list.
  private func plain(isRead: Bool) -> JSONValue {
    switch type {
    case .text: Schema.text
    case .choice(let words): isRead ? Schema.text : Schema.choice(words)
    case .integer: Schema.integer
    case .boolean: Schema.boolean
    case .money: Schema.described(Schema.integer, "minor units of the currency of the store or the order")
    case .quantity: Schema.described(Schema.integer, "in the product's unit")
    case .timestamp: Schema.time
    case .day: ["type": "string", "format": "date"]
    case .reference(_, let identity), .identifier(let identity):
      Schema.described(Schema.text, identity.expectation)
    }
  }
}
