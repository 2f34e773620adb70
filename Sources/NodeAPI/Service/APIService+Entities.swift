import JSON
import NodeRuntime
import RecordStore
import StoreModel

extension APIService {
  var entityRoutes: [Route] {
    [
      Route(
        .get, "/v1/entities", for: .monitor,
        [
          OpenAPIOperation(
            "/v1/entities", id: "listEntities", tag: "model", "What records there are, and how their fields merge",
            answers: [
              .init(
                200, "The entities",
                Schema.object(["items": Schema.array(Schema.ref("EntityDescription"))]))
            ])
        ]
      ) { [self] _, respond in
        respond(.json(["items": .array(model.entities.map(\.description))]))
      }
    ]
  }

  static var entitySchemas: [(name: String, schema: JSONValue)] {
    let names = Schema.array(Schema.text)
    let field = Schema.object(
      [
        "name": Schema.text, "type": Schema.text, "rule": Schema.text,
        "writers": Schema.choice(["hq", "owner", "anyone"]), "isRequired": Schema.boolean, "choices": names,
        "refersTo": Schema.text,
      ], optional: ["choices", "refersTo"])
    let entity = Schema.object(
      [
        "name": Schema.text, "identity": Schema.described(Schema.text, "what an id is, in words"),
        "identityFields": names, "isImmutable": Schema.boolean,
        "deletion": Schema.choice(["editWins", "deleteWins"]), "lane": Schema.choice(["urgent", "normal", "bulk"]),
        "scope": Schema.choice(["everyone", "stores", "hq"]), "scopeFields": names, "owner": Schema.text,
        "uniqueKeys": Schema.array(names), "balances": names, "fields": Schema.array(field),
      ], optional: ["owner"], description: "A kind of record")
    return [("EntityDescription", entity)]
  }
}

extension EntitySchema {
  fileprivate var description: JSONValue {
    func names(_ tags: [FieldTag]) -> JSONValue { .array(tags.compactMap { field($0)?.name }.map(JSONValue.string)) }
    let (scopeName, scopeFields): (String, [FieldTag]) =
      switch scope {
      case .everyone: ("everyone", [])
      case .hq: ("hq", [])
      case .stores(let fields): ("stores", fields)
      }
    return .members([
      "name": .string(name), "identity": .string(identity.expectation), "identityFields": names(identityFields),
      "isImmutable": .bool(mutability == .immutable), "deletion": .string("\(deletion)"), "lane": .string("\(lane)"),
      "scope": .string(scopeName), "scopeFields": names(scopeFields),
      "owner": owner.flatMap { field($0) }.map { .string($0.name) },
      "uniqueKeys": .array(unique.map { names($0.fields) }),
      "balances": .array(balances.map { .string($0.name) }), "fields": .array(fields.map(\.description)),
    ])
  }
}

extension FieldSchema {
  fileprivate var description: JSONValue {
    var choices: [String]?
    let word: String
    switch type {
    case .choice(let words): (word, choices) = ("choice", words)
    case .reference: word = "reference"
    case .identifier: word = "identifier"
    case .text, .integer, .boolean, .money, .quantity, .timestamp, .day: word = "\(type)"
    }
    return .members([
      "name": .string(name), "type": .string(word), "rule": .string(rule.name), "writers": .string("\(writers)"),
      "isRequired": .bool(isRequired), "choices": choices.map { .array($0.map(JSONValue.string)) },
      "refersTo": type.identity.map { .string($0.expectation) },
    ])
  }
}
