import Glibc
import Testing

/// A service manager's end of the socket that a daemon tells how it is (sd_notify(3)).
final class ServiceManager {
  /// What NOTIFY_SOCKET says: a name in the abstract space, which leaves no file behind.
  let name: String
  private let descriptor: Int32

  init() throws {
    name = "@storesync-manager-\(getpid())-\(milliseconds())"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = [0] + Array(name.utf8).dropFirst()
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(result == 0)
  }

  deinit { close(descriptor) }

  /// The next message that begins with `start`; others before it are passed over.
  func message(_ start: String) throws -> String {
    let end = milliseconds() + patienceMilliseconds
    while true {
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&request, 1, Int32(clamping: max(0, end - milliseconds())))
      try #require(ready != 0, "waited in vain for \(start)")
      var bytes = [UInt8](repeating: 0, count: 1_000)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
      if text.hasPrefix(start) { return text }
    }
  }
}
