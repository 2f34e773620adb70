import Dispatch
import Glibc
import Synchronization

/// Stands between a store and HQ, passes on what comes and counts it. It reads nothing of it but the heads of TLS's records.
final class Relay: Sendable {
  struct Traffic {
    /// From the store to HQ.
    var bytesUp = 0
    var bytesDown = 0
    var recordsUp = 0
    var recordsDown = 0
    /// How often the direction changed.
    var turns = 0
    var connections = 0
    /// When bytes last came.
    var last = Stopwatch()
    fileprivate var lastWasUp: Bool?
  }

  let port: UInt16
  private let listener: Int32
  private let target: UInt16
  private let traffic = Mutex(Traffic())
  private let isDropping = Atomic(false)
  private let isEnding = Atomic(false)
  private let done = DispatchSemaphore(value: 0)

  /// - Parameter target: HQ's port on the loopback.
  init(to target: UInt16) throws {
    self.target = target
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.listener = listener
    var bound = Self.loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &bound) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else { throw BenchError("the relay cannot listen: \(String(cString: strerror(errno)))") }
    port = UInt16(bigEndian: bound.sin_port)
    DispatchQueue(label: "bench.relay").async { [self] in
      while !isEnding.load(ordering: .relaxed) { acceptOne() }
      close(listener)
      done.signal()
    }
  }

  /// Ends it; nothing goes through any more.
  func stop() {
    isEnding.store(true, ordering: .relaxed)
    done.wait()
  }

  /// Cuts the connection, and counts from nothing on.
  func drop() {
    traffic.withLock { $0 = Traffic() }
    isDropping.store(true, ordering: .relaxed)
  }

  var counted: Traffic { traffic.withLock { $0 } }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  private func acceptOne() {
    var request = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    guard poll(&request, 1, 20) > 0 else { return }
    let store = accept(listener, nil, nil)
    guard store >= 0 else { return }
    defer { close(store) }
    let hq = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(hq) }
    var address = Self.loopback(target)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(hq, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else { return }
    var one: Int32 = 1
    for end in [store, hq] {
      setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    isDropping.store(false, ordering: .relaxed)
    traffic.withLock { $0.connections += 1 }
    pass(between: store, and: hq)
  }

  private func pass(between store: Int32, and hq: Int32) {
    var up = RecordCounter()
    var down = RecordCounter()
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    while !isDropping.load(ordering: .relaxed), !isEnding.load(ordering: .relaxed) {
      var requests = [
        pollfd(fd: store, events: Int16(POLLIN), revents: 0), pollfd(fd: hq, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&requests, 2, 20) > 0 else { continue }
      for (index, request) in requests.enumerated() where request.revents != 0 {
        let isUp = index == 0
        let count = read(request.fd, &buffer, buffer.count)
        guard count > 0 else { return }
        let records = isUp ? up.count(buffer[..<count]) : down.count(buffer[..<count])
        note(isUp, count, records)
        var written = 0
        while written < count {
          let result = buffer[written..<count].withUnsafeBytes { rest in
            send(isUp ? hq : store, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
          }
          guard result > 0 else { return }
          written += result
        }
      }
    }
  }

  private func note(_ isUp: Bool, _ bytes: Int, _ records: Int) {
    traffic.withLock { traffic in
      if isUp {
        traffic.bytesUp += bytes
        traffic.recordsUp += records
      } else {
        traffic.bytesDown += bytes
        traffic.recordsDown += records
      }
      if traffic.lastWasUp != isUp { traffic.turns += 1 }
      traffic.lastWasUp = isUp
      traffic.last = Stopwatch()
    }
  }
}

/// Counts TLS's records by their heads (RFC 8446, section 5.1).
private struct RecordCounter {
  private var head: [UInt8] = []
  private var rest = 0

  mutating func count(_ bytes: ArraySlice<UInt8>) -> Int {
    var bytes = bytes
    var records = 0
    while !bytes.isEmpty {
      if rest > 0 {
        let part = min(rest, bytes.count)
        bytes = bytes.dropFirst(part)
        rest -= part
      } else {
        head.append(bytes.removeFirst())
        guard head.count == 5 else { continue }
        rest = Int(head[3]) << 8 | Int(head[4])
        records += 1
        head = []
      }
    }
    return records
  }
}
