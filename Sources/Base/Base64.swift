/// Base64 (RFC 4648): the standard alphabet with padding (§4), and the one for addresses without (§5).
package enum Base64 {
  private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let address = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  package static func encode(_ bytes: [UInt8]) -> String { encode(bytes, standard, isPadded: true) }
  package static func encodeForAddress(_ bytes: [UInt8]) -> String { encode(bytes, address, isPadded: false) }

  /// Nil unless `text` is what `encode` gives for some bytes.
  package static func decode(_ text: some StringProtocol) -> [UInt8]? {
    decode(Array(text.utf8), standard, isPadded: true)
  }

  /// Nil unless `text` is what `encodeForAddress` gives for some bytes.
  package static func decodeFromAddress(_ text: some StringProtocol) -> [UInt8]? {
    decode(Array(text.utf8), address, isPadded: false)
  }

  private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8], isPadded: Bool) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      let bits = part.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - part.count))
      for place in 0..<4 {
        if place <= part.count {
          text.append(alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63])
        } else if isPadded {
          text.append(UInt8(ascii: "="))
        }
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func decode(_ text: [UInt8], _ alphabet: [UInt8], isPadded: Bool) -> [UInt8]? {
    var digits = text[...]
    if isPadded {
      guard text.count % 4 == 0 else { return nil }
      for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
    }
    guard digits.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count * 3 / 4)
    var (bits, count): (UInt32, Int) = (0, 0)
    for digit in digits {
      guard let value = alphabet.firstIndex(of: digit) else { return nil }
      bits = (bits << 6 | UInt32(value)) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    // What is over must be 0: each byte string has one text.
    return bits & (1 << UInt32(count) - 1) == 0 ? bytes : nil
  }
}
