import Base
package import JSON

/// Reads JSON Lines, one object a line, from chunks of any size, in the memory of one chunk and one line.
///
/// Lines end with LF or CRLF; empty ones are skipped. A bad line becomes an error, and reading goes on with the next.
package struct JSONLinesReader: Sendable {
  package typealias Line = SourceLine<JSONObject>

  /// The current line so far.
  private var buffer: [UInt8] = []
  private var line = 1
  /// In the rest of a line that is too long.
  private var isSkipping = false
  /// Where the current line starts in the text, and how much of it was read.
  private var lineOffset = 0
  private var lineBytes = 0
  /// Lines come with their text.
  private let keepsText: Bool

  package init(keepsText: Bool = false) {
    self.keepsText = keepsText
  }

  /// - Parameter lines: gets the lines that end in this chunk.
  package mutating func read(_ chunk: [UInt8], into lines: inout [Line]) {
    var rest = chunk[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      take(rest[..<end], into: &lines)
      lineBytes += 1
      endLine(into: &lines)
      rest = rest[(end + 1)...]
    }
    take(rest, into: &lines)
  }

  /// The file has ended; its last line needs no line break.
  package mutating func finish(into lines: inout [Line]) {
    endLine(into: &lines)
  }

  private mutating func take(_ bytes: ArraySlice<UInt8>, into lines: inout [Line]) {
    lineBytes += bytes.count
    guard !isSkipping else { return }
    guard buffer.count + bytes.count <= InterchangeLimits.lineBytes else {
      let error = LineError(line: line, "found a line of more than \(InterchangeLimits.lineBytes) bytes; split it")
      lines.append(Line(line: line, offset: lineOffset, byteCount: buffer.count, .failure(error)))
      buffer = []
      isSkipping = true
      return
    }
    buffer += bytes
  }

  private mutating func endLine(into lines: inout [Line]) {
    defer {
      buffer.removeAll(keepingCapacity: true)
      isSkipping = false
      line += 1
      lineOffset += lineBytes
      lineBytes = 0
    }
    var content = buffer[...]
    if line == 1, content.starts(with: byteOrderMark) { content = content.dropFirst(byteOrderMark.count) }
    guard !isSkipping, content.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { return }
    if content.last == UInt8(ascii: "\r") { content = content.dropLast() }
    lines.append(
      Line(
        line: line, offset: lineOffset, byteCount: buffer.count, parse(content),
        text: keepsText ? Array(content) : nil))
  }

  private func parse(_ content: ArraySlice<UInt8>) -> Result<JSONObject, LineError> {
    do throws(ByteError) {
      guard case .object(let object) = try JSONParser.parse(content, advice: encodingAdvice) else {
        return .failure(LineError(line: line, "expected an object in braces"))
      }
      return .success(object)
    } catch {
      let column = content.startIndex + error.offset + 1
      return .failure(LineError(line: line, column: column, error.reason))
    }
  }
}
