package import Base

/// Holds repetitions back and counts them: the first few lines of one wording go through, and what follows within a minute is
/// one line that says how often. What goes on repeating itself is one line a minute.
///
/// A pure value. The details of an event are no part of its wording: a store that comes from another port each time says the
/// same.
package struct LogThrottle: Sendable {
  private struct Wording: Hashable {
    var name: String
    /// Nil for all of the name together.
    var message: String?
  }

  private struct Window: Sendable {
    var startedAt: Instant
    /// How many more may go through.
    var left: Int
    var held = 0
    /// The last that was held back.
    var last: LogEvent?
  }

  private var windows: [Wording: Window] = [:]
  /// When the first of the windows ends; nil while there is none.
  private var firstEnd: Instant?

  package init() {}

  /// When `lines(for: nil)` has something to say; nil if nothing is held back.
  package var deadline: Instant? {
    windows.values.contains { $0.held > 0 } ? firstEnd : nil
  }

  /// What is to be written now: what was held back for long enough, and the event if it goes through.
  package mutating func lines(for event: LogEvent?, at now: Instant) -> [LogEvent] {
    var lines = ended(at: now)
    if let event, goesThrough(event, at: now) { lines.append(event) }
    return lines
  }

  /// All that is held back, before the program ends.
  package mutating func rest(at now: Instant) -> [LogEvent] {
    let lines = summaries(of: windows, at: now)
    windows = [:]
    firstEnd = nil
    return lines
  }

  private mutating func goesThrough(_ event: LogEvent, at now: Instant) -> Bool {
    let same = Wording(name: event.name, message: event.message)
    if windows[same] != nil || windows.count < LogLimits.wordingCount {
      guard take(same, LogLimits.sameCount, event, at: now) else { return false }
    }
    return take(Wording(name: event.name), LogLimits.nameCount, event, at: now)
  }

  private mutating func take(_ wording: Wording, _ limit: Int, _ event: LogEvent, at now: Instant) -> Bool {
    var window = windows[wording] ?? Window(startedAt: now, left: limit)
    defer {
      windows[wording] = window
      let end = window.startedAt.advanced(byMilliseconds: LogLimits.windowMilliseconds)
      firstEnd = min(firstEnd ?? end, end)
    }
    guard window.left <= 0 else {
      window.left -= 1
      return true
    }
    window.held += 1
    window.last = event
    return false
  }

  private mutating func ended(at now: Instant) -> [LogEvent] {
    guard let firstEnd, now >= firstEnd else { return [] }
    let over = windows.filter { $0.value.startedAt.advanced(byMilliseconds: LogLimits.windowMilliseconds) <= now }
    let lines = summaries(of: over, at: now)
    for (wording, window) in over {
      // What was repeated has been told of: it goes on being counted, until a minute without it.
      windows[wording] = window.held > 0 ? Window(startedAt: now, left: 0) : nil
    }
    self.firstEnd = windows.values.map { $0.startedAt.advanced(byMilliseconds: LogLimits.windowMilliseconds) }.min()
    return lines
  }

  private func summaries(of windows: [Wording: Window], at now: Instant) -> [LogEvent] {
    let all = windows.sorted { left, right in
      (left.value.startedAt.milliseconds, left.key.name, left.key.message ?? "")
        < (right.value.startedAt.milliseconds, right.key.name, right.key.message ?? "")
    }
    return all.compactMap { wording, window in
      guard window.held > 0, var event = window.last else { return nil }
      let seconds = max((now.milliseconds - window.startedAt.milliseconds) / 1_000, 1)
      if wording.message != nil {
        event.message += " (\(window.held) more times in \(seconds) s)"
      } else {
        event.message = "\(window.held) more lines of this kind in \(seconds) s, the last: \(event.message)"
      }
      return event
    }
  }
}
