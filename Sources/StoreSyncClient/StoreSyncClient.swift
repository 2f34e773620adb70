import HTTPClient
import JSON

/// A StoreSync node over its HTTP API, for tills, web shops and back offices.
///
///     let shop = StoreSyncClient(url: "http://127.0.0.1:7480", token: token)
///     let taken = try await shop.hand(in: .sale(number: "1001", soldAt: "2026-03-02T09:15:00Z", lines: [line]))
///     let page = try await shop.changes(after: cursor, consumer: "web-shop", waitSeconds: 30)
///
/// Requests are tried again as the policy says; whatever changes something carries an idempotency key, so that it has one effect
/// however often it arrives. Values of this type are cheap to copy and share one client.
public struct StoreSyncClient: Sendable {
  private let url: String
  private let token: String
  private let certificates: String?
  private let policy: RetryPolicy
  private let transport: Transport

  /// One request and its answer, or why there is none: a parameter, so that tests own the network.
  typealias Transport = @Sendable (HTTPClientRequest) async -> Result<HTTPClientAnswer, HTTPError>

  /// - Parameters:
  ///   - url: scheme, host and port, `https://…`, or `http://…` on this machine.
  ///   - token: what `syncctl token add` printed.
  ///   - certificates: a PEM file of certificates that vouch for the node; nil for those that the system trusts.
  public init(url: String, token: String, certificates: String? = nil, retrying policy: RetryPolicy = RetryPolicy()) {
    let client = HTTPClient()
    self.init(url: url, token: token, certificates: certificates, retrying: policy) { request in
      await withCheckedContinuation { continuation in client.send(request) { continuation.resume(returning: $0) } }
    }
  }

  init(
    url: String, token: String, certificates: String? = nil, retrying policy: RetryPolicy,
    over transport: @escaping Transport
  ) {
    self.transport = transport
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.token = token
    self.certificates = certificates
    self.policy = policy
  }

  // MARK: Reading

  /// The record of that id; nil if the node has none.
  public func record(_ entity: String, _ id: String) async throws(ClientError) -> Record? {
    do throws(ClientError) {
      let answer = try await ask("GET", "/v1/records/\(escape(entity))/\(escape(id))")
      return try Record(answer.json, version: answer.version)
    } catch {
      guard case .refused(let problem) = error, problem.code == "not-found" else { throw error }
      return nil
    }
  }

  /// Some of the records that fit, in the order of their ids or of a field.
  /// - Parameters:
  ///   - order: a field, with “-” before it from the last to the first; nil for the ids.
  ///   - after: `next` of the page before.
  public func records(
    _ entity: String, where filters: [Filter] = [], orderedBy order: String? = nil, limit: Int = 100,
    after: String? = nil
  ) async throws(ClientError) -> RecordPage {
    var query = filters.map { "\(escape($0.field + $0.comparison.rawValue))=\(escape($0.value))" }
    query.append("limit=\(limit)")
    if let order { query.append("sort=\(escape(order))") }
    if let after { query.append("after=\(escape(after))") }
    let json = try await ask("GET", "/v1/records/\(escape(entity))?\(query.joined(separator: "&"))").json
    guard case .array(let items)? = json["items"] else { throw .unreadable("expected a page of records") }
    var records: [Record] = []
    for item in items { records.append(try Record(item)) }
    return RecordPage(records: records, next: json["next"]?.text)
  }

  /// Whether all is in sync, and if not, why, in sentences.
  public func status() async throws(ClientError) -> (isInSync: Bool, reasons: [String]) {
    let json = try await ask("GET", "/v1/status").json
    guard case .bool(let isInSync)? = json["inSync"], case .array(let reasons)? = json["reasons"] else {
      throw .unreadable("expected a status")
    }
    return (isInSync, reasons.compactMap(\.text))
  }

  // MARK: Writing

