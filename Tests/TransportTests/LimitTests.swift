import Base
import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Transport

/// The limits that no other test meets on its way. Times are the test's own where somebody would have to wait for them.
@Suite struct LimitTests {
  // MARK: Closing

  @Test func lingeringGoesOnAsLongAsSomethingIsTaken() {
    var linger = Linger()
    linger.begin(unsent: 100)
    #expect(linger.milliseconds == Limits.lingerMilliseconds)
    #expect(linger.look(unsent: 99) == .wait)
    #expect(linger.look(unsent: 99) == .giveUp, "nothing was taken in a whole turn")
    linger.begin(unsent: 100)
    #expect(linger.look(unsent: 50) == .wait)
    #expect(linger.look(unsent: 0) == .done)
  }

  @Test func lingeringEndsThoughSomethingIsTakenEachTime() {
    var linger = Linger()
    linger.begin(unsent: 100)
    for turn in 1..<Limits.lingerTurns { #expect(linger.look(unsent: 100 - turn) == .wait) }
    #expect(linger.look(unsent: 1) == .giveUp)
  }

  @Test func aPeerThatTakesNothingHoldsUpNoClose() throws {
    let bench = Bench()
    let (server, endpoint) = try RawSocket.listening()
    let client = try bench.connect(to: .tcp(endpoint), .tcp).get()
    let peer = server.accept()
    let ending = client.collect(on: bench) { client in
      client.linger.milliseconds = 10
      client.send(Array(repeating: 0, count: 32 << 20))
      client.close(flushing: true)
    }
    #expect(try ending.wait("the end").error?.code == .timedOut)
    peer.close()
    server.close()
    try bench.tearDown()
  }

  // MARK: Turns

  /// What else the queue has to do gets its turn, however many connections wait.
  @Test func connectionsAreAcceptedInTurns() throws {
    let bench = Bench()
    let turn = Promise<Int>()
    let all = Promise<Void>()
    let waiting = Limits.acceptsPerTurn + 8
    let accepted = Atomic<Int>(0)
    let listener = try bench.listen(.tcp, try Scratch()) { stream in
      let number = accepted.add(1, ordering: .relaxed).newValue
      if number == 1 { bench.queue.async { turn.fulfil(accepted.load(ordering: .relaxed)) } }
      bench.keep(stream)
      if number == waiting { all.fulfil(()) }
    }
    bench.queue.suspend()
    let raw = try (0..<waiting).map { _ in try RawSocket.connected(to: listener.boundAddress) }
    bench.queue.resume()
    #expect(try turn.wait("the queue's other work") == Limits.acceptsPerTurn)
    try all.wait("the others")
    for raw in raw { raw.close() }
    try bench.tearDown()
  }

  /// The same for one that sends much.
  @Test func aStreamIsReadInTurns() throws {
    let bench = Bench()
    let turn = Promise<Int>()
    let ended = Promise<(chunks: Int, bytes: Int)>()
    let chunks = Atomic<Int>(0)
    let listener = try bench.listen(.tcp, try Scratch()) { stream in
      var bytes = 0
      stream.onReceive = { received in
        let number = chunks.add(1, ordering: .relaxed).newValue
        if number == 1 { bench.queue.async { turn.fulfil(chunks.load(ordering: .relaxed)) } }
        bytes += received.count
      }
      stream.onClose = { _ in ended.fulfil((chunks.load(ordering: .relaxed), bytes)) }
      stream.start()
    }
    bench.queue.suspend()
    let raw = try RawSocket.connected(to: listener.boundAddress)
    let size = 16 * Limits.readChunk * Limits.readsPerTurn
    DispatchQueue(label: "transport.tests.sender").async {
      raw.send(count: size)
      raw.finishSending()
    }
    bench.queue.resume()
    // The kernel's word that there is more to read may stand in the queue already: two turns at the most.
    #expect((1...2 * Limits.readsPerTurn).contains(try turn.wait("the queue's other work")))
    let end = try ended.wait("the end")
    #expect(end.bytes == size)
    #expect(end.chunks > 2 * Limits.readsPerTurn, "or this has shown nothing")
    raw.close()
    try bench.tearDown()
  }

  /// Everyone of a large chain, when HQ's line comes back. The kernel tells of a listening socket what its queue holds.
  @Test func theBacklogIsAsked() throws {
    let (server, _) = try RawSocket.listening()
    defer { server.close() }
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    try #require(getsockopt(server.descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0)
    let most = try #require(
      readText("/proc/sys/net/core/somaxconn").flatMap { UInt32($0.prefix { $0.isNumber }) })
    #expect(info.tcpi_sacked == min(UInt32(Limits.backlog), most))
  }

  // MARK: Names and addresses

  @Test func eachAddressGetsItsShareOfTheTime() {
    #expect(ConnectAttempt.share(ofMilliseconds: 30_000, addresses: 3) == 10_000)
    #expect(ConnectAttempt.share(ofMilliseconds: 3_000, addresses: 8) == Limits.addressMilliseconds)
    #expect(ConnectAttempt.share(ofMilliseconds: -1, addresses: 2) == Limits.addressMilliseconds)
  }

  @Test func soManyAddressesOfANameAreTried() throws {
    let target = try #require(
      try Resolver.lookUp(Endpoint(host: "127.0.0.1", port: 7), flags: AI_NUMERICHOST).get().first)
    let count = Limits.addresses + 3
    let nodes = UnsafeMutableBufferPointer<addrinfo>.allocate(capacity: count)
    defer { nodes.deallocate() }
    let found = target.withPointer { address, length in
      for index in nodes.indices {
        var node = addrinfo()
        node.ai_addr = UnsafeMutablePointer(mutating: address)
        node.ai_addrlen = length
        node.ai_next = index + 1 < count ? nodes.baseAddress.map { $0 + index + 1 } : nil
        nodes.initializeElement(at: index, to: node)
      }
      return Resolver.addresses(in: nodes.baseAddress)
    }
    #expect(found.count == Limits.addresses)
    #expect(Resolver.addresses(in: nil).isEmpty)
  }

  /// A name server that does not answer must not take thread after thread.
  @Test func lookUpsUnderWayHaveALimit() throws {
    let queue = DispatchQueue(label: "transport.tests.names")
    let places = LookupPlaces()
    func resolve(_ host: String) throws -> Result<[SocketAddress], TransportError> {
      let answer = Promise<Result<[SocketAddress], TransportError>>()
      Resolver.resolve(Endpoint(host: host, port: 7), queue: queue, places: places) { answer.fulfil($0) }
      return try answer.wait("an answer")
    }
    for _ in 0..<Limits.lookups { #expect(places.enter()) }
    let refused = try resolve("localhost")
    #expect(throws: TransportError.self) { try refused.get() }
    #expect(try resolve("127.0.0.1").get().count == 1, "a number needs no look-up")
    places.leave()
    #expect(try resolve("localhost").get().isEmpty == false)
    #expect(places.enter(), "the place is free again")
    #expect(!places.enter())
  }
}

extension RawSocket {
  /// Waits until the kernel has taken so many bytes.
  fileprivate func send(count: Int) {
    let bytes = [UInt8](repeating: 1, count: 1 << 16)
    var left = count
    while left > 0 {
      let sent = Glibc.send(descriptor, bytes, min(left, bytes.count), Int32(MSG_NOSIGNAL))
      guard sent > 0 else { return }
      left -= sent
    }
  }
}

private func readText(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 64)
  guard fgets(&line, Int32(line.count), file) != nil else { return nil }
  return String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
