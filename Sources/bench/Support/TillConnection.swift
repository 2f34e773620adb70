import Glibc
import NodeRuntime

/// A till's connection to its shop's node: HTTP/1.1 on the loopback, kept open, and nothing in between that takes its time.
final class TillConnection {
  private let descriptor: Int32
  private let token: String
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private static let headEnd = Array("\r\n\r\n".utf8)

  /// - Parameters:
  ///   - url: as the node prints it, `http://127.0.0.1:PORT`.
  ///   - directory: the node's; the token lies in it.
  init(to url: String, of directory: DataDirectory) throws {
    guard let port = url.split(separator: ":").last.flatMap({ UInt16($0) }) else {
      throw BenchError("the node serves HTTP at “\(url)”")
    }
    token = try Self.token(directory.tokenPath)
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let descriptor = descriptor
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else { throw BenchError("no connection to \(url): \(String(cString: strerror(errno)))") }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  /// A request as it goes out, made before the clock runs.
  func request(posting body: [UInt8], to path: String, key: String) -> [UInt8] {
    let head = """
      POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\nContent-Type: application/json\r
      Idempotency-Key: \(key)\r\nContent-Length: \(body.count)\r\n\r\n
      """
    return Array(head.utf8) + body
  }

  /// Sends it, and waits for the whole answer.
  func perform(_ request: [UInt8]) throws {
    var written = 0
    while written < request.count {
      let rest = request[written...]
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw BenchError("the node has closed the connection") }
      written += count
    }
    var filled = 0
    while true {
      let count = buffer[filled...].withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw BenchError("the node has closed the connection, or its answer is too long") }
      filled += count
      if try isWhole(buffer[..<filled]) { return }
    }
  }

  private func isWhole(_ bytes: ArraySlice<UInt8>) throws -> Bool {
    guard let body = bytes.firstRange(of: Self.headEnd)?.upperBound else { return false }
    let head = String(decoding: bytes[..<body], as: UTF8.self)
    let lines = head.split(separator: "\r\n")
    guard lines.first?.split(separator: " ").dropFirst().first == "200" else {
      throw BenchError("the node answers “\(String(decoding: bytes.prefix(500), as: UTF8.self))”")
    }
    let name = "content-length:"
    guard let line = lines.first(where: { $0.lowercased().hasPrefix(name) }),
      let length = Int(line.dropFirst(name.count).drop { $0 == " " })
    else { throw BenchError("an answer without a length") }
    return bytes.count - body >= length
  }

  private static func token(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw BenchError("there is no token at “\(path)”") }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { throw BenchError("the token cannot be read") }
    let bytes = line.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: "\n")) }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
