package import JSON
package import NodeRuntime
package import RecordStore
package import StoreModel

/// What went wrong, as a client gets it (RFC 9457, `application/problem+json`). Values that could be personal are never quoted.
package struct Problem: Error, Hashable, Sendable {
  /// One place that is wrong.
  package struct Place: Hashable, Sendable {
    /// The field, with its path from the body's root: `writes[2].fields.phone`, counted from 1.
    package var field: String
    package var message: String

    package init(_ field: String, _ message: String) {
      self.field = field
      self.message = message
    }
  }

  package static let mediaType = "application/problem+json"

  package var code: ProblemCode
  /// What was found, what was expected, what to do.
  package var detail: String
  package var places: [Place]
  /// Seconds after which it may be tried again.
  package var retryAfter: Int?
  /// Beyond RFC 9457's members: where to go on, most of all.
  package var extra: [JSONObject.Member]

  package init(
    _ code: ProblemCode, _ detail: String, at places: [Place] = [], retryAfter: Int? = nil,
    extra: [JSONObject.Member] = []
  ) {
    self.code = code
    self.detail = detail
    self.places = places
    self.retryAfter = retryAfter
    self.extra = extra
  }

  package var json: JSONValue {
    var members: [JSONObject.Member] = [
      .init(name: "type", value: .string("urn:storesync:problem:\(code.rawValue)")),
      .init(name: "title", value: .string(code.title)), .init(name: "status", value: .integer(Int64(code.status))),
      .init(name: "code", value: .string(code.rawValue)), .init(name: "detail", value: .string(detail)),
    ]
    if !places.isEmpty {
      let errors = places.map { JSONValue.members(["field": .string($0.field), "message": .string($0.message)]) }
      members.append(.init(name: "errors", value: .array(errors)))
    }
    return .object(JSONObject(members + extra))
  }

  package var response: HTTPResponse {
    var headers: [HTTPRequest.Parameter] = [.init("Content-Type", Self.mediaType)]
    if let retryAfter { headers.append(.init("Retry-After", String(retryAfter))) }
    if code == .unauthorized { headers.append(.init("WWW-Authenticate", "Bearer realm=\"storesync\"")) }
    return HTTPResponse(status: code.status, headers: headers, body: .bytes(JSONText.bytes(json)))
  }
}

extension Problem {
  package init(_ error: StoreError) {
    switch error.code {
    case .diskFull: self.init(.storageFull, error.message, retryAfter: 30)
    default: self.init(.storageFailed, error.description, retryAfter: 5)
    }
  }

  package init(_ error: ControlError) {
    switch error.code {
    case .usage: self.init(.badRequest, error.description)
    case .notFound: self.init(.notFound, error.description)
    case .notAllowed: self.init(.notAllowed, error.description)
    case .unreachable: self.init(.unavailable, error.description, retryAfter: 5)
    case .storage: self.init(.storageFailed, error.description, retryAfter: 5)
    }
  }

  /// - Parameter path: where in the body the record stands, with a point behind it; empty for all of the body.
  package init(_ error: ModelError, at path: String = "") {
    let code: ProblemCode
    switch error.code {
    case .unknownEntity: code = .unknownEntity
    case .unknownField: code = .unknownField
    case .invalidID, .invalidValue, .inconsistentState: code = .invalidValue
    case .missingField: code = .missingField
    case .tooLarge: code = .tooLarge
    case .notAllowed, .forged, .awaitingAuthor, .outOfScope: code = .notAllowed
    case .immutable, .erased: code = .conflict
    }
    let field = error.field ?? (error.code == .invalidID ? "id" : nil)
    self.init(code, error.description, at: field.map { [Place(path + $0, error.reason)] } ?? [])
  }
}
