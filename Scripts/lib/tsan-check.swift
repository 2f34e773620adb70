// Does ThreadSanitizer see what it should? Scripts/sanitize runs it before the tests: “guarded” must be silent, and
// “open” must be reported.
import Glibc
import Synchronization

final class Shared: @unchecked Sendable {
  let guarded = Mutex<[Int: [Int]]>([:])
  var open = 0
  let started = Atomic<Int>(0)
  let isGuarded = CommandLine.arguments.contains("guarded")

  func work() {
    // Relaxed: the threads meet, and learn nothing of each other.
    started.add(1, ordering: .relaxed)
    while started.load(ordering: .relaxed) < 2 {}
    for round in 0..<20_000 {
      if isGuarded {
        guarded.withLock { $0[round % 8, default: []].append(round) }
      } else {
        open += 1
      }
    }
  }
}

let shared = Shared()
let threads = (0..<2).map { _ in
  var thread = pthread_t()
  pthread_create(&thread, nil, { context in
    Unmanaged<Shared>.fromOpaque(context!).takeUnretainedValue().work()
    return nil
  }, Unmanaged.passUnretained(shared).toOpaque())
  return thread
}
for thread in threads { pthread_join(thread, nil) }
