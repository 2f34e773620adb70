package import Wire

// Control messages are CBOR trees with text keys: what `--json` prints is the same tree.

extension CBORValue {
  package static func object(_ pairs: KeyValuePairs<String, CBORValue?>) -> CBORValue {
    .map(pairs.compactMap { key, value in value.map { Pair(.text(key), $0) } })
  }

  package subscript(key: String) -> CBORValue? {
    guard case .map(let pairs) = self else { return nil }
    return pairs.first { $0.key == .text(key) }?.value
  }

  package var textValue: String? { if case .text(let text) = self { text } else { nil } }
  package var bytesValue: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
  package var booleanValue: Bool? { if case .boolean(let boolean) = self { boolean } else { nil } }
  package var arrayValue: [CBORValue]? { if case .array(let items) = self { items } else { nil } }

  package var integerValue: Int64? {
    switch self {
    case .unsigned(let value): Int64(exactly: value)
    case .negative(let value): value
    default: nil
    }
  }

  /// The tree as JSON text (RFC 8259); byte strings as hexadecimal text.
  package var json: String {
    switch self {
    case .unsigned(let value): String(value)
    case .negative(let value): String(value)
    case .bytes(let bytes): Self.quote(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    case .text(let text): Self.quote(text)
    case .array(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
    case .map(let pairs):
      "{"
        + pairs.map { Self.quote($0.key.textValue ?? $0.key.description) + ":" + $0.value.json }.joined(separator: ",")
        + "}"
    case .boolean(let value): value ? "true" : "false"
    case .null: "null"
    }
  }

  private static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
