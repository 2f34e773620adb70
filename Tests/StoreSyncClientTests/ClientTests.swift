import HTTPClient
import JSON
import Synchronization
import Testing

@testable import StoreSyncClient

/// The client against a network that the test owns.
struct ClientTests {
  /// Answers in turn, and keeps what was asked.
  private final class Node: Sendable {
    private let answers: Mutex<[Result<HTTPClientAnswer, HTTPError>]>
    private let asked = Mutex([HTTPClientRequest]())
    private let time = Mutex(Int64(0))
    let pauses = Mutex([Int64]())

    init(_ answers: [Result<HTTPClientAnswer, HTTPError>]) { self.answers = Mutex(answers) }

    var requests: [HTTPClientRequest] { asked.withLock { $0 } }

    /// The last answer goes on for ever.
    func client(patience: Int64 = 60_000) -> StoreSyncClient {
      var policy = RetryPolicy(patienceMilliseconds: patience)
      policy.random = { 0.5 }
      policy.now = { self.time.withLock { $0 } }
      policy.sleep = { pause in
        self.time.withLock { $0 += pause }
        self.pauses.withLock { $0.append(pause) }
      }
      return StoreSyncClient(url: "http://127.0.0.1:7480/", token: "secret", retrying: policy) { request in
        self.asked.withLock { $0.append(request) }
        return self.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
      }
    }
  }

  private static func answer(_ status: Int, _ body: String, _ headers: [HTTPClientRequest.Header] = [])
    -> Result<HTTPClientAnswer, HTTPError>
  {
    .success(HTTPClientAnswer(status: status, headers: headers, body: Array(body.utf8)))
  }

  private static let lost = Result<HTTPClientAnswer, HTTPError>.failure(HTTPError(.broken, "the connection broke"))
  private static let sale = Receipt.sale(
    number: "1001", soldAt: "2026-03-02T09:15:00Z",
    lines: [.init(product: "espresso", quantity: 2, salesCents: 580)],
    payments: [.init(method: "cash", amountCents: 580)])

  @Test func aLostReplyIsAskedForWithTheSameKeyAndTheSameBytes() async throws {
    let node = Node([
      Self.lost, Self.answer(503, #"{"code":"unavailable","detail":"stopping"}"#),
      Self.answer(200, #"{"outcome":"known","order":"o"}"#),
    ])
    let taken = try await node.client().hand(in: Self.sale)
    #expect(taken == (try ReceiptTaken(["order": "o", "outcome": "known"])))
    #expect(taken.wasKnown)
    #expect(node.requests.count == 3 && Set(node.requests).count == 1)
    let request = try #require(node.requests.first)
    #expect(request.method == "POST" && request.address == "http://127.0.0.1:7480/v1/operations/sell")
    #expect(request.headers.contains(.init("Idempotency-Key", "sell-1001-2026-03-02T09:15:00Z")))
    #expect(request.headers.contains(.init("Authorization", "Bearer secret")))
  }

  @Test func pausesGrowUpToTheLongest() async {
    let node = Node([Self.lost])
    await #expect(throws: ClientError.unanswered("the connection broke")) {
      try await node.client().hand(in: Self.sale)
    }
    let pauses = node.pauses.withLock { $0 }
    #expect(pauses.starts(with: [37, 75, 150, 300, 600, 1_200, 1_500, 1_500]))
    #expect(pauses.reduce(0, +) >= 60_000)
  }

  @Test func whatIsRefusedIsNotAskedAgain() async {
    let node = Node([
      Self.answer(
        422,
        #"{"code":"invalid-value","detail":"lines: …","errors":[{"field":"lines","message":"expected one at least"}]}"#)
    ])
    do {
      try await node.client().hand(in: Self.sale)
      Issue.record("expected a refusal")
    } catch {
      guard case .refused(let problem) = error else {
        Issue.record("found \(error)")
        return
      }
      #expect(problem.code == "invalid-value" && problem.status == 422)
      #expect(problem.fields == ["lines": "expected one at least"])
    }
    #expect(node.requests.count == 1)
  }

  @Test func whatIsNotThereIsNoRecord() async throws {
    let node = Node([Self.answer(404, #"{"code":"not-found","detail":"…"}"#)])
    #expect(try await node.client().record("listing", "1/a%2Fb") == nil)
    #expect(node.requests.first?.address == "http://127.0.0.1:7480/v1/records/listing/1%2Fa%252Fb")
  }

  @Test func aRecordHasItsVersion() async throws {
    let node = Node([
      Self.answer(200, #"{"id":"100","name":"Zoë","visits":3,"tags":["a"]}"#, [.init("etag", "\"v1\"")])
    ])
    let record = try #require(try await node.client().record("member", "100"))
    #expect(record["name"] == "Zoë" && record["visits"] == 3 && record["tags"] == ["a"] && record["phone"] == nil)
    #expect(record.version == "v1")
  }

  @Test func filtersAndPlacesGoIntoTheQueryEscaped() async throws {
    let node = Node([Self.answer(200, #"{"items":[],"next":null}"#)])
    let page = try await node.client().records(
      "member", where: [Filter("phone", .equal, "+49 30"), Filter("id", .atLeast, "5")], orderedBy: "-phone", limit: 7,
      after: "c&1")
    #expect(page == RecordPage(records: [], next: nil))
    #expect(
      node.requests.first?.address
        == "http://127.0.0.1:7480/v1/records/member?phone=%2B49%2030&id%5Bgte%5D=5&limit=7&sort=-phone&after=c%261")
  }

  @Test func anAnswerOfAnotherKindIsSaidToBeOne() async {
    let node = Node([Self.answer(200, "<html>")])
    await #expect(throws: ClientError.unreadable("expected JSON")) { try await node.client().status() }
  }
}
