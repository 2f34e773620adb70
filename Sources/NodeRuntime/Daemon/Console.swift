package import Base
import Glibc

/// The programs' two outputs: results to standard output, and everything else, a line at a time, to standard error.
package enum Console {
  package static func print(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }
  package static func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      // Nobody reads any more: there is no one left to tell.
      guard written > 0 || errno == EINTR else { return }
      bytes = bytes.dropFirst(max(written, 0))
    }
  }

  /// Log events as one line each, `key=value`, for journald, which adds the time.
  package static func log(_ event: LogEvent) {
    guard event.level <= .info else { return }
    let details = event.details.map { " \($0.name)=\($0.value)" }.joined()
    printError("<\(event.level.priority)>\(event.name): \(event.message)\(details)")
  }

  /// Standard input to its end.
  package static func readInput() -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(STDIN_FILENO, &chunk, chunk.count)
      if count > 0 { bytes += chunk[0..<count] } else if count == 0 || errno != EINTR { return bytes }
    }
  }
}

extension LogEvent.Level {
  /// The number that systemd takes a line's level from (sd-daemon(3)).
  fileprivate var priority: Int {
    switch self {
    case .error: 3
    case .warning: 4
    case .info: 6
    case .debug: 7
    }
  }
}
