import Base
package import Causality
package import Transport
import Wire

/// What HQ gives a store to join with: where HQ is, the pin of its key, who the store is, and its secret.
///
/// As text it is in Crockford's Base32 (no letters that look alike; lower case, hyphens and spaces do not matter), with
/// four bytes of SHA-256 at the end so that a slip of the pen is noticed.
package struct JoinCode: Hashable, Sendable {
  package var node: NodeNumber
  /// SHA-256 of HQ's public key.
  package var pin: [UInt8]
  package var secret: [UInt8]
  package var endpoints: [Endpoint]

  private static let version: UInt8 = 1
  private static let checksumBytes = 4
  package static let secretBytes = 16
  /// A store tries its endpoints in turn; more than a few would keep it waiting.
  package static let maximumEndpoints = WireLimits.maximumEndpoints

  package init(node: NodeNumber, pin: [UInt8], secret: [UInt8], endpoints: [Endpoint]) {
    self.node = node
    self.pin = pin
    self.secret = secret
    self.endpoints = endpoints
  }

  package var text: String {
    var writer = ByteWriter()
    writer.append(byte: Self.version)
    writer.append(varint: UInt64(node.rawValue))
    writer.append(counted: pin)
    writer.append(counted: secret)
    writer.append(counted: Array(endpoints.map(\.description).joined(separator: ",").utf8))
    let checksum = Digest.sha256(writer.bytes).prefix(Self.checksumBytes)
    let digits = Base32.encode(writer.bytes + checksum)
    return stride(from: 0, to: digits.count, by: 5).map { start in
      String(decoding: digits[start..<min(start + 5, digits.count)], as: UTF8.self)
    }.joined(separator: "-")
  }

  /// - Throws: a sentence that says what is wrong with the code.
  package init(parsing text: String) throws(JoinCodeError) {
    guard let bytes = Base32.decode(text) else {
      throw JoinCodeError("the join code has a character that no join code has; copy it again, whole")
    }
    guard bytes.count > Self.checksumBytes else {
      throw JoinCodeError("the join code is too short; copy it again, whole")
    }
    let body = Array(bytes.dropLast(Self.checksumBytes))
    guard Array(Digest.sha256(body).prefix(Self.checksumBytes)) == Array(bytes.suffix(Self.checksumBytes)) else {
      throw JoinCodeError("the join code has a slip in it (its checksum does not fit); copy it again, whole")
    }
    do throws(ByteError) {
      var reader = ByteReader(body)
      let version = try reader.readByte()
      guard version == Self.version else {
        throw ByteError(offset: 0, reason: "found version \(version), expected \(Self.version); upgrade this program")
      }
      guard let node = UInt32(exactly: try reader.readVarint()) else {
        throw ByteError(offset: 1, reason: "a node number above 32 bits")
      }
      self.node = NodeNumber(node)
      pin = Array(try reader.readCounted())
      secret = Array(try reader.readCounted())
      let list = String(decoding: try reader.readCounted(), as: UTF8.self)
      endpoints = list.split(separator: ",").compactMap { Endpoint(parsing: $0) }
      guard pin.count == 32, !endpoints.isEmpty, endpoints.count <= Self.maximumEndpoints else {
        throw ByteError(offset: 0, reason: "the pin or the addresses are missing")
      }
    } catch {
      throw JoinCodeError("the join code cannot be used: \(error.reason)")
    }
  }
}

package struct JoinCodeError: Error, Hashable, Sendable, CustomStringConvertible {
  package var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Crockford's Base32 (<https://www.crockford.com/base32.html>): digits and letters without I, L, O and U.
enum Base32 {
  private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 5 {
        bits -= 5
        result.append(digits[Int(buffer >> UInt32(bits)) & 31])
      }
      buffer &= (1 << UInt32(bits)) - 1
    }
    if bits > 0 { result.append(digits[Int(buffer << UInt32(5 - bits)) & 31]) }
    return result
  }

  /// Reads I and L as 1 and O as 0; passes over hyphens and white space. Nil at any other character.
  static func decode(_ text: String) -> [UInt8]? {
    var result: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for character in text.uppercased().utf8 {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "-"), UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): continue
      case UInt8(ascii: "I"), UInt8(ascii: "L"): digit = UInt8(ascii: "1")
      case UInt8(ascii: "O"): digit = UInt8(ascii: "0")
      default: digit = character
      }
      guard let value = digits.firstIndex(of: digit) else { return nil }
      buffer = buffer << 5 | UInt32(value)
      bits += 5
      if bits >= 8 {
        bits -= 8
        result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
        buffer &= (1 << UInt32(bits)) - 1
      }
    }
    return result
  }
}
