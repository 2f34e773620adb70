import Base
import CLinux
import Dispatch
import Glibc

/// The machine's clocks, read together, in milliseconds.
struct ClockReading: Hashable, Sendable {
  /// What people set.
  var wall: Int64
  /// Stands still while the machine sleeps.
  var awake: Int64
  /// Runs on while the machine sleeps.
  var elapsed: Int64

  static func now() -> ClockReading {
    ClockReading(wall: read(CLOCK_REALTIME), awake: read(CLOCK_MONOTONIC), elapsed: read(CLOCK_BOOTTIME))
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// Tells from the clocks that the machine has slept, or that somebody has set its wall clock.
struct ClockComparison: Sendable {
  /// What counts as having slept: the other end's answers may be lost.
  static let sleepMilliseconds: Int64 = 2_000
  /// What counts as set: the slewing of NTP stays below it between two looks.
  static let stepMilliseconds: Int64 = 1_000

  private var last: ClockReading

  init(_ reading: ClockReading) {
    last = reading
  }

  mutating func look(_ now: ClockReading) -> [ClockWatch.Event] {
    defer { last = now }
    var events: [ClockWatch.Event] = []
    let slept = (now.elapsed - now.awake) - (last.elapsed - last.awake)
    if slept >= Self.sleepMilliseconds { events.append(.slept(milliseconds: slept)) }
    let step = (now.wall - now.elapsed) - (last.wall - last.elapsed)
    if step.magnitude >= Self.stepMilliseconds { events.append(.wallClockSet(byMilliseconds: step)) }
    return events
  }
}

/// Notices at once that the machine has slept or its wall clock was set, without waking it up to look: the kernel cancels a
/// timer of the wall clock then.
///
/// Confined to its queue (`@unchecked Sendable`).
package final class ClockWatch: @unchecked Sendable {
  package enum Event: Hashable, Sendable {
    case slept(milliseconds: Int64)
    /// Positive: forward.
    case wallClockSet(byMilliseconds: Int64)
  }

  private let read: () -> ClockReading
  private let onEvent: (Event) -> Void
  private var comparison: ClockComparison
  private var source: (any DispatchSourceRead)?

  /// Nil where the kernel has no such timer; links then notice by their keepalive.
  init?(
    queue: DispatchQueue, reading read: @escaping () -> ClockReading = ClockReading.now,
    onEvent: @escaping (Event) -> Void
  ) {
    let descriptor = storesync_clock_watch_open()
    guard descriptor >= 0 else { return nil }
    self.read = read
    self.onEvent = onEvent
    comparison = ClockComparison(read())
    guard storesync_clock_watch_arm(descriptor) == 0 else {
      close(descriptor)
      return nil
    }
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    source.setCancelHandler { close(descriptor) }
    source.setEventHandler { [weak self] in
      var count: UInt64 = 0
      _ = Glibc.read(descriptor, &count, 8)
      _ = storesync_clock_watch_arm(descriptor)
      self?.look()
    }
    self.source = source
    source.activate()
  }

  func look() {
    for event in comparison.look(read()) { onEvent(event) }
  }

  func stop() {
    source?.cancel()
    source = nil
  }
}

extension ClockWatch.Event {
  func note(in log: LogSink) {
    switch self {
    case .slept(let milliseconds):
      log(LogEvent(.info, "clock.slept", "the machine has slept for \(milliseconds / 1_000) s; links are looked at"))
    case .wallClockSet(let milliseconds):
      let direction = milliseconds > 0 ? "forward" : "back"
      log(
        LogEvent(
          .warning, "clock.set", "the wall clock was set \(direction) by \(Double(milliseconds.magnitude) / 1_000) s"))
    }
  }
}
