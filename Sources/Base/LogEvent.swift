/// One thing that happened, for the log: a level, a stable name to search for, and details. No personal data.
package struct LogEvent: Hashable, Sendable {
  /// How urgent a line is, in the order of syslog's severities (RFC 5424 §6.2.1).
  package enum Level: Int, Comparable, Sendable {
    case error, warning, info, debug

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// A named detail.
  package struct Detail: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package var level: Level
  /// Dotted, stable: `link.opened`, `batch.parked`.
  package var name: String
  /// One line that a person understands.
  package var message: String
  package var details: [Detail]

  package init(_ level: Level, _ name: String, _ message: String, _ details: [Detail] = []) {
    self.level = level
    self.name = name
    self.message = message
    self.details = details
  }
}

/// Where log events go. Called from any thread.
package typealias LogSink = @Sendable (LogEvent) -> Void
