package import Base
import Dispatch
package import NodeRuntime
import RecordStore

/// Finds what a request is about and who asks, and hands it to its route.
package struct Router: Sendable {
  /// What became of a request, for the metrics: the route's pattern, or a word for what has none.
  package struct Outcome: Sendable {
    package var method: String
    package var route: String
    package var status: Int
    package var seconds: Double
  }

  let routes: [Route]
  let tokens: TokenTable
  let failures: FailureLimiter
  let log: LogSink
  let observe: @Sendable (Outcome) -> Void

  package init(
    _ routes: [Route], tokens: TokenTable, failures: FailureLimiter, log: @escaping LogSink,
    observe: @escaping @Sendable (Outcome) -> Void
  ) {
    self.routes = routes
    self.tokens = tokens
    self.failures = failures
    self.log = log
    self.observe = observe
  }

  package func handle(_ request: HTTPRequest, _ respond: @escaping Route.Respond) {
    let began = DispatchTime.now()
    let (route, result) = find(request)
    let answer: Route.Respond = { response in
      let seconds = Double(DispatchTime.now().uptimeNanoseconds - began.uptimeNanoseconds) / 1e9
      observe(
        Outcome(
          method: Route.Method(rawValue: request.method) == nil ? "other" : request.method,
          route: route?.pattern ?? "other", status: response.status, seconds: seconds))
      respond(response.withCommonHeaders)
    }
    switch result {
    case .success(let (route, request)): route.handler(request, answer)
    case .failure(let problem):
      var response = problem.response
      if problem.code == .methodNotAllowed { response.headers.append(.init("Allow", allowed(request))) }
      answer(response)
    }
  }

  private func find(_ request: HTTPRequest) -> (Route?, Result<(Route, APIRequest), Problem>) {
    // HEAD is GET without the body, which the server leaves out.
    let method = request.method == "HEAD" ? "GET" : request.method
    guard request.path.utf8.count <= APILimits.pathBytes, let path = segments(request.path) else {
      return (nil, .failure(Problem(.badRequest, "found a path that is too long or no escaped UTF-8")))
    }
    let matches = routes.compactMap { route in route.match(path).map { (route, $0) } }
    guard let (route, names) = matches.first(where: { $0.0.method.rawValue == method }) else {
      // Who has no token is not told what there is.
      let isKnown = token(of: request) != nil
      guard isKnown || matches.contains(where: { !$0.0.needsToken }) else { return (nil, .failure(refuse(request))) }
      let problem =
        matches.isEmpty
        ? Problem(.notFound, "there is nothing at this path; /openapi.json describes what there is")
        : Problem(.methodNotAllowed, "found \(method.prefix(16)), expected one of: \(allowed(request))")
      return (nil, .failure(problem))
    }
    do throws(Problem) {
      let token = try check(request, route)
      if let known = route.parameters { try check(request.query, known) }
      return (route, .success((route, APIRequest(request, path: names, token: token))))
    } catch {
      return (route, .failure(error))
    }
  }

  private func segments(_ path: String) -> [String]? {
    guard path.hasPrefix("/") else { return nil }
    var segments: [String] = []
    for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let text = Percent.decode(part) else { return nil }
      segments.append(text)
    }
    return segments
  }

  private func allowed(_ request: HTTPRequest) -> String {
    let path = segments(request.path) ?? []
    let methods = routes.filter { $0.match(path) != nil }.map(\.method.rawValue)
    return Route.Method.allCases.map(\.rawValue).filter(methods.contains).joined(separator: ", ")
  }

  // MARK: Tokens

  private static let nobody = APIToken(
    name: "nobody", role: .monitor, madeAt: WallTime(milliseconds: 0), digest: [])

  private func check(_ request: HTTPRequest, _ route: Route) throws(Problem) -> APIToken {
    guard route.needsToken else { return Self.nobody }
    guard let token = token(of: request) else { throw refuse(request) }
    guard token.role >= route.role else {
      throw Problem(
        .forbidden,
        "the token “\(token.name)” has the role \(token.role.rawValue), and this needs \(route.role.rawValue); "
          + "`syncctl token add NAME --role \(route.role.rawValue)` makes one")
    }
    return token
  }

  private func token(of request: HTTPRequest) -> APIToken? {
    guard let header = request.header("authorization") else { return nil }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return tokens.find(secret: String(parts[1].drop { $0 == " " }))
  }

  private func refuse(_ request: HTTPRequest) -> Problem {
    switch failures.fail(
      from: request.peer, at: Instant(milliseconds: Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000)))
    {
    case .counted:
      return Problem(
        .unauthorized,
        request.header("authorization") == nil
          ? "found no token, expected Authorization: Bearer TOKEN; `syncctl token add` makes one"
          : "the token is not valid here; `syncctl token list` has those that are")
    case .limitReached(let seconds):
      log(
        LogEvent(
          .warning, "http.refused",
          "\(APILimits.failuresPerMinute) requests without a valid token in a minute; a client has a wrong one, or somebody guesses",
          [.init("address", request.peer)]))
      return limited(seconds)
    case .limited(let seconds): return limited(seconds)
    }
  }

  private func limited(_ seconds: Int) -> Problem {
    Problem(
      .rateLimited,
      "more than \(APILimits.failuresPerMinute) requests without a valid token in a minute; look at the token",
      retryAfter: seconds)
  }

  private func check(_ query: [HTTPRequest.Parameter], _ known: [String]) throws(Problem) {
    for parameter in query where !known.contains(parameter.name) {
      let list = known.isEmpty ? "none" : known.joined(separator: ", ")
      throw Problem(
        .unknownParameter, "found the parameter “\(parameter.name.prefix(64))”, expected one of: \(list)",
        at: [.init(String(parameter.name.prefix(64)), "expected one of: \(list)")])
    }
  }
}

extension HTTPResponse {
  /// Answers hold personal data: no cache keeps them, and no browser takes them for something else.
  fileprivate var withCommonHeaders: HTTPResponse {
    var response = self
    if !headers.contains(where: { $0.name == "Cache-Control" }) {
      response.headers.append(.init("Cache-Control", "no-store"))
    }
    response.headers.append(.init("X-Content-Type-Options", "nosniff"))
    return response
  }
}
