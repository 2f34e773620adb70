package import Base

/// A log event as one line for journald, which adds the time: `<6>link.opened: store 7 is connected address=10.0.0.7:51234`.
///
/// Whatever a peer or a file has put into it, it stays one line: what would end it, hide something or turn the direction of
/// reading is written as an escape.
package enum LogLine {
  package static func text(_ event: LogEvent) -> String {
    let details = event.details.map { " \($0.name)=\(value($0.value))" }.joined()
    return "<\(event.level.priority)>\(event.name): \(escaped(event.message, limit: LogLimits.messageBytes))\(details)"
  }

  /// In quotation marks where it holds anything that would not be plain.
  static func value(_ text: String) -> String {
    let plain = escaped(text, limit: LogLimits.valueBytes)
    let isPlain =
      !plain.isEmpty && plain == text && !plain.contains { $0 == " " || $0 == "\"" || $0 == "=" || $0 == "\\" }
    guard !isPlain else { return plain }
    var quoted = ""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { quoted += "\\" }
      quoted.unicodeScalars.append(scalar)
    }
    return "\"" + escaped(quoted, limit: LogLimits.valueBytes) + "\""
  }

  /// Without anything that does not show as itself, and no longer than `limit` bytes, about.
  static func escaped(_ text: String, limit: Int) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      guard result.utf8.count < limit else { return result + "…" }
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if shows(scalar) {
          result.unicodeScalars.append(scalar)
        } else {
          result += "\\u{\(String(scalar.value, radix: 16))}"
        }
      }
    }
    return result
  }

  private static func shows(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
    default: true
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
