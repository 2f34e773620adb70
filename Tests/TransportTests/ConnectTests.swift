import Base
import Dispatch
import Glibc
import Testing

@testable import Transport

@Suite struct ConnectTests {
  @Test(arguments: [Kind.tcp, .tcp6])
  func aPortNobodyListensOnIsRefused(kind: Kind) throws {
    let bench = Bench()
    let listener = try bench.listen(kind, try Scratch()) { _ in }
    try bench.tearDown()
    #expect(try bench.failure(to: listener.boundAddress, nil).code == .refused)
  }

  @Test func aSocketFileThatIsMissingIsRefused() throws {
    let scratch = try Scratch()
    #expect(try Bench().failure(to: .unix(path: "\(scratch.path)/socket"), nil).code == .refused)
  }

  @Test func aNameIsResolvedAndItsAddressesTriedInTurn() throws {
    let bench = Bench()
    let listener = try bench.listen(.tcp, try Scratch()) { bench.keep($0) }
    let port = try #require(listener.boundEndpoint).port
    // Where `localhost` means ::1 first, that is refused and 127.0.0.1 tried.
    let stream = try bench.connect(to: .tcp(Endpoint(host: "localhost", port: port)), .tcp).get()
    #expect(stream.peerDescription == "127.0.0.1:\(port)")
    try bench.tearDown()
  }

  @Test func aPortInUseIsNamed() throws {
    let bench = Bench()
    let listener = try bench.listen(.tcp, try Scratch()) { _ in }
    let error = #expect(throws: TransportError.self) {
      try Listener(at: listener.boundAddress, queue: bench.queue) { _ in }
    }
    #expect(error?.code == .addressInUse)
    try bench.tearDown()
  }

  @Test func aCancelledAttemptCallsNobodyAndLeavesNothing() throws {
    let bench = Bench()
    let (server, endpoint) = try RawSocket.listening()
    let tls = try Bench.client()
    bench.queue.sync {
      let attempt = Connector.connect(to: .tcp(endpoint), tls: tls, queue: bench.queue, timeoutMilliseconds: 60_000) {
        _ in
        Issue.record("a cancelled attempt called back")
      }
      bench.queue.async { bench.queue.async { bench.queue.async { attempt.cancel() } } }
    }
    let peer = server.accept()
    // Returns because the attempt's socket is closed.
    _ = peer.receiveAll()
    peer.close()
    server.close()
    try bench.tearDown()
  }

  @Test func aConnectedSocketNoticesADeadLine() throws {
    let descriptor = try Socket.make(family: AF_INET)
    defer { _ = close(descriptor) }
    Socket.tuneTCP(descriptor)
    let tcp = Int32(IPPROTO_TCP)
    #expect(option(descriptor, tcp, TCP_NODELAY) != 0)
    #expect(option(descriptor, SOL_SOCKET, SO_KEEPALIVE) != 0)
    #expect(option(descriptor, tcp, TCP_KEEPIDLE) == Limits.keepAliveIdle)
    #expect(option(descriptor, tcp, TCP_KEEPINTVL) == Limits.keepAliveInterval)
    #expect(option(descriptor, tcp, TCP_KEEPCNT) == Limits.keepAliveProbes)
    #expect(option(descriptor, tcp, TCP_USER_TIMEOUT) == Limits.unacknowledgedMilliseconds)
    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
    #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
  }

  @Test func anAcceptedSocketIsNotInherited() throws {
    let bound = try BoundSocket(.tcp(Endpoint(host: "127.0.0.1", port: 0)))
    let raw = try RawSocket.connected(to: bound.address)
    var ready = pollfd(fd: bound.descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&ready, 1, 30_000) == 1)
    let accepted = try Socket.accept(bound.descriptor).get()
    for descriptor in [bound.descriptor, accepted] {
      #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
      #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
      _ = close(descriptor)
    }
    raw.close()
  }

  private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
    var value: Int32 = -1
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : -1
  }

  @Test func systemErrorsHaveStableCodes() {
    #expect(Socket.systemError(ECONNREFUSED, "x").code == .refused)
    #expect(Socket.systemError(ETIMEDOUT, "x").code == .timedOut)
    #expect(Socket.systemError(ENETUNREACH, "x").code == .connect)
    #expect(Socket.systemError(EPIPE, "x").code == .closed)
    #expect(Socket.systemError(EADDRINUSE, "x").code == .addressInUse)
    #expect(Socket.systemError(EACCES, "x").code == .notPermitted)
    #expect(Socket.systemError(EACCES, "x").message.contains("ports below 1024"))
    #expect(Socket.systemError(EIO, "x").code == .io)
  }
}

@Suite struct SocketFileTests {
  @Test func onlyItsOwnerMayConnect() throws {
    let bench = Bench()
    let scratch = try Scratch()
    _ = try bench.listen(.unix, scratch) { _ in }
    #expect(try #require(mode("\(scratch.path)/socket")) & 0o777 == 0o600)
    try bench.tearDown()
    #expect(mode("\(scratch.path)/socket") == nil)
  }

  @Test func aStaleFileIsReplacedAndALiveOneIsNot() throws {
    let bench = Bench()
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let dead = try BoundSocket(.unix(path: path))
    _ = close(dead.descriptor)
    #expect(mode(path) != nil)
    _ = try bench.listen(.unix, scratch) { bench.keep($0) }
    let error = #expect(throws: TransportError.self) {
      try Listener(at: .unix(path: path), queue: bench.queue) { _ in }
    }
    #expect(error?.code == .addressInUse)
    _ = try bench.connect(to: .unix(path: path), .unix).get()
    try bench.tearDown()
  }

  @Test func aFileThatIsNoSocketIsLeftAlone() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/other"
    _ = close(open(path, O_CREAT | O_WRONLY, 0o600))
    let error = #expect(throws: TransportError.self) {
      try Listener(at: .unix(path: path), queue: DispatchQueue(label: "unused")) { _ in }
    }
    #expect(error?.code == .addressInUse)
    #expect(mode(path) != nil)
  }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : nil
  }
}
