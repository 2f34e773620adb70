import Dispatch
import HTTPClient
import Synchronization
import Testing
import Transport

@Suite struct HTTPClientTests {
  private let client = HTTPClient()

  private static func answer(_ status: String, _ body: String = "", headers: String = "") -> String {
    "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
  }

  private func code(_ request: HTTPClientRequest) -> HTTPError.Code? {
    do throws(HTTPError) {
      _ = try client.perform(request)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func aRequestAndItsAnswer() throws {
    let server = try TestServer { _ in Self.answer("201 Created", "möglich", headers: "X-One:  a \r\nx-one: b\r\n") }
    let request = HTTPClientRequest(
      "POST", server.address, headers: [.init("content-type", "text/plain")], body: Array("body".utf8))
    let answer = try client.perform(request)
    #expect(answer.status == 201)
    #expect(answer.body == Array("möglich".utf8))
    #expect(answer.header("x-one") == "a")
    #expect(answer.headers.map(\.name) == ["content-length", "x-one", "x-one"])
    let sent = try #require(server.requests.first)
    #expect(sent.hasPrefix("POST /path?query=1 HTTP/1.1\r\n"))
    #expect(sent.hasSuffix("\r\n\r\nbody"))
    #expect(sent.contains("content-type: text/plain\r\n"))
    #expect(!sent.contains("Expect"))
  }

  @Test(arguments: ["GET", "DELETE", "PUT", "PATCH", "HEAD"]) func otherMethods(_ method: String) throws {
    let server = try TestServer { _ in Self.answer("200 OK", method == "HEAD" ? "" : "x") }
    let body: [UInt8]? = method.hasPrefix("P") ? [] : nil
    #expect(try client.perform(HTTPClientRequest(method, server.address, body: body)).status == 200)
    #expect(server.requests.first?.hasPrefix(method + " ") == true)
  }

  @Test func aConnectionServesTheNextRequest() throws {
    let server = try TestServer { _ in Self.answer("200 OK", "x") }
    for _ in 0..<3 { #expect(try client.perform(HTTPClientRequest("GET", server.address)).body == Array("x".utf8)) }
    #expect(server.requests.count == 3)
  }

  @Test func aRedirectionIsAnAnswer() throws {
    let server = try TestServer { _ in Self.answer("302 Found", headers: "Location: http://127.0.0.1:1/\r\n") }
    let answer = try client.perform(HTTPClientRequest("GET", server.address))
    #expect(answer.status == 302)
    #expect(server.requests.count == 1)
  }

  @Test func answersAreBounded() throws {
    let server = try TestServer { request in
      request.contains("/path") ? Self.answer("200 OK", String(repeating: "x", count: 5_000)) : nil
    }
    #expect(code(HTTPClientRequest("GET", server.address, answerLimitBytes: 4_999)) == .tooLarge)
    #expect(code(HTTPClientRequest("GET", server.address, answerLimitBytes: 5_000)) == nil)
    let headers = String(repeating: "x: \(String(repeating: "y", count: 900))\r\n", count: 100)
    let talkative = try TestServer { _ in Self.answer("200 OK", headers: headers) }
    #expect(code(HTTPClientRequest("GET", talkative.address)) == .tooLarge)
  }

  @Test func nobodyAnswers() throws {
    let server = try TestServer { _ in nil }
    #expect(code(HTTPClientRequest("GET", server.address, timeoutMilliseconds: 100)) == .timedOut)
    #expect(code(HTTPClientRequest("GET", "http://127.0.0.1:1/")) == .unreachable)
    let odd = try TestServer { _ in "SSH-2.0-nothing\r\n" }
    #expect(code(HTTPClientRequest("GET", odd.address, timeoutMilliseconds: 5_000)) == .broken)
  }

  @Test func aRequestCanBeTakenBack() throws {
    let server = try TestServer { _ in nil }
    let error = Mutex<HTTPError.Code?>(nil)
    let done = DispatchSemaphore(value: 0)
    let call = client.send(HTTPClientRequest("GET", server.address)) { result in
      if case .failure(let failure) = result { error.withLock { $0 = failure.code } }
      done.signal()
    }
    call.cancel()
    #expect(done.wait(timeout: .now() + 60) == .success)
    #expect(error.withLock { $0 } == .cancelled)
    call.cancel()
  }

  @Test func manyAtOnce() throws {
    let server = try TestServer { _ in Self.answer("200 OK", "x") }
    let done = DispatchGroup()
    let count = Mutex(0)
    for _ in 0..<40 {
      done.enter()
      client.send(HTTPClientRequest("GET", server.address)) { result in
        if (try? result.get().status) == 200 { count.withLock { $0 += 1 } }
        done.leave()
      }
    }
    #expect(done.wait(timeout: .now() + 60) == .success)
    #expect(count.withLock { $0 } == 40)
  }

  @Test func whomNobodyVouchesForIsNotTrusted() throws {
    let server = try TestServer(tls: TLSIdentity.generate()) { _ in
      Self.answer("200 OK")
    }
    #expect(code(HTTPClientRequest("GET", "https://127.0.0.1:\(server.port)/")) == .untrusted)
    #expect(server.requests == [])
  }

  @Test(arguments: [
    "http://example.com/", "http://127.0.0.1.example.com/", "http://10.0.0.1/", "http://[::2]/", "http://localhost.x/",
  ])
  func withoutTLSOnlyOnThisMachine(_ address: String) {
    #expect(code(HTTPClientRequest("GET", address)) == .notAllowed)
  }

  @Test(arguments: [
    "", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://", "https://user:word@example.com/",
    "https://exa mple.com/", "https://example.com/\r\nX: y", "https://exämple.com/", "gopher://127.0.0.1/",
  ])
  func whatIsNoAddress(_ address: String) {
    #expect(code(HTTPClientRequest("GET", address)) == .badAddress)
  }

  @Test func addressesAreBounded() {
    let address = "https://127.0.0.1:1/" + String(repeating: "x", count: HTTPLimits.addressBytes)
    #expect(code(HTTPClientRequest("GET", address)) == .badAddress)
  }

  @Test func headersCannotBreakOut() {
    #expect(code(HTTPClientRequest("GET", "http://127.0.0.1:1/", headers: [.init("x", "a\r\nevil: b")])) == .broken)
  }

  @Test func theLoopbackAddresses() throws {
    for address in ["http://localhost:80/", "http://127.0.0.1/", "http://127.9.9.9:8080/x", "http://[::1]:1/"] {
      #expect(try HTTPAddress(address, allowsPlainHTTP: false).scheme == "http")
    }
    #expect(try HTTPAddress("http://example.com/", allowsPlainHTTP: true).host == "example.com")
    #expect(try HTTPAddress("https://example.com", allowsPlainHTTP: false).host == "example.com")
  }
}
