import Base
import Dispatch
import JSON
import NodeRuntime
import RecordStore
import StoreModel

extension APIService {
  var changeRoutes: [Route] {
    [
      Route(
        .get, "/v1/changes", for: .read, parameters: ["after", "limit", "entity", "consumer", "wait"],
        [changesOperation],
        handler: Self.answering { [self] request, respond throws(Problem) in
          let query = try feedQuery(request)
          if request.wantsEvents {
            stream(query, respond)
          } else {
            let wait = try request.number("wait", in: 0...APILimits.changeWaitSeconds, default: 0)
            poll(query, waitSeconds: wait, respond)
          }
        })
    ]
  }

  private func feedQuery(_ request: APIRequest) throws(Problem) -> FeedQuery {
    let limit = try request.number("limit", in: 1...Self.maximumPageCount, default: Self.pageCount)
    var query = FeedQuery(start: try feedStart(request), limit: limit)
    if let name = request.query("consumer") {
      guard FeedName.isValid(name) else {
        throw Problem(
          .invalidParameter, "consumer: expected \(FeedName.expectation)",
          at: [.init("consumer", "expected \(FeedName.expectation)")])
      }
      query.consumer = name
    }
    let names = request.http.query.filter { $0.name == "entity" }.flatMap { $0.value.split(separator: ",") }
    guard !names.isEmpty else { return query }
    let wanted = names.compactMap { name in model.entities.first { $0.name == name } }
    guard wanted.count == names.count else {
      let known = model.entities.map(\.name)
      throw Problem(
        .invalidParameter, "entity: expected some of: \(known.joined(separator: ", "))",
        at: [.init("entity", "expected names of entities, with commas between them")],
        extra: [.init(name: "allowed", value: .array(known.map(JSONValue.string)))])
    }
    query.entities = Set(wanted.map(\.tag))
    return query
  }

  /// A stream that broke says itself how far it was.
  private func feedStart(_ request: APIRequest) throws(Problem) -> FeedStart {
    let last = request.wantsEvents ? request.http.header("last-event-id").flatMap { $0.isEmpty ? nil : $0 } : nil
    guard let text = last ?? request.query("after") else {
      return request.query("consumer") == nil ? .beginning : .remembered
    }
    guard !text.isEmpty else { return .beginning }
    guard let cursor = FeedCursor(text) else {
      throw Problem(
        .invalidParameter, "after: expected a cursor as an answer had it, or nothing for the beginning",
        at: [.init("after", "expected a cursor")])
    }
    return .after(cursor)
  }

  private func poll(_ query: FeedQuery, waitSeconds: Int, _ respond: @escaping Route.Respond) {
    let form = changeForm
    ChangePoll.ask(gate, query, waitSeconds: waitSeconds, followers) { result in
      switch result {
      case .failure(let error): respond(.problem(Problem(error)))
      case .success(.failure(let refusal)): respond(.problem(Problem(refusal)))
      case .success(.success(let page)):
        do throws(StoreError) {
          let bytes = try form.bytes(of: page)
          respond(
            HTTPResponse(status: 200, headers: [.init("Content-Type", HTTPResponse.json)], body: .bytes(bytes)))
        } catch {
          respond(.problem(Problem(error)))
        }
      }
    }
  }

  private func stream(_ query: FeedQuery, _ respond: @escaping Route.Respond) {
    guard followers.beginStream() else {
      return respond(
        .problem(
          Problem(
            .unavailable, "there are \(APILimits.changeStreams) streams already, or the node stops; ask without one",
            retryAfter: 30)))
    }
    gate.readFeed(query) { [self] result in
      switch result {
      case .failure(let error):
        followers.endStream()
        respond(.problem(Problem(error)))
      case .success(.failure(let refusal)):
        followers.endStream()
        respond(.problem(Problem(refusal)))
      case .success(.success(let page)):
        let stream = ChangeStream(gate, query, changeForm, followers, beginningWith: page)
        respond(
          HTTPResponse(
            status: 200, headers: [.init("Content-Type", APIRequest.eventStream)], body: .stream(stream.begin())))
      }
    }
  }

