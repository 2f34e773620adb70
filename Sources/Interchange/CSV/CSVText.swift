/// Writes CSV (RFC 4180).
package enum CSVText {
  /// A cell in quotation marks where it needs them.
  package static func cell(_ text: String) -> String {
    let needsQuotes = text.utf8.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
        || byte == UInt8(ascii: "\r")
    }
    return needsQuotes ? quoted(text) : text
  }

  package static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    bytes.reserveCapacity(text.utf8.count + 2)
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A row with its line break. A row of one empty cell would be an empty line, which is no row, so it is quoted.
  package static func row(_ cells: [String]) -> String {
    cells == [""] ? "\"\"\r\n" : cells.map(cell).joined(separator: ",") + "\r\n"
  }
}
