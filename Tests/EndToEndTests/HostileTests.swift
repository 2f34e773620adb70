import Dispatch
import Glibc
import NodeRuntime
import Synchronization
import Testing
import Transport

/// Whoever reaches a port may write anything to it; the daemon behind goes on.
@Suite struct HostileTests {
  /// None of them is a greeting.
  static let openings: [(name: String, bytes: [UInt8])] = [
    ("nothing at all", []),
    ("a frame that never ends", [0xFF, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0x41, count: 1 << 16)),
    ("an empty frame", [0, 0, 0, 0]),
    ("a frame of zeros", [0, 0, 0, 64] + [UInt8](repeating: 0, count: 64)),
    ("arrays in arrays in arrays", [0, 0, 0x40, 0] + [UInt8](repeating: 0x81, count: 0x4000)),
    ("an array of 2⁶⁴ − 1", [0, 0, 0, 9, 0x9B] + [UInt8](repeating: 0xFF, count: 8)),
    ("words", Array("GET /v1/status HTTP/1.1\r\nHost: hq\r\n\r\n".utf8)),
    ("noise", (0..<50_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }),
  ]

  @Test func anyBytesAfterTheTLSHandshake() throws {
    let chain = try Chain()
    let code = try chain.joinCode(1)
    try chain.addStore(1, code: code)
    try chain.startHQ()
    try chain.start(chain.stores[0])
    try chain.inSync()
    let endpoint = try #require(Endpoint(parsing: chain.address))
    let pin = try JoinCode(parsing: code).pin
    for (name, bytes) in Self.openings {
      try Visitor(.tcp(endpoint), tls: TLSClient(pinnedKey: pin)).say(bytes, name)
    }
    try goesOn(chain, chain.hq)
  }

  /// Nobody binds megabytes at HQ before it knows who they are.
  @Test func aGreetingWithoutEnd() throws {
    let chain = try Chain()
    let code = try chain.joinCode(1)
    try chain.startHQ()
    let endpoint = try #require(Endpoint(parsing: chain.address))
    let visitor = try Visitor(.tcp(endpoint), tls: TLSClient(pinnedKey: try JoinCode(parsing: code).pin))
    // The beginning of a frame of 8 MiB, which a batch could be.
    let isAnswered = visitor.isAnswered([0, 0x80, 0, 0] + [UInt8](repeating: 0x41, count: 1 << 20))
    #expect(isAnswered)
  }

  @Test func anyBytesAtTheControlSocket() throws {
    let chain = try Chain(stores: [1])
    for node in [chain.hq, chain.stores[0]] {
      for (name, bytes) in Self.openings {
        try Visitor(.unix(path: "\(node.directory)/control.sock"), tls: nil).say(bytes, name)
      }
      try goesOn(chain, node)
    }
  }

  private func goesOn(_ chain: Chain, _ node: Node) throws {
    let pid = try #require(node.daemon).pid
    #expect(kill(pid, 0) == 0, "\(node.log)")
    let member = "\(milliseconds())"
    try chain.expectDone(chain.importing(["id,name", "\(member),Ann"], as: "member", into: node))
    try chain.inSync()
    #expect(try chain.stores[0].rows("SELECT name FROM members WHERE id = '\(member)'") == ["Ann"])
  }
}

/// A peer that connects, says something, and hangs up when it is answered, refused, or has waited for a while.
private final class Visitor: Sendable {
  private let queue = DispatchQueue(label: "visitor")
  private let stream: ByteStream
  private let heard = DispatchSemaphore(value: 0)

  init(_ address: Address, tls: TLSClient?) throws {
    let queue = queue
    let connected = DispatchSemaphore(value: 0)
    let result = Mutex<Result<ByteStream, TransportError>?>(nil)
    queue.async {
      _ = Connector.connect(to: address, tls: tls, queue: queue, timeoutMilliseconds: Int(patienceMilliseconds)) {
        found in
        result.withLock { $0 = found }
        connected.signal()
      }
    }
    connected.wait()
    stream = try #require(result.withLock { $0 }).get()
  }

  /// Whether it hears something, be it the end, long before a greeting is overdue.
  func isAnswered(_ bytes: [UInt8]) -> Bool {
    queue.sync {
      stream.onReceive = { _ in self.heard.signal() }
      stream.onClose = { _ in self.heard.signal() }
      stream.start()
      stream.send(bytes)
    }
    defer { queue.sync { stream.close(flushing: false) } }
    return heard.wait(timeout: .now() + .seconds(5)) == .success
  }

  func say(_ bytes: [UInt8], _ name: String) {
    queue.sync {
      stream.onReceive = { _ in self.heard.signal() }
      stream.onClose = { _ in self.heard.signal() }
      stream.start()
      stream.send(bytes)
    }
    // Some of it is the beginning of a frame, for the rest of which a daemon rightly waits.
    _ = heard.wait(timeout: .now() + .milliseconds(100))
    queue.sync { stream.close(flushing: false) }
  }
}
