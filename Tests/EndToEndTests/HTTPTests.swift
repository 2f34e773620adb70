import Foundation
import Glibc
import JSON
import Testing

/// The HTTP API of real daemons: who gets in, what is refused before anything looks at it, and how it ends.
@Suite(.serialized) struct HTTPTests {
  private func chain() throws -> Chain {
    let chain = try Chain()
    chain.hqOptions = ["--http", "127.0.0.1:0"]
    try chain.startHQ()
    return chain
  }

  @Test func theStatusIsThatOfTheControlSocketAndNamesTheAddress() throws {
    let chain = try chain()
    let answer = try chain.hq.http("GET", "/v1/status")
    #expect(answer.status == 200)
    #expect(answer.headers["content-type"] == "application/json")
    #expect(answer.headers["cache-control"] == "no-store")
    let status = try answer.json
    #expect(status["role"] == "hq")
    #expect(status["addresses"]?["http"] == .string("http://127.0.0.1:\(try chain.hq.httpPort)"))
    let same = try chain.syncctl(chain.hq, "status", "--json").json()
    #expect(same["replica"] == status["replica"])
    #expect(same["addresses"]?["http"] == status["addresses"]?["http"])
  }

  @Test func tokensAreMadeListedAndRevokedWithEffectAtOnce() throws {
    let chain = try chain()
    let file = "\(chain.scratch.path)/till.token"
    try chain.expectDone(
      chain.syncctl(chain.hq, "token", "add", "till-1", "--role", "monitor", "--output", file))
    let token = readFile(file).trimmingCharacters(in: .newlines)
    var attributes = stat()
    #expect(stat(file, &attributes) == 0 && attributes.st_mode & 0o777 == 0o600)
    #expect(try chain.hq.http("GET", "/v1/status", token: token).status == 200)
    let refused = try chain.hq.http("GET", "/v1/conflicts", token: token)
    #expect(refused.status == 403)
    #expect(try refused.json["code"] == "forbidden")
    let list = try chain.syncctl(chain.hq, "token", "list", "--json")
    #expect(list.output.contains("till-1") && !list.output.contains(token))
    #expect(try chain.syncctl(chain.hq, "token", "add", "till-1", "--role", "read").status == 2)
    // It outlives a restart.
    try chain.hq.stop()
    try chain.startHQ()
    #expect(try chain.hq.http("GET", "/v1/status", token: token).status == 200)
    try chain.expectDone(chain.syncctl(chain.hq, "token", "revoke", "till-1"))
    #expect(try chain.hq.http("GET", "/v1/status", token: token).status == 401)
    #expect(try chain.syncctl(chain.hq, "token", "revoke", "till-1").status == 2)
  }

  @Test func theDirectorysOwnTokenIsNewAtEachStartAndGoneAtTheEnd() throws {
    let chain = try chain()
    let first = chain.hq.localToken
    var attributes = stat()
    #expect(stat("\(chain.hq.directory)/token", &attributes) == 0 && attributes.st_mode & 0o777 == 0o600)
    try chain.hq.stop()
    #expect(access("\(chain.hq.directory)/token", F_OK) != 0)
    try chain.startHQ()
    #expect(chain.hq.localToken != first)
    #expect(try chain.hq.http("GET", "/v1/status", token: first).status == 401)
  }

  @Test func anAddressThatOthersReachNeedsACertificate() throws {
    let chain = try Chain()
    let refused = try chain.run(
      "hq-node", ["run", "--data", chain.hq.directory, "--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"])
    #expect(refused.status == 2)
    #expect(refused.problem.contains("--http-cert"))
    let half = try chain.run(
      "hq-node", ["run", "--data", chain.hq.directory, "--http", "127.0.0.1:0", "--http-key", "k"])
    #expect(half.status == 2)
    let missing = try chain.run(
      "hq-node",
      ["run", "--data", chain.hq.directory, "--http", "0.0.0.0:0", "--http-cert", "/nowhere", "--http-key", "/nowhere"])
    #expect(missing.status == 2)
    #expect(missing.problem.contains("cannot be opened"))
  }

  @Test func whatIsLargerThanItMayBeIsRefusedWithItsLimit() throws {
    let chain = try chain()
    let large = try chain.hq.http("POST", "/v1/conflicts/1/settle", String(repeating: "x", count: (8 << 20) + 1))
    #expect(large.status == 413)
    #expect(try large.json["code"] == "too-large")
    let parameters = (0..<65).map { "p\($0)=1" }.joined(separator: "&")
    #expect(try chain.hq.http("GET", "/v1/status?\(parameters)").status == 400)
    let path = try chain.hq.http("GET", "/v1/records/member/" + String(repeating: "x", count: 3_000))
    #expect(path.status == 400)
  }

  @Test(arguments: ["/v1/status?stores=%FF", "/v1/status?stores=%zz", "/v1/%00%01/%FF"])
  func whatIsNoEscapedUTF8IsRefused(path: String) throws {
    let chain = try chain()
    #expect(try chain.hq.http("GET", path).status == 400)
  }

  @Test func aBodyThatIsNoJSONObjectIsRefusedWithThePlace() throws {
    let chain = try chain()
    for (body, type, status) in [
      ("{\"choice\": 1,}", "application/json", 400), ("[]", "application/json", 400), ("{}", "text/plain", 415),
      ("{}", "application/json", 422), ("{\"choice\":\"take\",\"other\":\"1\"}", "application/json", 422),
    ] {
      let answer = try chain.hq.http("POST", "/v1/conflicts/1/settle", body, headers: ["Content-Type": type])
      #expect(answer.status == status, "\(body): \(answer.text)")
    }
    let gone = try chain.hq.http("POST", "/v1/conflicts/1/settle", "{\"choice\":\"accept\"}")
    #expect(gone.status == 404)
  }

  @Test func aConnectionThatSaysNothingDoesNotHoldUpTheEnd() throws {
    let chain = try chain()
    let silent = try HTTPConnection(port: try chain.hq.httpPort)
    let begun = try HTTPConnection(port: try chain.hq.httpPort)
    try begun.send("POST /v1/conflicts/1/settle HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of")
    #expect(try chain.hq.http("GET", "/v1/status").status == 200)
    try chain.hq.stop()
    withExtendedLifetime(silent) {}
  }
}
