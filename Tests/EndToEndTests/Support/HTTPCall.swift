import Foundation
import Glibc
import JSON
import Testing

/// One HTTP request on a connection of its own, as plain as it can be: what a client library would hide shows.
struct HTTPAnswer {
  let status: Int
  /// The fields of the head, with their names in lower case.
  let headers: [String: String]
  let body: [UInt8]

  var json: JSONValue { get throws { try JSONParser.parse(body[...]) } }
  var text: String { String(decoding: body, as: UTF8.self) }
}

extension Node {
  /// Where the daemon serves HTTP, as it has said when it started.
  var httpPort: UInt16 {
    get throws { try #require(daemon?.httpPort, "the daemon serves no HTTP") }
  }

  /// The token of whoever may read the node's directory.
  var localToken: String { readFile("\(directory)/token").trimmingCharacters(in: .newlines) }

  /// Asks the node with its own token, or with another.
  func http(
    _ method: String, _ path: String, _ body: String? = nil, token: String? = nil, headers: [String: String] = [:]
  ) throws -> HTTPAnswer {
    var all = ["Authorization": "Bearer \(token ?? localToken)"]
    if body != nil { all["Content-Type"] = "application/json" }
    all.merge(headers) { $1 }
    var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    for (name, value) in all.sorted(by: { $0.key < $1.key }) where !value.isEmpty { head += "\(name): \(value)\r\n" }
    if let body { head += "Content-Length: \(body.utf8.count)\r\n" }
    let connection = try HTTPConnection(port: httpPort)
    try connection.send(head + "\r\n" + (body ?? ""))
    return try connection.answer()
  }
}

/// A connection to a port of this machine.
final class HTTPConnection {
  private let descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0, "port \(port): \(String(cString: strerror(errno)))")
    var patience = timeval(tv_sec: Int(patienceMilliseconds / 1_000), tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      // The other end may have said all that it has to say before it has read everything.
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// What has come, waiting for it; nil at the end.
  func read() -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    return count > 0 ? Array(chunk[..<count]) : nil
  }

  /// All up to the end of the connection, as one answer.
  func answer() throws -> HTTPAnswer {
    var bytes: [UInt8] = []
    while let more = read() { bytes += more }
    let separator = Array("\r\n\r\n".utf8)
    let end = try #require(
      bytes.indices.first { bytes[$0...].starts(with: separator) },
      "no answer: \(String(decoding: bytes, as: UTF8.self))")
    let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
    }
    var body = Array(bytes[(end + separator.count)...])
    if headers["transfer-encoding"]?.lowercased() == "chunked" { body = try Self.unchunked(body) }
    return HTTPAnswer(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: body)
  }

  private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
    var (rest, body) = (bytes[...], [UInt8]())
    while let end = rest.firstIndex(of: 13) {
      let count = try #require(Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16))
      if count == 0 { break }
      body += rest[(end + 2)...].prefix(count)
      rest = rest[(end + 2)...].dropFirst(count + 2)
    }
    return body
  }
}
