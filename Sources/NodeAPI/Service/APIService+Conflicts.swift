import JSON
import NodeRuntime
import RecordStore
import StoreModel
import Wire

extension APIService {
  /// Cases, or parked groups, in one answer.
  static let pageCount = 100
  static let maximumPageCount = 1_000

  var conflictRoutes: [Route] {
    [
      Route(
        .get, "/v1/conflicts", for: .read, parameters: ["all", "entity", "limit", "after"], [Self.listOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let limit = try request.number("limit", in: 1...Self.maximumPageCount, default: Self.pageCount)
          let after = try request.number("after", in: 0...Int.max, default: 0)
          var arguments: [(String, CBORValue)] = [("all", .boolean(try request.boolean("all")))]
          if let name = request.query("entity") {
            guard model.entity(named: name) != nil else {
              throw Problem(
                .invalidParameter, "entity: expected one of: \(model.entities.map(\.name).joined(separator: ", "))",
                at: [.init("entity", "expected the name of an entity")])
            }
            arguments.append(("entity", .text(name)))
          }
          ask("conflicts", arguments, respond) { .success($0.page(of: "conflicts", after: after, limit: limit)) }
        }),
      Route(
        .get, "/v1/conflicts/{number}", for: .read, [Self.showOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          ask("conflicts", [("number", .integer(try Self.number(request)))], respond) { answer in
            guard case .array(let cases)? = answer["conflicts"], let found = cases.first else {
              return .failure(Problem(.notFound, "there is no conflict case of that number"))
            }
            return .success(found)
          }
        }),
      Route(
        .post, "/v1/conflicts/{number}/settle", for: .write, [Self.settleOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let body = try request.object()
          var arguments: [(String, CBORValue)] = [("number", .integer(try Self.number(request)))]
          for member in body.members {
            guard ["choice", "value", "note"].contains(member.name) else {
              throw Problem(
                .unknownField, "found the member “\(member.name.prefix(64))”, expected choice, value or note",
                at: [.init(String(member.name.prefix(64)), "expected choice, value or note")])
            }
            guard let text = member.value.text else {
              throw Problem(.invalidValue, "\(member.name): expected text", at: [.init(member.name, "expected text")])
            }
            arguments.append((member.name, .text(text)))
          }
          guard let choice = body["choice"]?.text else {
            throw Problem(
              .missingField, "choice: expected take, value, clear or accept", at: [.init("choice", "is missing")])
          }
          guard Self.choices.contains(choice) else {
            throw Problem(
              .invalidValue, "choice: expected take, value, clear or accept",
              at: [.init("choice", "expected another word")])
          }
          ask("conflict-settle", arguments, respond) { .success($0["conflict"] ?? $0) }
        }),
      Route(
        .get, "/v1/explain/{entity}/{id}", for: .read, parameters: ["field"], explainOperations,
        handler: Self.answering { [self] request, respond throws(Problem) in
          let entity = try entity(request)
          let id = try id(request, of: entity)
          var arguments: [(String, CBORValue)] = [
            ("entity", .text(entity.name)), ("id", .text(entity.identity.text(of: id))),
          ]
          if let field = request.query("field") {
            guard entity.field(named: field) != nil else {
              throw Problem(
                .invalidParameter, "field: expected one of: \(entity.fields.map(\.name).joined(separator: ", "))",
                at: [.init("field", "expected the name of a field")])
            }
            arguments.append(("field", .text(field)))
          }
          ask("explain", arguments, respond)
        }),
    ]
  }

  private static let choices = ["take", "value", "clear", "accept"]

  static func number(_ request: APIRequest) throws(Problem) -> Int64 {
    guard let number = Int64(request.path["number"] ?? ""), number > 0 else {
      throw Problem(.invalidParameter, "expected a number from 1", at: [.init("number", "expected a number from 1")])
    }
    return number
  }

  static let numberParameter = OpenAPIOperation.Parameter(
    "number", .path, "its number at this node", ["type": "integer", "format": "int64", "minimum": 1])

  static func pageParameters(of what: String) -> [OpenAPIOperation.Parameter] {
    [
      .init(
        "limit", .query, "how many \(what) at the most",
        [
          "type": "integer", "minimum": 1, "maximum": .integer(Int64(maximumPageCount)),
          "default": .integer(Int64(pageCount)),
        ]),
      .init(
        "after", .query, "what `next` of the page before said",
        ["type": "integer", "format": "int64", "minimum": 0, "default": 0]),
    ]
  }

