/// A host (name or numeric address) and a port.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  package var host: String
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `hq.example:7400`, `192.0.2.7:7400` or `[2001:db8::7]:7400`. Nil for anything else, a bare IPv6 address among them:
  /// nobody can tell its last group from a port.
  package init?(parsing text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(digits)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), host.contains(":") else { return nil }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard (1...255).contains(host.utf8.count), host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      !host.utf8.contains(where: { "[]/@".utf8.contains($0) })
    else { return nil }
    self.init(host: String(host), port: port)
  }

  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// Where a stream leads or a listener listens.
package enum Address: Hashable, Sendable, CustomStringConvertible {
  case tcp(Endpoint)
  /// A Unix-domain socket at a path of the file system.
  case unix(path: String)

  package var description: String {
    switch self {
    case .tcp(let endpoint): endpoint.description
    case .unix(let path): "unix:\(path)"
    }
  }
}

extension Address {
  var isUnix: Bool {
    if case .unix = self { true } else { false }
  }
}
