import Base
import JSON
import NodeRuntime
import RecordStore
import StoreModel
import Wire

/// What the people who run a chain do now and then: erasing a person's record everywhere, other keys and credentials, letting go
/// of old facts. The same operations as `syncctl`'s verbs; OPERATIONS.md says when and in which order.
extension APIService {
  var upkeepRoutes: [Route] { erasureRoutes + keyRoutes + [purgeRoute] }

  // MARK: Erasing

  private var erasureRoutes: [Route] {
    [
      Route(
        .get, "/v1/erasures", for: .admin, [Self.listErasuresOperation],
        handler: { [self] _, respond in ask("erasures", [], respond) }),
      Route(
        .post, "/v1/erasures", for: .admin, [eraseOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let names = ["entity", "id", "reason", "unknown"]
          let body = try Self.body(of: request, with: names, required: ["entity", "id", "reason"], flags: ["unknown"])
          ask("erase", body, respond) { Self.first($0, of: "erasures") }
        }),
      Route(
        .get, "/v1/erasures/{entity}/{id}", for: .admin,
        [erasureOperation("getErasure", "", "Where an erasure stands")],
        handler: { [self] request, respond in
          ask("erasures", Self.key(of: request), respond) { Self.first($0, of: "erasures") }
        }),
      Route(
        .post, "/v1/erasures/{entity}/{id}/lift", for: .admin,
        [
          erasureOperation(
            "liftErasure", "/lift", "Lets the id be used again",
            body: Schema.object(["force": Self.forceSchema], optional: ["force"]))
        ],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let body = try Self.body(of: request, with: ["force"], flags: ["force"])
          ask("erasure-lift", Self.key(of: request) + body, respond) { Self.first($0, of: "erasures") }
        }),
      Route(
        .post, "/v1/erasures/{entity}/{id}/vouch", for: .admin,
        [
          erasureOperation(
            "vouchForErasure", "/vouch", "A person answers for a store that cannot confirm",
            body: Schema.object(["number": Self.storeNumber, "reason": Self.note]))
        ],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let names = ["number", "reason"]
          let body = try Self.body(of: request, with: names, required: names, numbers: ["number"]).map { name, value in
            (name, value.integerValue.map { .text(String($0)) } ?? value)
          }
          ask("erasure-vouch", Self.key(of: request) + body, respond) { Self.first($0, of: "erasures") }
        }),
    ]
  }

  private static func key(of request: APIRequest) -> [(String, CBORValue)] {
    [("entity", .text(request.path["entity"] ?? "")), ("id", .text(request.path["id"] ?? ""))]
  }

  private var erasable: JSONValue { Schema.choice(model.entities.filter(\.isErasable).map(\.name)) }

  private static var listErasuresOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/erasures", id: "listErasures", tag: "upkeep", "What was erased at people's request, and where it stands",
      answers: [
        .init(200, "All of them", Schema.object(["erasures": Schema.array(Schema.ref("Erasure"))]))
      ], problems: [.notAllowed])
  }

  private var eraseOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/erasures", id: "erase", tag: "upkeep", "Erases a record about a person at HQ, and has all stores do so",
      body: Schema.object(
        [
          "entity": erasable, "id": Schema.text, "reason": Self.note,
          "unknown": Schema.described(Schema.boolean, "HQ need not hold it: a store that is away may"),
        ], optional: ["unknown"]),
      answers: [.init(200, "Where it stands", Schema.ref("Erasure"))],
      problems: [.notAllowed, .notFound, .unknownField, .invalidValue, .missingField, .storageFull])
  }

  private func erasureOperation(
    _ id: String, _ verb: String, _ summary: String, body: JSONValue? = nil
  ) -> OpenAPIOperation {
    OpenAPIOperation(
      "/v1/erasures/{entity}/{id}\(verb)", id: id, tag: "upkeep", summary,
      parameters: [
        .init("entity", .path, "the kind of record", erasable), .init("id", .path, "the record's id"),
      ], body: body, answers: [.init(200, "Where it stands", Schema.ref("Erasure"))],
      problems: [.notAllowed, .notFound]
        + (body == nil ? [] : [.unknownField, .invalidValue, .missingField, .storageFull]))
  }

  // MARK: Keys

  private var keyRoutes: [Route] {
    let changes: [(verb: String, summary: String)] = [
      ("rotate", "Makes HQ's next key, and tells the stores"),
      ("switch", "HQ goes over to its next key; the one of before is still taken"),
      ("drop", "HQ no longer takes the key of before"),
    ]
    let status = Route(
      .get, "/v1/keys", for: .admin,
      [Self.keyOperation("getKeys", "/v1/keys", "HQ's keys, and which stores know them")],
      handler: { [self] _, respond in ask("key-status", [], respond) })
    let stores = Route(
      .post, "/v1/stores/{number}/rotate", for: .admin,
      [
        Self.keyOperation(
          "rotateCredential", "/v1/stores/{number}/rotate", "Has a store make itself another credential",
          parameters: [Self.numberParameter], problems: [.notFound, .invalidParameter, .storageFull])
      ],
      handler: Self.answering { [self] request, respond throws(Problem) in
        ask("store-rotate", [("number", .text(String(try Self.number(request))))], respond)
      })
    return [status, stores] + changes.map(keyRoute)
  }

  private func keyRoute(_ verb: String, _ summary: String) -> Route {
    let operation = Self.keyOperation(
      "\(verb)Key", "/v1/keys/\(verb)", summary, body: Schema.object(["force": Self.forceSchema], optional: ["force"]),
      problems: [.unknownField, .invalidValue, .missingField, .storageFull])
    return Route(
      .post, "/v1/keys/\(verb)", for: .admin, [operation],
      handler: Self.answering { [self] request, respond throws(Problem) in
        ask("key-\(verb)", try Self.body(of: request, with: ["force"], flags: ["force"]), respond)
      })
  }

  private static func keyOperation(
    _ id: String, _ path: String, _ summary: String, parameters: [OpenAPIOperation.Parameter] = [],
    body: JSONValue? = nil, problems: [ProblemCode] = []
  ) -> OpenAPIOperation {
    OpenAPIOperation(
      path, id: id, tag: "upkeep", summary, parameters: parameters, body: body,
      answers: [.init(200, "The keys as they are now", Schema.ref("Keys"))], problems: [.notAllowed] + problems)
  }

  // MARK: Purging

  private var purgeRoute: Route {
    let names = ["before", "olderThanDays", "daysAtHQ", "isDryRun", "next"]
    return Route(
      .post, "/v1/purge", for: .admin, [Self.purgeOperation],
      handler: Self.answering { [self] request, respond throws(Problem) in
        var body = try Self.body(of: request, with: names, flags: ["isDryRun"], numbers: ["olderThanDays", "daysAtHQ"])
        if let index = body.firstIndex(where: { $0.0 == "next" }) {
          guard let text = body[index].1.textValue, let bytes = Hex.decode(text) else {
            throw Problem(.invalidValue, "next: expected what the turn before said", at: [.init("next", "is no place")])
          }
          body[index] = ("from", .bytes(bytes))
        }
        ask("purge", body, respond)
      })
  }

  private static var purgeOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/purge", id: "purge", tag: "upkeep",
      "Lets go of old facts that HQ has, a turn at a time; HQ keeps them, and nothing is deleted",
      body: Schema.object(
        [
          "before": Schema.described(Schema.text, "a day such as 2026-01-31, in the shop's time; or olderThanDays"),
          "olderThanDays": Schema.count,
          "daysAtHQ": Schema.described(Schema.count, "for how long HQ must have had them"),
          "isDryRun": Schema.described(Schema.boolean, "only counts"),
          "next": Schema.described(Schema.text, "what the turn before said"),
        ], optional: ["before", "olderThanDays", "daysAtHQ", "isDryRun", "next"]),
      answers: [.init(200, "What went, and why the rest stays", Schema.ref("PurgeTurn"))],
      problems: [.notAllowed, .unknownField, .invalidValue, .missingField, .storageFull])
  }

  // MARK: Bodies and answers

  private static let forceSchema = Schema.described(Schema.boolean, "although not all stores know of it yet")
  private static let note = Schema.described(
    ["type": "string", "minLength": 1, "maxLength": .integer(Int64(StoreLimits.noteBytes))], "for those who ask later")
  private static let storeNumber: JSONValue = ["type": "integer", "format": "int64", "minimum": 1]

  /// A flat body's members as the control service takes them: texts, but for what is named a flag or a number.
  private static func body(
    of request: APIRequest, with names: [String], required: [String] = [], flags: Set<String> = [],
    numbers: Set<String> = []
  ) throws(Problem) -> [(String, CBORValue)] {
    let body = try request.object()
    var arguments: [(String, CBORValue)] = []
    for member in body.members {
      guard names.contains(member.name) else {
        let expected = "expected \(names.joined(separator: ", "))"
        throw Problem(
          .unknownField, "found the member “\(member.name.prefix(64))”, \(expected)",
          at: [.init(String(member.name.prefix(64)), expected)])
      }
      arguments.append((member.name, try value(of: member, isFlag: flags.contains(member.name), numbers)))
    }
    for name in required where body[name] == nil {
      throw Problem(.missingField, "\(name): is missing", at: [.init(name, "is missing")])
    }
    return arguments
  }

  private static func value(
    of member: JSONObject.Member, isFlag: Bool, _ numbers: Set<String>
  ) throws(Problem) -> CBORValue {
    let isNumber = numbers.contains(member.name)
    switch member.value {
    case .bool(let flag) where isFlag: return .boolean(flag)
    case .integer(let number) where isNumber && number >= 0: return .integer(number)
    case .string(let text) where !isFlag && !isNumber && !text.isEmpty: return .text(text)
    default:
      let expected = "expected \(isFlag ? "true or false" : isNumber ? "a whole number from 0" : "a text")"
      throw Problem(.invalidValue, "\(member.name): \(expected)", at: [.init(member.name, expected)])
    }
  }

  private static func first(_ answer: JSONValue, of name: String) -> Result<JSONValue, Problem> {
    guard case .array(let items)? = answer[name], let item = items.first else {
      return .failure(Problem(.notFound, "this record was not erased"))
    }
    return .success(item)
  }

  static var upkeepSchemas: [(name: String, schema: JSONValue)] {
    let place = Schema.object(
      [
        "node": Schema.text, "name": Schema.text,
        "state": Schema.choice([
          "confirmed", "vouched", "pending", "away", "revoked", "retired", "not-joined", "earlier-database",
        ]), "at": Schema.time, "voucher": Schema.text, "oldDatabases": Schema.text, "lastContact": Schema.time,
        "problem": Schema.text,
      ], optional: ["name", "at", "voucher", "oldDatabases", "lastContact", "problem"])
    let atHQ = Schema.object(
      [
        "isClean": Schema.boolean, "cleanedAt": Schema.time, "unreadableGroups": Schema.array(Schema.count),
        "oldDatabases": Schema.text,
      ], optional: ["cleanedAt", "unreadableGroups", "oldDatabases"])
    let erasure = Schema.object(
      [
        "entity": Schema.text, "id": Schema.text, "digest": Schema.text, "reason": Schema.text,
        "requestedAt": Schema.time, "lastAt": Schema.time, "isComplete": Schema.boolean, "asOf": Schema.time,
        "liftedAt": Schema.time, "foundAt": Schema.text, "hq": atHQ, "stores": Schema.array(place),
      ], optional: ["liftedAt", "foundAt"], description: "A record that is erased everywhere, and who has confirmed it")
    let store = Schema.object(
      [
        "node": Schema.text, "name": Schema.text, "hasJoined": Schema.boolean, "knowsKeys": Schema.boolean,
        "hasOpenJoinCode": Schema.boolean, "rotationAskedAt": Schema.time, "rotatedAt": Schema.time,
        "lastContact": Schema.time,
      ], optional: ["name", "rotationAskedAt", "rotatedAt", "lastContact"])
    let keys = Schema.object(
      [
        "version": Schema.count, "current": Schema.text, "next": Schema.text, "old": Schema.text,
        "stores": Schema.array(store),
      ], optional: ["next", "old"], description: "The digests of HQ's public keys, and what each store knows")
    let turn = Schema.object(
      [
        "before": Schema.time, "isDryRun": Schema.boolean,
        "dropped": Schema.array(Schema.object(["entity": Schema.text, "records": Schema.count])),
        "kept": Schema.array(Schema.object(["reason": Schema.text, "records": Schema.count])),
        "next": Schema.described(Schema.text, "where the next turn begins; absent after the last"),
      ], optional: ["next"], description: "One turn of a purge")
    return [("Erasure", erasure), ("Keys", keys), ("PurgeTurn", turn)]
  }
}
