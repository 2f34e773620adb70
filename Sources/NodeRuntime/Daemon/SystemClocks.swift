package import Base
// Which of the two has `timespec` depends on what else is compiled together with this file.
import CLinux
import Glibc

/// The machine's wall clock.
package struct SystemWallClock: WallClock {
  package init() {}

  package var now: WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

/// The machine's clock for time-outs. It runs on while the machine sleeps, so that a link is noticed to be stale right
/// after a resume.
package struct SystemMonotonicClock: Sendable {
  package init() {}

  package var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
