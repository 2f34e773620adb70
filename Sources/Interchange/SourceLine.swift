/// One row or line of a file: where it starts, how much of the file it is, and what it holds or why it is refused.
package struct SourceLine<Content: Sendable>: Sendable {
  /// Counted from 1.
  package var line: Int
  /// Where it starts in the file's text, as UTF-8, in bytes from 0.
  package var offset: Int
  package var byteCount: Int
  package var content: Result<Content, LineError>
  /// As it stands in the file, without its line break, if the reader was told to keep it and it is not too long.
  package var text: [UInt8]?

  package init(
    line: Int, offset: Int = 0, byteCount: Int, _ content: Result<Content, LineError>, text: [UInt8]? = nil
  ) {
    self.line = line
    self.offset = offset
    self.byteCount = byteCount
    self.content = content
    self.text = text
  }
}

extension SourceLine: Equatable where Content: Equatable {}

let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
