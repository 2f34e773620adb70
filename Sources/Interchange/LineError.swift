/// Why a line of a file was refused. It names columns and fields; it never quotes what stands in them, which may be
/// personal.
package struct LineError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where the row starts, counted from 1.
  package var line: Int
  /// In bytes from 1, where it is known.
  package var column: Int?
  package var reason: String

  package init(line: Int, column: Int? = nil, _ reason: String) {
    self.line = line
    self.column = column
    self.reason = reason
  }

  /// As compilers write it behind a file's name and a colon, so that editors find the place.
  package var located: String {
    column.map { "\(line):\($0): \(reason)" } ?? "\(line): \(reason)"
  }

  package var description: String {
    column.map { "line \(line), column \($0): \(reason)" } ?? "line \(line): \(reason)"
  }
}

/// A name from a file as messages quote it: cut, and without characters that would do something to a terminal.
func quoted(_ name: String) -> String {
  let limit = InterchangeLimits.quotedCharacters
  let plain = name.unicodeScalars.prefix(limit + 1).map { $0.properties.generalCategory == .control ? "?" : String($0) }
  return "“\(plain.prefix(limit).joined())\(plain.count > limit ? "…" : "")”"
}
