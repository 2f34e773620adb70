/// One row or line of a file: where it starts, how much of the file it is, and what it holds or why it is refused.
package struct SourceLine<Content: Sendable>: Sendable {
  /// Counted from 1.
  package var line: Int
  package var byteCount: Int
  package var content: Result<Content, LineError>

  package init(line: Int, byteCount: Int, _ content: Result<Content, LineError>) {
    self.line = line
    self.byteCount = byteCount
    self.content = content
  }
}

extension SourceLine: Equatable where Content: Equatable {}

let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

/// What a person does about bytes that are not UTF-8.
let utf8Advice = "save the file as UTF-8 (in a spreadsheet: “CSV UTF-8”; from GB18030: iconv -f GB18030 -t UTF-8)"
