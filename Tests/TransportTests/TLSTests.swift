import Base
import Dispatch
import Testing

@testable import Transport

@Suite struct TLSTests {
  @Test func anIdentitySurvivesItsFile() throws {
    let made = try TLSIdentity.generate()
    #expect(made.pin.count == 32)
    #expect(try TLSIdentity(pem: made.pem).pin == made.pin)
    #expect(try TLSIdentity.generate().pin != made.pin)
  }

  @Test func aDamagedIdentityIsAnError() throws {
    let one = String(decoding: try TLSIdentity.generate().pem, as: UTF8.self)
    let two = String(decoding: try TLSIdentity.generate().pem, as: UTF8.self)
    let mark = "-----BEGIN CERT"
    let cut = try #require(one.firstRange(of: mark)).lowerBound
    let otherCut = try #require(two.firstRange(of: mark)).lowerBound
    let mixed = one[..<cut] + two[otherCut...]
    let tooLong = one + String(repeating: "\n", count: Limits.identityBytes)
    for text in ["", "nonsense", String(one[..<cut]), String(one[cut...]), String(mixed), tooLong] {
      let error = #expect(throws: TransportError.self) { try TLSIdentity(pem: Array(text.utf8)) }
      #expect(error?.code == .tls)
    }
  }

  @Test func aPinHas32Bytes() {
    #expect(throws: TransportError.self) { try TLSClient(pinnedKey: [1, 2, 3]) }
  }

  @Test func theClientSeesTheKeyItPinned() throws {
    let bench = Bench()
    let listener = try bench.listen(.tls, try Scratch()) { stream in bench.keep(stream) }
    let stream = try bench.connect(to: listener.boundAddress, .tls).get()
    #expect(stream.peerKeyPin == (try Bench.identity.get().pin))
    #expect(stream.peerDescription == listener.boundAddress.description)
    try bench.tearDown()
  }

  @Test func anotherKeyIsRefused() throws {
    let bench = Bench()
    let listener = try bench.listen(.tls, try Scratch()) { stream in bench.keep(stream) }
    let other = try TLSClient(pinnedKey: TLSIdentity.generate().pin)
    let error = try bench.failure(to: listener.boundAddress, other)
    #expect(error.code == .pinMismatch)
    #expect(error.message.contains(Hex.encode(try Bench.identity.get().pin)))
    try bench.tearDown()
  }

  @Test(arguments: [
    ("HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP server"), ("220 mail.example ESMTP\r\n", "a mail or FTP server"),
    ("HTTP/1.1 302 Found\r\n\r\n", "captive portal"), ("SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"),
    ("H", "doesn't speak TLS"),
  ])
  func aServerThatIsNotTLSIsNamed(answer: String, expected: String) throws {
    let bench = Bench()
    let (server, endpoint) = try RawSocket.listening()
    let thread = DispatchQueue(label: "server")
    thread.async {
      let peer = server.accept()
      _ = peer.receive(atMost: 5)
      peer.send(answer)
      _ = peer.receiveAll()
      peer.close()
    }
    let error = try bench.failure(to: .tcp(endpoint), Bench.client())
    #expect(error.code == .tls)
    #expect(error.message.contains(expected), "\(error)")
    thread.sync { server.close() }
    try bench.tearDown()
  }

  @Test func aServerThatHangsUpDuringTheHandshakeIsNamed() throws {
    let bench = Bench()
    let (server, endpoint) = try RawSocket.listening()
    let thread = DispatchQueue(label: "server")
    thread.async {
      let peer = server.accept()
      peer.finishSending()
      _ = peer.receiveAll()
      peer.close()
    }
    let error = try bench.failure(to: .tcp(endpoint), Bench.client())
    #expect(error.code == .closed, "\(error)")
    thread.sync { server.close() }
    try bench.tearDown()
  }

  @Test func aSilentServerTimesOut() throws {
    let bench = Bench()
    let (server, endpoint) = try RawSocket.listening()
    let error = try bench.failure(to: .tcp(endpoint), Bench.client(), timeout: 100)
    #expect(error.code == .timedOut)
    #expect(error.message.contains("no TLS answer"), "\(error)")
    server.close()
    try bench.tearDown()
  }

  @Test(arguments: [("hello, world", "doesn't speak TLS"), ("GET /v1/status HTTP/1.1\r\n\r\n", "HTTP client")])
  func aClientThatIsNotTLSIsLogged(text: String, expected: String) throws {
    let bench = Bench()
    let logged = Promise<LogEvent>()
    let listener = try bench.listen(.tls, try Scratch(), log: { logged.fulfil($0) }) { _ in
      Issue.record("accepted a stream without TLS")
    }
    let plain = try bench.connect(to: listener.boundAddress, .tcp).get()
    let ending = plain.collect(on: bench) { $0.send(Array(text.utf8)) }
    #expect(try ending.wait("the end of the plain client").received.isEmpty)
    let event = try logged.wait("the log")
    #expect(event.name == "listener.handshakeFailed")
    #expect(event.message.contains(expected), "\(event)")
    try bench.tearDown()
  }

  @Test func aStreamCutOffIsAnErrorAndAFinishedOneIsNot() throws {
    let bench = Bench()
    for flushing in [true, false] {
      let listener = try bench.listen(.tls, try Scratch()) { stream in
        stream.onReceive = { _ in stream.close(flushing: flushing) }
        stream.start()
      }
      let client = try bench.connect(to: listener.boundAddress, .tls).get()
      let ending = try client.collect(on: bench) { $0.send([1]) }.wait("the end")
      #expect(ending.error?.code == (flushing ? nil : .closed))
    }
    try bench.tearDown()
  }
}
