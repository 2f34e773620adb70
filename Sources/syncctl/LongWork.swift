import Dispatch
import Glibc
import NodeRuntime
import Synchronization

/// Ctrl-C during long work: it ends after what it is at, and says how far it came. A second one ends at once.
enum Interruption {
  private static let count = Atomic<Int>(0)
  private static let sources = Mutex<[any DispatchSourceSignal]>([])

  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

  static func watch() {
    sources.withLock { sources in
      guard sources.isEmpty else { return }
      // Dispatch reads signals from a descriptor (signalfd(2)), which sees what is pending for the process: a thread that
      // does not block them may take one for itself, and it is lost.
      var mask = sigset_t()
      sigemptyset(&mask)
      for number in [SIGINT, SIGTERM] { sigaddset(&mask, number) }
      pthread_sigmask(SIG_BLOCK, &mask, nil)
      for number in [SIGINT, SIGTERM] {
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
          if count.add(1, ordering: .relaxed).oldValue > 0 { _exit(ExitStatus.partly.rawValue) }
        }
        source.resume()
        sources.append(source)
      }
    }
  }
}

/// Tells how far long work has come, every second: on a terminal, or if it is wanted.
struct ProgressMeter {
  private let isOn: Bool
  private let total: Int?
  private let start = now()
  private var next = now() + 1

  /// - Parameter total: what is to be done, in the unit of `done`; nil if nobody knows.
  init(isWanted: Bool, total: Int?) {
    isOn = isWanted || isatty(STDERR_FILENO) == 1
    self.total = total.flatMap { $0 > 0 ? $0 : nil }
  }

  mutating func tell(done: Int, rows: Int, _ more: () -> String = { "" }) {
    guard isOn else { return }
    let now = Self.now()
    guard now >= next else { return }
    next = now + 1
    let percent = total.map { "\(min(100, done * 100 / $0)) %, " } ?? ""
    Console.printError("\(percent)\(rows) rows, \(Int(Double(rows) / (now - start))) rows/s\(more())")
  }

  /// In seconds, on a clock that nobody sets.
  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
