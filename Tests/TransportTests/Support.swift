import Base
import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Transport

/// How long a test waits for something that must happen: generous, because a loaded machine is slow and a sanitizer slower, and
/// never reached in a test that passes.
let patience = DispatchTimeInterval.seconds(120)

/// A value that a callback delivers and the test waits for.
final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let semaphore = DispatchSemaphore(value: 0)

  func fulfil(_ value: Value) {
    self.value.withLock { $0 = value }
    semaphore.signal()
  }

  func wait(_ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) throws -> Value {
    let result = semaphore.wait(timeout: .now() + patience)
    try #require(result == .success, "waited in vain for \(what)", sourceLocation: sourceLocation)
    return try #require(value.withLock { $0 }, sourceLocation: sourceLocation)
  }
}

/// A queue with streams on it. What it collects is guarded by the queue.
final class Bench: @unchecked Sendable {
  let queue = DispatchQueue(label: "transport.tests")
  private(set) var streams: [ByteStream] = []
  private(set) var listeners: [Listener] = []
  /// Socket files live as long as the bench.
  fileprivate var directories: [Scratch] = []

  init() { ignoreBrokenPipes() }

  func keep(_ stream: ByteStream) { streams.append(stream) }
  func keep(_ listener: Listener) { listeners.append(listener) }

  /// Closes all and waits until the descriptors are back.
  func tearDown() throws {
    let done = Promise<Void>()
    queue.sync {
      let group = DispatchGroup()
      for listener in listeners {
        group.enter()
        listener.close { group.leave() }
      }
      for stream in streams { stream.close(flushing: false) }
      streams = []
      listeners = []
      group.notify(queue: queue) { done.fulfil(()) }
    }
    try done.wait("closing")
  }
}

/// The kinds of stream that the same tests run over.
enum Kind: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case tcp, tcp6, unix, tls

  var testDescription: String { rawValue }
}

/// A directory of the test's own.
final class Scratch {
  let path: String

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(parent)/transport-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    path = String(cString: made)
  }

  deinit {
    for name in ["socket", "other"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

extension Bench {
  static let identity = Result<TLSIdentity, TransportError> { () throws(TransportError) in try TLSIdentity.generate() }

  static func client() throws -> TLSClient { try TLSClient(pinnedKey: identity.get().pin) }

  func listen(
    _ kind: Kind, _ scratch: Scratch, log: @escaping LogSink = { _ in }, accept: @escaping (ByteStream) -> Void
  ) throws -> Listener {
    let address: Address =
      switch kind {
      case .tcp, .tls: .tcp(Endpoint(host: "127.0.0.1", port: 0))
      case .tcp6: .tcp(Endpoint(host: "::1", port: 0))
      case .unix: .unix(path: "\(scratch.path)/socket")
      }
    let listener = try Listener(
      at: address, tls: kind == .tls ? Self.identity.get() : nil, queue: queue, log: log, accept: accept)
    queue.sync {
      keep(listener)
      directories.append(scratch)
    }
    return listener
  }

  func connect(
    to address: Address, _ kind: Kind, keeping: Bool = true
  ) throws -> Result<ByteStream, TransportError> {
    try connect(to: address, tls: kind == .tls ? Self.client() : nil, timeout: 20_000, keeping: keeping)
  }

  func connect(
    to address: Address, tls: TLSClient?, timeout: Int, keeping: Bool
  ) throws -> Result<ByteStream, TransportError> {
    let connected = Promise<Result<ByteStream, TransportError>>()
    queue.async {
      _ = Connector.connect(to: address, tls: tls, queue: self.queue, timeoutMilliseconds: timeout) { result in
        if keeping, case .success(let stream) = result { self.keep(stream) }
        connected.fulfil(result)
      }
    }
    return try connected.wait("connecting")
  }

  /// The error of a connection that must not come about.
  func failure(to address: Address, _ tls: TLSClient?, timeout: Int = 20_000) throws -> TransportError {
    switch try connect(to: address, tls: tls, timeout: timeout, keeping: true) {
    case .success: throw TransportError(.io, "connected, though it must not")
    case .failure(let error): return error
    }
  }
}

/// What a stream did, and until when to wait for it.
struct Ending: Sendable {
  var error: TransportError?
  var received: [UInt8]
}

extension ByteStream {
  /// Starts the stream on its queue, collecting what it receives; the promise is fulfilled by `onClose`.
  func collect(on bench: Bench, _ prepare: @escaping (ByteStream) -> Void = { _ in }) -> Promise<Ending> {
    let ending = Promise<Ending>()
    bench.queue.sync { collectHere(ending, prepare) }
    return ending
  }

  func collectHere(_ ending: Promise<Ending>, _ prepare: (ByteStream) -> Void = { _ in }) {
    var received: [UInt8] = []
    onReceive = { received += $0 }
    onClose = { ending.fulfil(Ending(error: $0, received: received)) }
    prepare(self)
    start()
  }
}

/// A raw listening or connecting socket: a peer that is not ours.
struct RawSocket {
  let descriptor: Int32

  /// Listens on a free port of the loopback.
  static func listening() throws -> (RawSocket, Endpoint) {
    let bound = try BoundSocket(.tcp(Endpoint(host: "127.0.0.1", port: 0)))
    var flags = fcntl(bound.descriptor, F_GETFL)
    flags &= ~O_NONBLOCK
    try #require(fcntl(bound.descriptor, F_SETFL, flags) == 0)
    guard case .tcp(let endpoint) = bound.address else { throw TransportError(.io, "no endpoint") }
    return (RawSocket(descriptor: bound.descriptor), endpoint)
  }

  static func connected(to address: Address) throws -> RawSocket {
    let target: SocketAddress =
      switch address {
      case .tcp(let endpoint): try #require(try Resolver.lookUp(endpoint, flags: AI_NUMERICHOST).get().first)
      case .unix(let path): try SocketAddress(unixPath: path)
      }
    let raw = RawSocket(descriptor: socket(target.family, Int32(SOCK_STREAM.rawValue), 0))
    try #require(Socket.connect(raw.descriptor, to: target) == 0)
    return raw
  }

  func accept() -> RawSocket { RawSocket(descriptor: Glibc.accept(descriptor, nil, nil)) }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  func receive(atMost count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = recv(descriptor, &bytes, count, 0)
    return Array(bytes.prefix(max(received, 0)))
  }

  func receiveAll() -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let chunk = receive(atMost: 65536)
      guard !chunk.isEmpty else { return all }
      all += chunk
    }
  }

  func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }
  func close() { _ = Glibc.close(descriptor) }
}

/// Descriptors that the process has open.
func openDescriptors() -> Int {
  guard let directory = opendir("/proc/self/fd") else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count
}
