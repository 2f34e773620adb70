import Glibc

/// Time on the wall, and of all processor cores together that this process has used.
struct Stopwatch {
  private let wall = Self.seconds(CLOCK_MONOTONIC)
  private let processor = Self.seconds(CLOCK_PROCESS_CPUTIME_ID)

  var reading: Reading {
    Reading(
      seconds: Self.seconds(CLOCK_MONOTONIC) - wall,
      processorSeconds: Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - processor)
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

struct Reading {
  var seconds: Double
  var processorSeconds: Double
}
