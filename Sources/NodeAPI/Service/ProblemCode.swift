/// What can be wrong, for programs: the catalogue. A code never changes its meaning; new ones may come.
package enum ProblemCode: String, CaseIterable, Sendable {
  case badRequest = "bad-request"
  case unknownParameter = "unknown-parameter"
  case invalidParameter = "invalid-parameter"
  case unknownFilter = "unknown-filter"
  case unauthorized
  case forbidden
  case notFound = "not-found"
  case unknownEntity = "unknown-entity"
  case notHere = "not-here"
  case methodNotAllowed = "method-not-allowed"
  case notAcceptable = "not-acceptable"
  case conflict
  case notAllowed = "not-allowed"
  case cursorGone = "cursor-gone"
  case preconditionFailed = "precondition-failed"
  case tooLarge = "too-large"
  case unsupportedMediaType = "unsupported-media-type"
  case unknownField = "unknown-field"
  case invalidValue = "invalid-value"
  case missingField = "missing-field"
  case idempotencyKeyMissing = "idempotency-key-missing"
  case idempotencyKeyReused = "idempotency-key-reused"
  case rateLimited = "rate-limited"
  case storageFailed = "storage-failed"
  case storageFull = "storage-full"
  case unavailable

  package var status: Int {
    switch self {
    case .badRequest, .unknownParameter, .invalidParameter, .unknownFilter, .idempotencyKeyMissing: 400
    case .unauthorized: 401
    case .forbidden: 403
    case .notFound, .unknownEntity, .notHere: 404
    case .methodNotAllowed: 405
    case .notAcceptable: 406
    case .conflict, .notAllowed: 409
    case .cursorGone: 410
    case .preconditionFailed: 412
    case .tooLarge: 413
    case .unsupportedMediaType: 415
    case .unknownField, .invalidValue, .missingField, .idempotencyKeyReused: 422
    case .rateLimited: 429
    case .storageFailed, .unavailable: 503
    case .storageFull: 507
    }
  }

  /// The same words for each occurrence (RFC 9457 §3.1.3).
  package var title: String {
    switch self {
    case .badRequest: "The request cannot be read"
    case .unknownParameter: "A parameter is not known"
    case .invalidParameter: "A parameter has no value that it may have"
    case .unknownFilter: "Records cannot be searched by that"
    case .unauthorized: "A valid token is needed"
    case .forbidden: "The token's role does not allow it"
    case .notFound: "There is nothing of that name"
    case .unknownEntity: "There is no such entity"
    case .notHere: "Another node does that"
    case .methodNotAllowed: "The resource does not have this method"
    case .notAcceptable: "The answer has no such form"
    case .conflict: "It contradicts what is there"
    case .notAllowed: "It may not be changed so"
    case .cursorGone: "The cursor is of no use any more"
    case .preconditionFailed: "The record is not what it was expected to be"
    case .tooLarge: "It is larger than it may be"
    case .unsupportedMediaType: "The body is of another type"
    case .unknownField: "A field is not known"
    case .invalidValue: "A field has no value that it may have"
    case .missingField: "A field is missing"
    case .idempotencyKeyMissing: "An idempotency key is needed"
    case .idempotencyKeyReused: "The idempotency key was used for another request"
    case .rateLimited: "Too many requests failed"
    case .storageFailed: "The database cannot be read or written"
    case .storageFull: "The disk is full"
    case .unavailable: "The node cannot answer now"
    }
  }
}
