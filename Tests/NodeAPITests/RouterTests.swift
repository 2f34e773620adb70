import Base
import JSON
import NodeAPI
import NodeRuntime
import Synchronization
import Testing

/// What every request meets before its route: paths, tokens, roles, parameters.
struct RouterTests {
  private let tokens = TokenTable()

  private func router(secret: String, role: APIToken.Role, log: @escaping LogSink = { _ in }) -> Router {
    tokens.setLocal(
      APIToken(name: "local", role: role, madeAt: WallTime(milliseconds: 0), digest: APIToken.digest(of: secret)))
    let show: Route.Handler = { request, respond in
      respond(.json(["id": .string(request.path["id"] ?? ""), "by": .string(request.token.name)]))
    }
    let routes = [
      Route(.get, "/v1/things/{id}", for: .read, parameters: ["limit"], [], handler: show),
      Route(.put, "/v1/things/{id}", for: .write, [], handler: show),
      Route(.get, "/open", for: .monitor, needsToken: false, [], handler: show),
    ]
    return Router(routes, tokens: tokens, failures: FailureLimiter(), log: log, observe: { _ in })
  }

  private func answer(
    _ router: Router, _ method: String, _ path: String, _ token: String? = "right", query: [HTTPRequest.Parameter] = []
  )
    -> HTTPResponse
  {
    let headers = token.map { [HTTPRequest.Parameter("authorization", "Bearer \($0)")] } ?? []
    let found = Mutex<HTTPResponse?>(nil)
    router.handle(HTTPRequest(method: method, path: path, query: query, headers: headers, peer: "192.0.2.1")) {
      response in
      found.withLock { $0 = response }
    }
    return found.withLock { $0 } ?? HTTPResponse(status: 0)
  }

  private func body(_ response: HTTPResponse) throws -> JSONValue {
    guard case .bytes(let bytes) = response.body else { return .null }
    return try JSONParser.parse(bytes[...])
  }

  @Test func aSegmentOfThePathMayHoldAnythingEscaped() throws {
    let response = answer(router(secret: "right", role: .read), "GET", "/v1/things/1%2Fa%252Fb%20%E2%82%AC")
    #expect(response.status == 200)
    #expect(try body(response)["id"] == .string("1/a%2Fb €"))
  }

  @Test(arguments: ["/v1/things/%", "/v1/things/%2", "/v1/things/%+1", "/v1/things/%FF", "v1/things/1"])
  func aPathThatIsNoEscapedUTF8IsRefused(path: String) throws {
    let response = answer(router(secret: "right", role: .read), "GET", path)
    #expect(response.status == 400)
    #expect(try body(response)["code"] == "bad-request")
  }

  @Test func withoutAValidTokenNothingIsTold() throws {
    let router = router(secret: "right", role: .admin)
    for (path, token) in [("/v1/things/1", nil), ("/v1/things/1", "wrong"), ("/v1/nothing", nil), ("/", "")]
      as [(String, String?)]
    {
      let response = answer(router, "GET", path, token)
      #expect(response.status == 401)
      #expect(response.headers.contains { $0.name == "WWW-Authenticate" })
    }
    #expect(answer(router, "GET", "/open", nil).status == 200)
  }

  @Test func aRoleMayWhatThoseBelowItMay() {
    for role in APIToken.Role.allCases {
      let router = router(secret: "right", role: role)
      #expect(answer(router, "GET", "/v1/things/1").status == (role >= .read ? 200 : 403))
      #expect(answer(router, "PUT", "/v1/things/1").status == (role >= .write ? 200 : 403))
    }
  }

  @Test func aMethodThatAResourceHasNotIsToldWithThoseItHas() {
    let response = answer(router(secret: "right", role: .admin), "DELETE", "/v1/things/1")
    #expect(response.status == 405)
    #expect(response.headers.first { $0.name == "Allow" }?.value == "GET, PUT")
    #expect(answer(router(secret: "right", role: .admin), "GET", "/v1/thing/1").status == 404)
  }

  @Test func headIsGet() {
    #expect(answer(router(secret: "right", role: .read), "HEAD", "/v1/things/1").status == 200)
  }

  @Test func anUnknownParameterIsRefusedWithThoseThereAre() throws {
    let response = answer(router(secret: "right", role: .read), "GET", "/v1/things/1", query: [.init("lmit", "1")])
    #expect(response.status == 400)
    let problem = try body(response)
    #expect(problem["code"] == "unknown-parameter")
    #expect(problem["errors"] == .array([["field": "lmit", "message": "expected one of: limit"]]))
  }

  @Test func guessingIsSlowedDownAndLoggedOnceAndAValidTokenIsNotHeldUp() {
    let events = Mutex([String]())
    let router = router(secret: "right", role: .read) { event in events.withLock { $0.append(event.name) } }
    for _ in 0..<APILimits.failuresPerMinute { #expect(answer(router, "GET", "/v1/things/1", "wrong").status == 401) }
    for _ in 0..<3 {
      let response = answer(router, "GET", "/v1/things/1", "wrong")
      #expect(response.status == 429)
      #expect(response.headers.contains { $0.name == "Retry-After" })
    }
    #expect(events.withLock { $0 } == ["http.refused"])
    #expect(answer(router, "GET", "/v1/things/1", "right").status == 200)
  }

  @Test func failuresAreRememberedOfABoundedNumberOfAddresses() {
    let limiter = FailureLimiter()
    let now = Instant(milliseconds: 0)
    for _ in 0..<APILimits.failuresPerMinute { #expect(limiter.fail(from: "first", at: now) == .counted) }
    for number in 0..<APILimits.failureAddresses {
      #expect(limiter.fail(from: "\(number)", at: now.advanced(byMilliseconds: 1)) == .counted)
    }
    // The oldest has made room.
    #expect(limiter.fail(from: "first", at: now.advanced(byMilliseconds: 2)) == .counted)
  }

  @Test func aMinuteLaterFailuresCountAnew() {
    let limiter = FailureLimiter()
    for _ in 0..<APILimits.failuresPerMinute { _ = limiter.fail(from: "a", at: Instant(milliseconds: 0)) }
    #expect(limiter.fail(from: "a", at: Instant(milliseconds: 1_500)) == .limitReached(retryAfterSeconds: 59))
    #expect(limiter.fail(from: "a", at: Instant(milliseconds: 59_999)) == .limited(retryAfterSeconds: 1))
    #expect(limiter.fail(from: "a", at: Instant(milliseconds: 60_000)) == .counted)
  }
}