  // MARK: Description

  private var changesOperation: OpenAPIOperation {
    let cursor = Schema.described(Schema.text, "where to go on")
    let page = Schema.object([
      "items": Schema.array(Schema.ref("Change")), "next": cursor,
      "more": Schema.described(
        Schema.boolean, "whether there is more now; where not, all that was taken is one state of the node"),
    ])
    return OpenAPIOperation(
      "/v1/changes", id: "listChanges", tag: "changes",
      "Records in the order in which they last changed: latest states, at least once, deletions included",
      parameters: [
        .init("after", .query, "a cursor; empty for the beginning, absent for where the consumer was"),
        .init(
          "limit", .query, "records after which a page ends with the commit that it is at",
          [
            "type": "integer", "minimum": 1, "maximum": .integer(Int64(Self.maximumPageCount)),
            "default": .integer(Int64(Self.pageCount)),
          ]),
        .init("entity", .query, "only these, with commas between them"),
        .init(
          "consumer", .query,
          "a name: the node remembers what it acknowledges by asking for what comes after; \(FeedName.expectation)"),
        .init(
          "wait", .query, "seconds to wait for a change if there is none",
          ["type": "integer", "minimum": 0, "maximum": .integer(Int64(APILimits.changeWaitSeconds)), "default": 0]),
        .init("Last-Event-ID", .header, "with text/event-stream: the id of the last event that came"),
      ],
      answers: [
        .init(200, "The changes", page),
        .init(200, "The changes as they come", Schema.text, mediaType: APIRequest.eventStream),
      ], problems: [.invalidParameter, .cursorGone, .conflict])
  }

  var changeSchemas: [(name: String, schema: JSONValue)] {
    let change = Schema.object(
      [
        "entity": Schema.choice(model.entities.map(\.name)), "id": Schema.text,
        "change": Schema.choice(["put", "delete", "removed"]),
        "version": Schema.described(Schema.text, "as the record's ETag"),
        "fields": ["anyOf": .array(model.entities.map { Schema.ref($0.readName) })],
        "reason": Schema.choice(FeedRemoval.allCases.map(\.rawValue)),
        "commit": Schema.described(
          Schema.text, "the stamp of the commit that changed it last; its records follow each other"),
        "cursor": Schema.described(Schema.text, "where to go on after this one; within a commit, before all of it"),
      ], optional: ["fields", "reason"],
      description: "put: the record as it is now. delete: it was deleted. removed: this node holds it no longer")
    return [("Change", change)]
  }
}

extension APIRequest {
  fileprivate static let eventStream = "text/event-stream"

  fileprivate var wantsEvents: Bool {
    (http.header("accept") ?? "").split(separator: ",").contains { part in
      part.prefix { $0 != ";" }.filter { $0 != " " }.lowercased() == Self.eventStream
    }
  }
}

extension Problem {
  init(_ refusal: FeedRefusal) {
    let start = JSONObject.Member(name: "start", value: "/v1/changes?after=")
    switch refusal {
    case .gone(let reason):
      self.init(
        .cursorGone,
        "the cursor is of a log that is no more (\(reason.rawValue)): the database was restored, or commits were stamped anew; "
          + "forget what was taken, and begin at “start”", extra: [start])
    case .away(let since):
      self.init(
        .cursorGone,
        "the consumer has not asked since \(RFC3339.format(since)), and \(FeedLimits.consumerAwayMilliseconds / 86_400_000) days "
          + "are the most; forget what was taken, and begin at “start”", extra: [start])
    case .tooManyConsumers:
      self.init(
        .conflict,
        "there are \(FeedLimits.consumerCount) consumers already; `syncctl consumers list` has them, `forget` makes room"
      )
    }
  }
}
