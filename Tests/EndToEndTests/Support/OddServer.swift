import Glibc
import Synchronization
import Testing

/// Something else than HQ at a port: it says its greeting to whoever comes, waits until that has spoken, and says its answer.
final class OddServer: Sendable {
  let port: UInt16
  private let listener: Int32
  var address: String { "127.0.0.1:\(port)" }

  init(greeting: [UInt8] = [], answer: [UInt8] = []) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    try #require(descriptor >= 0)
    listener = descriptor
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && listen(descriptor, 8) == 0
          ? getsockname(descriptor, address, &length) : -1
      }
    }
    try #require(result == 0)
    port = UInt16(bigEndian: address.sin_port)
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(descriptor, greeting, answer))
    pthread_create(
      &thread, nil,
      { pointer in
        if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().serve() }
        return nil
      }, work.toOpaque())
    pthread_detach(thread)
  }

  /// Ends the thread as well: its `accept` fails.
  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private final class Work: Sendable {
    private let listener: Int32
    private let greeting: [UInt8]
    private let answer: [UInt8]

    init(_ listener: Int32, _ greeting: [UInt8], _ answer: [UInt8]) {
      self.listener = listener
      self.greeting = greeting
      self.answer = answer
    }

    func serve() {
      while case let connection = accept(listener, nil, nil), connection >= 0 {
        _ = send(connection, greeting, greeting.count, Int32(MSG_NOSIGNAL))
        var heard = [UInt8](repeating: 0, count: 4096)
        if recv(connection, &heard, heard.count, 0) > 0 {
          _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
          // Until the other end hangs up, so that what was said is not lost to a reset.
          while recv(connection, &heard, heard.count, 0) > 0 {}
        }
        close(connection)
      }
      close(listener)
    }
  }
}
