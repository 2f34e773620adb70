import Base

/// Writes JSON (RFC 8259), on one line and without spaces.
package enum JSONText {
  /// The text of a value; members in their order.
  package static func bytes(_ value: JSONValue) -> [UInt8] {
    var bytes: [UInt8] = []
    append(value, to: &bytes)
    return bytes
  }

  package static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let bool): bytes += (bool ? "true" : "false").utf8
    case .integer(let number): bytes += String(number).utf8
    case .number(let text): bytes += text.utf8
    case .string(let text): append(quoting: text, to: &bytes)
    case .array(let values): append(values, from: "[", to: "]", in: &bytes) { append($0, to: &$1) }
    case .object(let object):
      append(object.members, from: "{", to: "}", in: &bytes) { member, bytes in
        append(quoting: member.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(member.value, to: &bytes)
      }
    }
  }

  private static func append<Item>(
    _ items: [Item], from start: Unicode.Scalar, to end: Unicode.Scalar, in bytes: inout [UInt8],
    _ write: (Item, inout [UInt8]) -> Void
  ) {
    bytes.append(UInt8(ascii: start))
    for (index, item) in items.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      write(item, &bytes)
    }
    bytes.append(UInt8(ascii: end))
  }

  package static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    append(quoting: text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func append(quoting text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    // No room is reserved: it would be taken anew with each of many texts.
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
      case UInt8(ascii: "\r"): bytes += Array("\\r".utf8)
      case UInt8(ascii: "\t"): bytes += Array("\\t".utf8)
      case 0..<0x20: bytes += Array("\\u00\(Hex.encode([byte]))".utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
