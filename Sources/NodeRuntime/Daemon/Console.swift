package import Base
import Glibc

/// The programs' two outputs: results to standard output, and everything else, a line at a time, to standard error.
package enum Console {
  package static func print(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }
  package static func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }
  /// Without the end of the line: a prompt, or progress that is written over.
  package static func printErrorPart(_ text: String) { write(text, to: STDERR_FILENO) }
  /// Text to standard output as it is.
  /// - Returns: whether there is still somebody who reads.
  package static func printPart(_ text: String) -> Bool { write(text, to: STDOUT_FILENO) }

  package static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  package static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
  package static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// Asks a person at a terminal; nil where there is none.
  package static func ask(_ question: String) -> String? {
    guard inputIsTerminal, errorIsTerminal else { return nil }
    printErrorPart(question)
    return readLine(strippingNewline: true)
  }

  @discardableResult
  private static func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      // Nobody reads any more: there is no one left to tell.
      guard written > 0 || errno == EINTR else { return false }
      bytes = bytes.dropFirst(max(written, 0))
    }
    return true
  }

  /// Log events of a program that is soon over, a line each; daemons have a `LogWriter`.
  package static func log(_ event: LogEvent) {
    if event.level <= .info { printError(LogLine.text(event)) }
  }

  /// What comes from a file, a pipe or a terminal, to its end or to a limit.
  package static func readToEnd(_ descriptor: Int32, limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limit {
      let count = read(descriptor, &chunk, chunk.count)
      if count > 0 { bytes += chunk[0..<count] } else if count == 0 || errno != EINTR { break }
    }
    return bytes
  }
}
