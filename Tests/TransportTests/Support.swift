import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Transport

/// How long a test waits for something that must happen: generous, because a loaded machine is slow, and never reached in a
/// test that passes.
let patience = DispatchTimeInterval.seconds(30)

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
  func listen(_ kind: Kind, _ scratch: Scratch, accept: @escaping (ByteStream) -> Void) throws -> Listener {
    let address: Address =
      switch kind {
      case .tcp, .tls: .tcp(Endpoint(host: "127.0.0.1", port: 0))
      case .tcp6: .tcp(Endpoint(host: "::1", port: 0))
      case .unix: .unix(path: "\(scratch.path)/socket")
      }
    let listener = try Listener(at: address, queue: queue, accept: accept)
    queue.sync { keep(listener) }
    return listener
  }

  func connect(to address: Address, _ kind: Kind, timeout: Int = 20_000) throws -> Result<ByteStream, TransportError> {
    let connected = Promise<Result<ByteStream, TransportError>>()
    queue.async {
      _ = Connector.connect(to: address, queue: self.queue, timeoutMilliseconds: timeout) { result in
        if case .success(let stream) = result { self.keep(stream) }
        connected.fulfil(result)
      }
    }
    return try connected.wait("connecting")
  }
}
