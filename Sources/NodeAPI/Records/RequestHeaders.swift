import JSON
import NodeRuntime
import RecordStore
import StoreModel
import Transport

extension APIRequest {
  /// The request as it is remembered; nil without a key.
  /// - Parameter isRequired: without a key, a till that gets no answer could not ask again.
  func identity(isRequired: Bool) throws(Problem) -> RequestIdentity? {
    guard let key = http.header("idempotency-key") else {
      guard isRequired else { return nil }
      throw Problem(
        .idempotencyKeyMissing,
        "found no header Idempotency-Key; send a new one with each request (a UUID, say), and the same one with the same "
          + "request when no answer came")
    }
    guard (1...StoreLimits.requestKeyBytes).contains(key.utf8.count),
      key.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else {
      throw Problem(
        .badRequest, "Idempotency-Key: expected 1 to \(StoreLimits.requestKeyBytes) printable ASCII characters")
    }
    // What tells one request from another; each part with its length, so that none runs into the next.
    let parts = [
      http.method, http.path, http.header("if-match") ?? "", http.header("if-none-match") ?? "",
    ].map { Array($0.utf8) }
    let bytes = parts.flatMap { Array("\($0.count):".utf8) + $0 } + http.body
    return RequestIdentity(scope: token.name, key: key, digest: Digest.sha256(bytes))
  }

  /// What `If-Match` or `If-None-Match` says that a writer expects.
  func precondition() throws(Problem) -> Precondition? {
    let (match, none) = (http.header("if-match"), http.header("if-none-match"))
    switch (match, none) {
    case (nil, nil): return nil
    case (let match?, nil):
      if match == "*" { return .exists }
      guard let versions = Self.versions(match, weakToo: false) else {
        throw Problem(.badRequest, "If-Match: expected * or the ETag of the record, in quotation marks")
      }
      return .versions(versions)
    case (nil, "*"?): return .absent
    default: throw Problem(.badRequest, "expected If-Match: ETAG or If-None-Match: *, not both")
    }
  }

  /// Whether the client has the version of the record already.
  func has(_ version: RecordVersion) -> Bool {
    guard let header = http.header("if-none-match") else { return false }
    return header == "*" || (Self.versions(header, weakToo: true)?.contains(version) ?? false)
  }

  /// - Parameter weakToo: weak ones count for reading again, never for what a writer relies on (RFC 9110 §13.1).
  private static func versions(_ header: String, weakToo: Bool) -> [RecordVersion]? {
    var versions: [RecordVersion] = []
    for part in header.split(separator: ",") {
      var text = String(part.drop { $0 == " " })
      while text.hasSuffix(" ") { text.removeLast() }
      let isWeak = text.hasPrefix("W/")
      if isWeak { text.removeFirst(2) }
      guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
      if weakToo || !isWeak { versions.append(RecordVersion(text: String(text.dropFirst().dropLast()))) }
    }
    return versions
  }
}

extension RecordVersion {
  /// RFC 9110 §8.8.3, strong: it is another one after each write.
  var etag: String { "\"\(text)\"" }
}

extension Problem {
  static let keyReused = Problem(
    .idempotencyKeyReused, "another request had this Idempotency-Key; a new request needs a new one")
}
