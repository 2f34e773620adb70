package import Base
import Synchronization

/// Counts requests without a valid token, by address: whoever guesses is answered ever more seldom, and does not fill the log.
///
/// A token has 256 bits, so guessing is hopeless anyway; one who has a valid one is never held up by others at its address.
package final class FailureLimiter: Sendable {
  private struct Window {
    var began: Instant
    var count: Int
  }

  package enum Verdict: Hashable, Sendable {
    case counted
    /// The first one too many of this window: worth a line in the log.
    case limitReached(retryAfterSeconds: Int)
    case limited(retryAfterSeconds: Int)
  }

  private static let windowMilliseconds: Int64 = 60_000

  private let windows = Mutex([String: Window]())

  package init() {}

  /// Notes one more failure.
  package func fail(from peer: String, at now: Instant) -> Verdict {
    windows.withLock { windows in
      if windows.count >= APILimits.failureAddresses, windows[peer] == nil { Self.forgetOldest(&windows, now) }
      var window = windows[peer] ?? Window(began: now, count: 0)
      if now.milliseconds - window.began.milliseconds >= Self.windowMilliseconds {
        window = Window(began: now, count: 0)
      }
      window.count += 1
      windows[peer] = window
      guard window.count > APILimits.failuresPerMinute else { return .counted }
      let rest = Self.windowMilliseconds - (now.milliseconds - window.began.milliseconds)
      let seconds = max(1, Int((rest + 999) / 1_000))
      return window.count == APILimits.failuresPerMinute + 1
        ? .limitReached(retryAfterSeconds: seconds) : .limited(retryAfterSeconds: seconds)
    }
  }

  private static func forgetOldest(_ windows: inout [String: Window], _ now: Instant) {
    windows = windows.filter { now.milliseconds - $0.value.began.milliseconds < windowMilliseconds }
    guard windows.count >= APILimits.failureAddresses else { return }
    let oldest = windows.min { ($0.value.began, $0.key) < ($1.value.began, $1.key) }
    if let oldest { windows[oldest.key] = nil }
  }
}