  /// Commits several writes as one: all of them or none.
  /// - Parameter key: the same for each attempt at the same; another for every other commit.
  public func commit(_ writes: [Write], key: String) async throws(ClientError) {
    _ = try await ask("POST", "/v1/commits", ["writes": .array(writes.map(\.json))], key: key)
  }

  /// Hands in a sale, a return or a void. What was handed in before is answered the same.
  @discardableResult
  public func hand(in receipt: Receipt, key: String? = nil) async throws(ClientError) -> ReceiptTaken {
    let answer = try await ask(
      "POST", "/v1/operations/\(receipt.operation)", receipt.json, key: key ?? receipt.idempotencyKey)
    return try ReceiptTaken(answer.json)
  }

  // MARK: Changes

  /// The next changes behind a cursor: latest states, each at least once.
  /// - Parameters:
  ///   - cursor: `next` of the page before; empty from the beginning.
  ///   - consumer: a name under which the node remembers how far this consumer is.
  ///   - waitSeconds: how long the node may wait for a change if there is none yet.
  public func changes(
    after cursor: String, consumer: String? = nil, limit: Int = 100, waitSeconds: Int = 0
  ) async throws(ClientError) -> ChangePage {
    var query = ["after=\(escape(cursor))", "limit=\(limit)"]
    if let consumer { query.append("consumer=\(escape(consumer))") }
    if waitSeconds > 0 { query.append("wait=\(waitSeconds)") }
    return try ChangePage(
      try await ask("GET", "/v1/changes?\(query.joined(separator: "&"))", waitSeconds: waitSeconds).json)
  }

  // MARK: Requests

  private struct Answer {
    var json: JSONValue
    var version: String?
  }

  /// Answers that mean “not now”.
  private static let later: Set<Int> = [429, 502, 503, 504, 507]

  private func ask(
    _ method: String, _ path: String, _ body: JSONValue? = nil, key: String? = nil, waitSeconds: Int = 0
  ) async throws(ClientError) -> Answer {
    var headers = [HTTPClientRequest.Header("Authorization", "Bearer \(token)")]
    if body != nil { headers.append(.init("Content-Type", "application/json")) }
    if let key { headers.append(.init("Idempotency-Key", key)) }
    let request = HTTPClientRequest(
      method, url + path, headers: headers, body: body.map(JSONText.bytes),
      timeoutMilliseconds: HTTPLimits.timeoutMilliseconds + Int64(waitSeconds) * 1_000, trusting: certificates)
    let end = policy.now() + policy.patienceMilliseconds
    var attempt = 0
    while true {
      let reason: String
      switch await transport(request) {
      case .success(let answer) where answer.status < 300: return try read(answer)
      case .success(let answer):
        let json = try? JSONParser.parse(answer.body[...])
        let problem = ClientError.Problem(json ?? .null, status: answer.status)
        guard Self.later.contains(answer.status) else { throw .refused(problem) }
        reason = problem.detail
      case .failure(let error):
        guard [.unreachable, .timedOut, .broken].contains(error.code) else { throw .unanswered(error.description) }
        reason = error.description
      }
      guard policy.now() < end else { throw .unanswered(reason) }
      await policy.sleep(policy.pause(after: attempt))
      attempt += 1
    }
  }

  private func read(_ answer: HTTPClientAnswer) throws(ClientError) -> Answer {
    let version = answer.header("etag").map { $0.filter { $0 != "\"" } }
    guard !answer.body.isEmpty else { return Answer(json: .null, version: version) }
    guard let json = try? JSONParser.parse(answer.body[...]) else { throw .unreadable("expected JSON") }
    return Answer(json: json, version: version)
  }

  /// Everything but what may stand anywhere in a URL (RFC 3986 §2.3).
  private func escape(_ text: String) -> String {
    var escaped = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      let isPlain =
        byte < 0x80
        && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
          || "-._~".unicodeScalars.contains(scalar))
      let digits = String(byte, radix: 16, uppercase: true)
      escaped += isPlain ? String(Character(scalar)) : "%" + (byte < 16 ? "0" : "") + digits
    }
    return escaped
  }
}
