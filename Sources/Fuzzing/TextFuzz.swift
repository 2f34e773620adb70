import Base
import Interchange
import JSON
import NodeRuntime

/// What people and other programs hand over as text.
enum TextFuzz {
  /// A code that can be read is read again as the same.
  static func joinCode(_ bytes: [UInt8]) -> String? {
    guard let code = try? JoinCode(parsing: String(decoding: bytes, as: UTF8.self)) else { return nil }
    guard let again = try? JoinCode(parsing: code.text) else {
      return "a code that was read cannot be written and read"
    }
    return again == code ? nil : "a code is another one when it is written and read again"
  }

  /// The rows do not depend on the chunks, lie in the file in order, and are the same when they are written and read
  /// again.
  static func csv(_ bytes: [UInt8]) -> String? {
    let whole = rows([bytes])
    guard rows(chunks(bytes)) == whole else { return "the rows depend on how the file was cut" }
    if let problem = disorder(whole, in: bytes) { return problem }
    let cells = whole.compactMap { try? $0.content.get() }
    // In the middle of a file, as of two that were put together, a mark of the encoding is contents; at its very start, where
    // an export has its heading, it is not.
    guard cells.first?.first?.unicodeScalars.first != "\u{FEFF}" else { return nil }
    let written = Array(cells.map(CSVText.row).joined().utf8)
    let again = rows([written]).map { try? $0.content.get() }
    return again == cells.map(Optional.some) ? nil : "rows are others when they are written and read again"
  }

  private static func rows(_ chunks: [[UInt8]]) -> [CSVReader.Row] {
    var reader = CSVReader(keepsText: true)
    var rows: [CSVReader.Row] = []
    for chunk in chunks { reader.read(chunk, into: &rows) }
    reader.finish(into: &rows)
    return rows
  }

  static func json(_ bytes: [UInt8]) -> String? {
    let whole = lines([bytes])
    guard lines(chunks(bytes)) == whole else { return "the lines depend on how the file was cut" }
    if let problem = disorder(whole, in: bytes) { return problem }
    for line in whole {
      guard let object = try? line.content.get() else { continue }
      let text = self.text(.object(object))
      guard (try? JSONParser.parse(Array(text.utf8)[...])) == .object(object) else {
        return "an object is another one when it is written and read again"
      }
    }
    return nil
  }

  private static func lines(_ chunks: [[UInt8]]) -> [JSONLinesReader.Line] {
    var reader = JSONLinesReader(keepsText: true)
    var lines: [JSONLinesReader.Line] = []
    for chunk in chunks { reader.read(chunk, into: &lines) }
    reader.finish(into: &lines)
    return lines
  }

  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .number(let text): text
    case .string(let text): JSONText.quoted(text)
    case .array(let items): "[" + items.map(text).joined(separator: ",") + "]"
    case .object(let object):
      "{" + object.members.map { JSONText.quoted($0.name) + ":" + text($0.value) }.joined(separator: ",") + "}"
    }
  }

  private static func chunks(_ bytes: [UInt8]) -> [[UInt8]] {
    var choices = Choices(bytes)
    var chunks: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = 1 + choices.below(5)
      chunks.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return chunks
  }

  private static func disorder<Content>(_ lines: [SourceLine<Content>], in bytes: [UInt8]) -> String? {
    var end = 0
    var last = 0
    for line in lines {
      guard line.offset >= end, line.line > last else { return "a row begins before the end of the one before" }
      (end, last) = (line.offset + line.byteCount, line.line)
    }
    return end <= bytes.count ? nil : "a row ends beyond the file"
  }
}
