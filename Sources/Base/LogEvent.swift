/// One thing that happened, for the log: a level, a stable name to search for, and details. No personal data.
public struct LogEvent: Hashable, Sendable {
  /// How urgent a line is, in the order of syslog's severities (RFC 5424 §6.2.1).
  public enum Level: Int, Comparable, Sendable {
    case error, warning, info, debug

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// A named detail.
  public struct Detail: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public var level: Level
  /// Dotted, stable: `link.opened`, `batch.parked`.
  public var name: String
  /// One line that a person understands.
  public var message: String
  public var details: [Detail]

  public init(_ level: Level, _ name: String, _ message: String, _ details: [Detail] = []) {
    self.level = level
    self.name = name
    self.message = message
    self.details = details
  }
}

/// Where log events go. Called from any thread.
public typealias LogSink = @Sendable (LogEvent) -> Void
