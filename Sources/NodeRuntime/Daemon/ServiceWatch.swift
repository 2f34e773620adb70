import Base
import Dispatch

/// Gives the service manager its signs of life, as long as all parts of the node answer: one that hangs, above all the
/// writer, is to be restarted, and a timer alone would go on telling that all is well.
///
/// Confined to its queue (`@unchecked Sendable`).
final class ServiceWatch: @unchecked Sendable {
  /// A part of the node that must answer: it calls back once what was asked of it before is done.
  struct Part: Sendable {
    var name: String
    var ask: @Sendable (@escaping @Sendable () -> Void) -> Void
  }

  /// Rounds of questions in the time that the manager waits: one may be missed, and one be late.
  static let roundsAWait: UInt64 = 4

  private let parts: [Part]
  private let queue = DispatchQueue(label: "storesync.watch")
  private let tellAlive: @Sendable () -> Void
  private let log: LogSink
  private var timer: (any DispatchSourceTimer)?
  /// Parts that were asked and have not answered.
  private var waiting: Set<String> = []
  private var isTold = false

  /// - Parameter tellAlive: gives one sign of life; on the watch's queue.
  init(_ parts: [Part], log: @escaping LogSink, tellAlive: @escaping @Sendable () -> Void) {
    self.parts = parts
    self.log = log
    self.tellAlive = tellAlive
  }

  func start(watchdogMicroseconds: UInt64) {
    let interval = DispatchTimeInterval.microseconds(
      Int(clamping: max(watchdogMicroseconds / Self.roundsAWait, 1_000)))
    queue.sync {
      ask()
      let timer = DispatchSource.makeTimerSource(queue: queue)
      timer.setEventHandler { [weak self] in self?.turn() }
      timer.schedule(deadline: .now() + interval, repeating: interval)
      timer.activate()
      self.timer = timer
    }
  }

  /// Runs `turn` as the timer would.
  func turnNow() { queue.sync { turn() } }

  private func turn() {
    dispatchPrecondition(condition: .onQueue(queue))
    guard waiting.isEmpty else {
      if !isTold {
        log(
          LogEvent(
            .warning, "service.unresponsive",
            "no answer yet from: \(waiting.sorted().joined(separator: ", ")); if none comes, the service manager "
              + "restarts this node"))
      }
      isTold = true
      return
    }
    if isTold { log(LogEvent(.info, "service.responsive", "all parts of the node answer again")) }
    isTold = false
    tellAlive()
    ask()
  }

  private func ask() {
    waiting = Set(parts.map(\.name))
    for part in parts {
      part.ask { [weak self] in
        guard let self else { return }
        queue.async { self.waiting.remove(part.name) }
      }
    }
  }
}
