import Base
import Retail

/// A time as a till's clock shows it, without an offset: `2026-03-02 09:15`, `2026-03-02T09:15:30.250`.
struct LocalTime {
  /// Since 1970-01-01T00:00 of the same clock.
  let milliseconds: Int64

  /// Nil if the text is none, which a time with an offset is not either.
  init?(_ text: String) {
    guard text.utf8.count <= RFC3339.textBytes, !text.utf8.contains(UInt8(ascii: "Z")) else { return nil }
    // To the minute, or with seconds and a fraction: the checks are those of the form with an offset.
    let whole = text.utf8.count == 16 ? text + ":00Z" : text + "Z"
    guard let time = try? RFC3339.parse(whole) else { return nil }
    milliseconds = time.milliseconds
  }
}

/// What a local time is on the time line.
enum LocalTimeReading: Hashable {
  case once(WallTime)
  /// Clocks went back, so it came twice; this is the first time.
  case twice(WallTime)
  /// Clocks went forward, so it never was.
  case never
}

extension BusinessCalendar {
  func time(of local: LocalTime) -> LocalTimeReading {
    // No zone changes its clocks twice within two days, so what was or will be in force is the offset of the day
    // before or after.
    let day: Int64 = 86_400_000
    let offsets = [local.milliseconds - day, local.milliseconds + day].map {
      offsetSeconds(at: WallTime(milliseconds: $0))
    }
    let times = Set(offsets).map { offset in
      (time: WallTime(milliseconds: local.milliseconds - Int64(offset) * 1_000), offset: offset)
    }
    let fitting = times.filter { offsetSeconds(at: $0.time) == $0.offset }.map(\.time)
      .sorted { $0.milliseconds < $1.milliseconds }
    guard let first = fitting.first else { return .never }
    return fitting.count > 1 ? .twice(first) : .once(first)
  }
}
