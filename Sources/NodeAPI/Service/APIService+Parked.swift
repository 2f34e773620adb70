import JSON
import NodeRuntime
import Wire

extension APIService {
  var parkedRoutes: [Route] {
    [
      Route(
        .get, "/v1/parked", for: .read, parameters: ["limit", "after"],
        [
          OpenAPIOperation(
            "/v1/parked", id: "listParked", tag: "parked",
            "Changes that could not be applied here, each with the reason",
            parameters: Self.pageParameters(of: "groups"),
            answers: [.init(200, "The groups", Self.page(of: "ParkedGroup"))], problems: [.invalidParameter])
        ],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let limit = try request.number("limit", in: 1...Self.maximumPageCount, default: Self.pageCount)
          let after = try request.number("after", in: 0...Int.max, default: 0)
          ask("parked", [], respond) { .success($0.page(of: "parked", after: after, limit: limit)) }
        }),
      Route(
        .get, "/v1/not-applied", for: .read, parameters: ["limit", "after"],
        [
          OpenAPIOperation(
            "/v1/not-applied", id: "listNotApplied", tag: "parked",
            "Changes that another node has not applied, or this one refused",
            parameters: Self.pageParameters(of: "groups"),
            answers: [.init(200, "The groups", Self.page(of: "NotApplied"))], problems: [.invalidParameter])
        ],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let limit = try request.number("limit", in: 1...Self.maximumPageCount, default: Self.pageCount)
          let after = try request.number("after", in: 0...Int.max, default: 0)
          ask("parked", [], respond) { .success($0.page(of: "notApplied", after: after, limit: limit)) }
        }),
      Route(
        .post, "/v1/parked/{number}/retry", for: .admin, [Self.retryOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          ask("parked-retry", [("number", .integer(try Self.number(request)))], respond) { answer in
            .success(["applied": answer["applied"] ?? 0, "stillParked": answer["stillParked"] ?? 0])
          }
        }),
      Route(
        .post, "/v1/parked/{number}/drop", for: .admin, [Self.dropOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let body = try request.object()
          if let other = body.members.first(where: { $0.name != "reason" }) {
            throw Problem(
              .unknownField, "found the member “\(other.name.prefix(64))”, expected reason",
              at: [.init(String(other.name.prefix(64)), "expected reason")])
          }
          guard let reason = body["reason"]?.text, ControlService.isNote(reason) else {
            throw Problem(
              .missingField, "reason: expected a text for those who ask later",
              at: [.init("reason", "expected a text for those who ask later")])
          }
          let arguments: [(String, CBORValue)] = [
            ("number", .integer(try Self.number(request))), ("reason", .text(reason)),
          ]
          ask("parked-drop", arguments, respond) { .success($0["dropped"] ?? $0) }
        }),
    ]
  }

  private static var retryOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/parked/{number}/retry", id: "retryParked", tag: "parked", "Applies a group again, with what waits behind it",
      parameters: [numberParameter],
      answers: [
        .init(200, "What became of it", Schema.object(["applied": Schema.count, "stillParked": Schema.count]))
      ], problems: [.notFound, .invalidParameter, .storageFull])
  }

  private static var dropOperation: OpenAPIOperation {
    OpenAPIOperation(
      "/v1/parked/{number}/drop", id: "dropParked", tag: "parked", "Gives a group up for good",
      parameters: [numberParameter],
      body: Schema.object(["reason": Schema.described(["type": "string", "minLength": 1], "for those who ask later")]),
      answers: [.init(200, "The group that was dropped", Schema.ref("ParkedGroup"))],
      problems: [.notFound, .missingField, .unknownField, .invalidParameter, .storageFull])
  }

  static var parkedSchemas: [(name: String, schema: JSONValue)] {
    let touches = Schema.array(Schema.object(["entity": Schema.text, "id": Schema.text]))
    let group = Schema.object(
      [
        "number": Schema.count, "from": Schema.text, "lane": Schema.choice(["urgent", "normal", "bulk"]),
        "receivedAt": Schema.time, "code": Schema.text, "reason": Schema.text, "records": Schema.count,
        "touches": touches, "bytes": Schema.count, "payload": Schema.described(Schema.text, "as it came, hexadecimal"),
      ], optional: ["bytes", "payload"], description: "A received group that could not be applied")
    let notApplied = Schema.object(
      [
        "number": Schema.count, "peer": Schema.text, "by": Schema.text, "outcome": Schema.text, "notedAt": Schema.time,
        "code": Schema.text, "reason": Schema.text, "stamp": Schema.text, "touches": touches,
      ], optional: ["stamp"], description: "A group that one end has not applied")
    return [("ParkedGroup", group), ("NotApplied", notApplied)]
  }
}
