import JSON
import Merge
import NodeRuntime
import RecordStore
import StoreModel

extension APIService {
  var recordRoutes: [Route] {
    [
      Route(
        .get, "/v1/records/{entity}/{id}", for: .read, model.entities.map(Self.readOperation),
        handler: Self.answering { [self] request, respond throws(Problem) in
          let entity = try entity(request)
          show(try id(request, of: entity), RecordForm(entity), request, respond)
        }),
      Route(
        .get, "/v1/records/{entity}", for: .read, parameters: nil, model.entities.map(Self.listOperation),
        handler: Self.answering { [self] request, respond throws(Problem) in
          let entity = try entity(request)
          list(try QueryParameters(entity).plan(request), RecordForm(entity), respond)
        }),
      writeRoute(.put, .put), writeRoute(.patch, .patch), writeRoute(.delete, .delete),
    ]
  }

  // MARK: Reading

  private func show(
    _ id: RecordID, _ form: RecordForm, _ request: APIRequest, _ respond: @escaping Route.Respond
  ) {
    let key = RecordKey(entity: form.entity.tag, id: id)
    gate.read { engine throws(StoreError) -> HTTPResponse in
      let state: RecordState
      switch try engine.look(for: key) {
      case .here(let found): state = found
      case .deleted: return .problem(Problem(.notFound, "the \(form.entity.name) was deleted"))
      case .unknown: return .problem(Problem(.notFound, "there is no \(form.entity.name) of that id here"))
      case .elsewhere:
        return .problem(
          Problem(
            .notHere,
            "this node no longer holds the \(form.entity.name): it has become another store's, or was purged here; HQ has it"
          ))
      }
      let version = RecordVersion(state.vector)
      let etag = HTTPRequest.Parameter("ETag", version.etag)
      if request.has(version) { return HTTPResponse(status: 304, headers: [etag]) }
      var bytes: [UInt8] = []
      try form.append(state, to: &bytes)
      return .bytes(bytes, headers: [etag])
    } completion: {
      respond(.result($0))
    }
  }

  private func list(_ plan: RecordQueryPlan, _ form: RecordForm, _ respond: @escaping Route.Respond) {
    gate.read { engine throws(StoreError) -> HTTPResponse in
      let page = try engine.page(plan)
      var bytes = Array("{\"items\":[".utf8)
      for (index, state) in page.records.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        try form.append(state, to: &bytes)
      }
      let next = page.next.map { JSONText.quoted(PageCursor.text($0, of: plan)) } ?? "null"
      bytes += "],\"next\":\(next)}".utf8
      return .bytes(bytes)
    } completion: {
      respond(.result($0))
    }
  }

  // MARK: Writing

  private func writeRoute(_ method: Route.Method, _ action: RecordEdit.Action) -> Route {
    Route(
      method, "/v1/records/{entity}/{id}", for: .write, model.entities.map { Self.writeOperation($0, action) },
      handler: Self.answering { [self] request, respond throws(Problem) in
        let entity = try entity(request)
        let id = try id(request, of: entity)
        let identity = try request.identity(isRequired: false)
        let object = action == .delete ? JSONObject() : try request.object()
        var edit = try RecordEdit(action, entity, id, object)
        edit.precondition = try request.precondition()
        commit(RecordCommit(edits: [edit], isSingle: true), identity, respond)
      })
  }

  func commit(_ commit: RecordCommit, _ identity: RequestIdentity?, _ respond: @escaping Route.Respond) {
    gate.commitOnce(identity) { engine, take throws(StoreError) in
      try commit.run(engine, take)
    } completion: {
      respond(.outcome($0))
    }
  }
}

extension HTTPResponse {
  /// JSON that is written already.
  static func bytes(_ bytes: [UInt8], headers: [HTTPRequest.Parameter] = []) -> HTTPResponse {
    HTTPResponse(status: 200, headers: [.init("Content-Type", json)] + headers, body: .bytes(bytes))
  }

  /// - Parameter items: their JSON texts.
  static func page(_ items: [String], next: String?) -> HTTPResponse {
    .bytes(Array("{\"items\":[\(items.joined(separator: ","))],\"next\":\(next.map(JSONText.quoted) ?? "null")}".utf8))
  }

  static func result(_ result: Result<HTTPResponse, StoreError>) -> HTTPResponse {
    switch result {
    case .success(let response): response
    case .failure(let error): .problem(Problem(error))
    }
  }

  static func outcome(_ result: Result<RequestOutcome, StoreError>) -> HTTPResponse {
    switch result {
    case .success(.answered(let answer)), .success(.repeated(let answer)): answer.response
    case .success(.keyReused): .problem(.keyReused)
    case .failure(let error): .problem(Problem(error))
    }
  }
}
