package import Base
import Transport

/// Who may ask a node over HTTP, and what for. The node keeps only a digest of the secret.
package struct APIToken: Hashable, Sendable {
  /// Each may do what those before it may.
  package enum Role: String, Comparable, CaseIterable, Sendable {
    /// Status and metrics: no personal data.
    case monitor
    /// All records, conflicts and what is parked.
    case read
    /// What a till or a back office does.
    case write
    /// What the IT team does.
    case admin

    package static func < (left: Self, right: Self) -> Bool {
      (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
  }

  package var name: String
  package var role: Role
  package var madeAt: WallTime
  /// SHA-256 of the secret, which is random and long enough that no slower digest is needed.
  package var digest: [UInt8]

  package init(name: String, role: Role, madeAt: WallTime, digest: [UInt8]) {
    self.name = name
    self.role = role
    self.madeAt = madeAt
    self.digest = digest
  }

  /// The token that a daemon makes at each start for whoever may read the node's directory.
  package static let localName = "local"
  /// Bytes of a name: it stands in logs and lists.
  package static let nameBytes = 64
  /// Tokens of a node: one a till, and some.
  package static let count = 1_000
  private static let secretBytes = 32
  private static let prefix = "ss_"

  /// A new secret, as a client sends it: “ss_” and 64 hexadecimal digits.
  package static func secret(using generator: inout some RandomNumberGenerator) -> String {
    var bytes: [UInt8] = []
    for _ in 0..<secretBytes / 8 {
      let word = generator.next() as UInt64
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    return prefix + Hex.encode(bytes)
  }

  package static func digest(of secret: String) -> [UInt8] { Digest.sha256(Array(secret.utf8)) }

  /// Why a name cannot be one; nil if it can.
  static func problem(withName name: String) -> String? {
    let isPlain = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
        || "-_.".utf8.contains(byte)
    }
    guard (1...nameBytes).contains(name.utf8.count), isPlain else {
      return "found the name “\(name.prefix(80))”, expected 1 to \(nameBytes) letters, digits, “-”, “_” and “.”"
    }
    return name == localName ? "“\(localName)” is the name of the token that the node makes by itself" : nil
  }

  // MARK: In the database

  init?(name: String, setting bytes: [UInt8]) {
    let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard parts.count == 3, let role = Role(rawValue: String(parts[0])), let time = Int64(parts[1]),
      let digest = Hex.decode(parts[2]), digest.count == 32
    else { return nil }
    self.init(name: name, role: role, madeAt: WallTime(milliseconds: time), digest: digest)
  }

  var setting: [UInt8] { Array("\(role.rawValue) \(madeAt.milliseconds) \(Hex.encode(digest))".utf8) }
}
