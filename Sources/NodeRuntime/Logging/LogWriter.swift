package import Base
import Dispatch
import Synchronization

/// Writes log events, a line each: those of a level and above, and repetitions together. Any thread may use it.
package final class LogWriter: Sendable {
  private struct State {
    var throttle = LogThrottle()
    var isArmed = false
  }

  private let level: LogEvent.Level
  private let write: @Sendable (String) -> Void
  private let clock = SystemMonotonicClock()
  private let queue = DispatchQueue(label: "storesync.log", qos: .utility)
  private let state = Mutex(State())

  /// - Parameters:
  ///   - level: what is less urgent is left out.
  ///   - write: gets a line without its end, one at a time.
  package init(
    level: LogEvent.Level = .info, write: @escaping @Sendable (String) -> Void = { Console.printError($0) }
  ) {
    self.level = level
    self.write = write
  }

  /// As a daemon's command line wants it.
  package convenience init(_ arguments: CommandLineArguments) throws(UsageError) {
    self.init(level: try LogEvent.Level(argument: arguments.value(OptionHelp.logLevel.name)))
  }

  package var sink: LogSink { { self.log($0) } }

  package func log(_ event: LogEvent) {
    guard event.level <= level else { return }
    tell { throttle, now in throttle.lines(for: event, at: now) }
  }

  /// Writes what is held back.
  package func flush() {
    tell { throttle, now in throttle.rest(at: now) }
  }

  private func tell(_ lines: (inout LogThrottle, Instant) -> [LogEvent]) {
    // Written under the lock: lines stand in the order in which they came about.
    let wait = state.withLock { state -> Int64? in
      let now = clock.now
      for event in lines(&state.throttle, now) { write(LogLine.text(event)) }
      guard !state.isArmed, let deadline = state.throttle.deadline else { return nil }
      state.isArmed = true
      return max(deadline.milliseconds - now.milliseconds, 0)
    }
    guard let wait else { return }
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(wait))) { [weak self] in
      guard let self else { return }
      self.state.withLock { $0.isArmed = false }
      self.tell { throttle, now in throttle.lines(for: nil, at: now) }
    }
  }
}

extension LogEvent.Level {
  package static let words = ["error", "warning", "info", "debug"]

  /// As it stands behind `--log-level`.
  package init(argument text: String?) throws(UsageError) {
    switch text {
    case "error": self = .error
    case "warning": self = .warning
    case nil, "info": self = .info
    case "debug": self = .debug
    case let text?:
      throw UsageError("found --log-level “\(text)”, expected one of: \(Self.words.joined(separator: ", "))")
    }
  }
}

extension OptionHelp {
  /// For both daemons.
  package static let logLevel = OptionHelp(
    "log-level", .value("LEVEL"),
    "what is logged: error, warning, info or debug, each with those before (default: info)")
}