  private static var listOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/conflicts", id: "listConflicts", tag: "conflicts", "What was concurrent, and what is shown",
      parameters: [
        .init("all", .query, "closed and accepted ones too", Schema.boolean),
        .init("entity", .query, "only of this entity", Schema.text),
      ] + pageParameters(of: "cases"),
      answers: [.init(200, "The cases", page(of: "ConflictCase"))], problems: [.invalidParameter])
  }

  private static var showOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/conflicts/{number}", id: "getConflict", tag: "conflicts", "One conflict case", parameters: [numberParameter],
      answers: [.init(200, "The case", Schema.ref("ConflictCase"))], problems: [.notFound, .invalidParameter])
  }

  private static var settleOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/conflicts/{number}/settle", id: "settleConflict", tag: "conflicts",
      "Writes one of the values, or accepts what is there", parameters: [numberParameter],
      body: Schema.object(
        [
          "choice": Schema.choice(choices),
          "value": Schema.described(
            Schema.text,
            "with take: a candidate's place from 1, or its stamp; of a deletion “delete” or “keep”. With value: the value"
          ),
          "note": Schema.described(["type": "string", "minLength": 1], "for those who ask later"),
        ], optional: ["value", "note"]),
      answers: [.init(200, "The case as it is now", Schema.ref("ConflictCase"))],
      problems: [.notFound, .notAllowed, .unknownField, .invalidValue, .missingField, .invalidParameter, .storageFull])
  }

  private var explainOperations: [OpenAPIOperation] {
    model.entities.map { entity in
      OpenAPIOperation(
        "/v1/explain/\(entity.name)/{id}", id: "explain\(entity.name.capitalised)", tag: entity.name,
        "Every value of a record, who wrote it when, and why one is shown",
        parameters: [
          .init("id", .path, entity.identity.expectation),
          .init("field", .query, "only this field", Schema.choice(entity.fields.map(\.name))),
        ], answers: [.init(200, "The evidence", Schema.ref("Explanation"))], problems: [.notFound, .invalidParameter])
    }
  }

  static func page(of schema: String) -> JSONValue {
    Schema.object([
      "items": Schema.array(Schema.ref(schema), maximum: maximumPageCount),
      "next": Schema.described(Schema.nullable(Schema.integer), "where the next page begins; null if there is none"),
    ])
  }

  static var conflictSchemas: [(name: String, schema: JSONValue)] {
    let plain: JSONValue = ["type": .array(["string", "integer", "boolean", "null"])]
    let keyed = Schema.object(["key": Schema.text, "value": plain])
    let shown: JSONValue = [
      "anyOf": .array([plain, Schema.array(plain), keyed, Schema.map(plain)]),
      "description": "a plain value, the elements of a set, or values by name",
    ]
    let candidate = Schema.object([
      "value": Schema.ref("ShownValue"), "node": Schema.text, "stamp": Schema.text, "at": Schema.time,
      "isShown": Schema.boolean,
    ])
    let settlement = Schema.object(
      ["choice": Schema.text, "at": Schema.time, "note": Schema.text, "stamp": Schema.text],
      optional: ["note", "stamp"])
    let conflict = Schema.object(
      [
        "number": Schema.count, "kind": Schema.choice(ConflictCase.Subject.Kind.allCases.map(\.rawValue)),
        "status": Schema.choice(["open", "decided", "accepted", "closed"]), "entity": Schema.text,
        "records": Schema.array(Schema.text), "detail": Schema.text, "rule": Schema.text, "reason": Schema.text,
        "candidates": Schema.array(Schema.ref("Candidate")), "openedAt": Schema.time, "changedAt": Schema.time,
        "settlements": Schema.array(settlement),
      ], optional: ["rule", "settlements"], description: "Something that a person can see and settle")
    let field = Schema.object([
      "name": Schema.text, "rule": Schema.text, "shown": Schema.ref("ShownValue"), "reason": Schema.text,
      "candidates": Schema.array(Schema.ref("Candidate")),
    ])
    let explanation = Schema.object(
      [
        "entity": Schema.text, "id": Schema.text, "isDeleted": Schema.boolean,
        "seen": Schema.array(Schema.object(["replica": Schema.text, "through": Schema.text])),
        "deletions": Schema.array(Schema.object(["stamp": Schema.text])), "fields": Schema.array(field),
        "cases": Schema.array(Schema.ref("ConflictCase")),
      ], description: "A record with its evidence")
    return [
      ("ShownValue", shown), ("Candidate", candidate), ("ConflictCase", conflict), ("Explanation", explanation),
    ]
  }
}

extension String {
  /// With a capital first letter, for names in the description.
  var capitalised: String { prefix(1).uppercased() + dropFirst() }
}

extension JSONValue {
  /// Some of a list whose items carry ascending numbers.
  func page(of name: String, after: Int, limit: Int) -> JSONValue {
    guard case .array(let all)? = self[name] else { return self }
    let rest = all.filter { $0["number"]?.integer ?? 0 > after }
    let items = Array(rest.prefix(limit))
    let next: JSONValue = rest.count > limit ? items.last?["number"] ?? .null : .null
    return ["items": .array(items), "next": next]
  }
}
