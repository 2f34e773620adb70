import Base
import Dispatch
import Glibc
import Testing

@testable import Transport

/// In processes of their own, because other tests open descriptors at the same time.
@Suite struct LeakTests {
  @Test(arguments: [Kind.tcp, .unix, .tls])
  func connectionsLeaveNoDescriptorBehind(kind: Kind) async {
    await #expect(processExitsWith: .success) { [kind = kind.rawValue as String] in
      let kind = try #require(Kind(rawValue: kind))
      try openAndClose(kind, 5)
      let before = openDescriptors()
      try openAndClose(kind, 200)
      #expect(openDescriptors() == before)
    }
  }

  @Test(arguments: Kind.allCases)
  func streamsAreFreedOnceClosed(kind: Kind) throws {
    let bench = Bench()
    let ended = Promise<Void>()
    let listener = try bench.listen(kind, try Scratch()) { stream in
      stream.onReceive = { stream.send($0) }
      stream.onClose = { _ in ended.fulfil(()) }
      stream.start()
    }
    weak var started: ByteStream?
    weak var unstarted: ByteStream?
    let clientEnded = Promise<Void>()
    try {
      let one = try bench.connect(to: listener.boundAddress, kind, keeping: false).get()
      started = one
      bench.queue.sync {
        one.onReceive = { _ in one.close(flushing: true) }
        one.onClose = { _ in clientEnded.fulfil(()) }
        one.start()
        one.send([1])
      }
      unstarted = try bench.connect(to: listener.boundAddress, kind, keeping: false).get()
    }()
    try clientEnded.wait("the client's end")
    try ended.wait("the server's end")
    try bench.tearDown()
    bench.queue.sync {}
    #expect(started == nil)
    #expect(unstarted == nil)
  }

  @Test func aListenerOutlivesTheLackOfDescriptors() async {
    await #expect(processExitsWith: .success) {
      let bench = Bench()
      let logged = Promise<LogEvent>()
      let accepted = Promise<Void>()
      let listener = try bench.listen(.tcp, try Scratch(), log: { logged.fulfil($0) }) { stream in
        bench.keep(stream)
        accepted.fulfil(())
      }
      let raw = RawSocket(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
      var hoard: [Int32] = []
      var limit = rlimit(rlim_cur: 256, rlim_max: 256)
      try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      while case let spare = dup(0), spare >= 0 { hoard.append(spare) }
      let endpoint = try #require(listener.boundEndpoint)
      let target = try #require(try Resolver.lookUp(endpoint, flags: AI_NUMERICHOST).get().first)
      try #require(Socket.connect(raw.descriptor, to: target) == 0)
      #expect(try logged.wait("the log").name == "listener.exhausted")
      for descriptor in hoard { close(descriptor) }
      try accepted.wait("the connection that waited")
      try bench.tearDown()
    }
  }

  /// Strangers that connect and say nothing take up places; the next comes when one leaves.
  @Test("FC-46 handshakes under way have a limit, whoever calls")
  func handshakesUnderWayHaveALimit() async {
    await #expect(processExitsWith: .success) {
      let bench = Bench()
      let silentLeft = Promise<LogEvent>()
      let listener = try bench.listen(.tls, try Scratch(), log: { silentLeft.fulfil($0) }) { bench.keep($0) }
      let silent = try (0..<Limits.handshakes).map { _ in try RawSocket.connected(to: listener.boundAddress) }
      let error = try bench.failure(to: listener.boundAddress, Bench.client(), timeout: 300)
      #expect(error.code == .timedOut)
      silent[0].close()
      silent[1].close()
      _ = try bench.connect(to: listener.boundAddress, .tls).get()
      #expect(try silentLeft.wait("the log").name == "listener.handshakeFailed")
      for raw in silent.dropFirst(2) { raw.close() }
      try bench.tearDown()
    }
  }
}

private func openAndClose(_ kind: Kind, _ count: Int) throws {
  let bench = Bench()
  let ended = Promise<Void>()
  var left = count * 2
  let end: (TransportError?) -> Void = { _ in
    left -= 1
    if left == 0 { ended.fulfil(()) }
  }
  let listener = try bench.listen(kind, try Scratch()) { stream in
    stream.onReceive = { stream.send($0) }
    stream.onClose = end
    stream.start()
  }
  for index in 0..<count {
    let stream = try bench.connect(to: listener.boundAddress, kind, keeping: false).get()
    bench.queue.sync {
      stream.onReceive = { _ in stream.close(flushing: index % 2 == 0) }
      stream.onClose = end
      stream.start()
      stream.send([1])
    }
  }
  try ended.wait("all streams' ends")
  try bench.tearDown()
}
