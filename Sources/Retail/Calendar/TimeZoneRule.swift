import Base

/// When clocks change in years beyond a time zone's table: the POSIX TZ string at the end of a TZif file, such as
/// `EST5EDT,M3.2.0,M11.1.0` (POSIX §8.3, with the wider range of times of RFC 9636 §3.3.1).
struct TimeZoneRule: Hashable, Sendable {
  /// One of the two changes of a year.
  struct Change: Hashable, Sendable {
    enum Day: Hashable, Sendable {
      /// From 1 to 365; 29 February is never counted.
      case ofYearWithoutLeapDay(Int)
      /// From 0 to 365; 29 February is counted.
      case ofYear(Int)
      /// Weekdays count from 0, Sunday; week 5 is the month's last.
      case weekday(Int, week: Int, month: Int)
    }

    var day: Day
    /// After local midnight; may lie outside the day.
    var seconds: Int

    /// Seconds from 1970 to the change in `year`, on a clock without an offset.
    func localSeconds(year: Int) -> Int {
      let newYear = Self.daysSince1970(year: year, month: 1)
      let days =
        switch day {
        case .ofYear(let day): newYear + day
        case .ofYearWithoutLeapDay(let day):
          newYear + day - 1 + (CivilDay.isLeap(year: year) && day >= 60 ? 1 : 0)
        case .weekday(let weekday, let week, let month): Self.nth(week, weekday, month: month, year: year)
        }
      return days * 86_400 + seconds
    }

    private static func nth(_ week: Int, _ weekday: Int, month: Int, year: Int) -> Int {
      let first = daysSince1970(year: year, month: month)
      // 1 January 1970 was a Thursday.
      let firstWeekday = (first + 4).floorRemainder(by: 7)
      let day = (weekday - firstWeekday).floorRemainder(by: 7) + (week - 1) * 7
      return first + (day < CivilDay.dayCount(ofMonth: month, year: year) ? day : day - 7)
    }

    private static func daysSince1970(year: Int, month: Int) -> Int {
      CivilDay.daysSince1970(year: year, month: month, day: 1)
    }
  }

  struct Saving: Hashable, Sendable {
    /// East of Greenwich, while it is in force.
    var offsetSeconds: Int
    var start: Change
    var end: Change
  }

  /// East of Greenwich, outside of `saving`.
  var offsetSeconds: Int
  var saving: Saving?

  /// In seconds east of Greenwich.
  func offset(at seconds: Int64) -> Int {
    guard let saving else { return offsetSeconds }
    let time = Int(seconds)
    let year = CivilDay(daysSince1970: (time + offsetSeconds).floorDivided(by: 86_400)).year
    // A change is told in the time that is in force until then.
    let start = saving.start.localSeconds(year: year) - offsetSeconds
    let end = saving.end.localSeconds(year: year) - saving.offsetSeconds
    let isSaving = start < end ? start <= time && time < end : !(end <= time && time < start)
    return isSaving ? saving.offsetSeconds : offsetSeconds
  }
}

extension TimeZoneRule {
  /// Nil if `text` is none.
  init?(_ text: [UInt8]) {
    var parser = Parser(rest: text[...])
    guard parser.skipName(), let offset = parser.offset() else { return nil }
    // POSIX counts offsets westwards.
    offsetSeconds = -offset
    guard !parser.rest.isEmpty else { return }
    guard parser.skipName() else { return nil }
    var savingOffset = offsetSeconds + 3_600
    if parser.rest.first != UInt8(ascii: ",") {
      guard let given = parser.offset() else { return nil }
      savingOffset = -given
    }
    guard let start = parser.change(), let end = parser.change(), parser.rest.isEmpty else { return nil }
    saving = Saving(offsetSeconds: savingOffset, start: start, end: end)
  }

  private struct Parser {
    var rest: ArraySlice<UInt8>

    /// Letters, or anything between angle brackets. Nothing here needs what a zone is called.
    mutating func skipName() -> Bool {
      if rest.first == UInt8(ascii: "<") {
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
        rest = rest[(end + 1)...]
        return true
      }
      let letters = rest.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0 & ~0x20) }
      rest = rest.dropFirst(letters.count)
      return letters.count >= 3
    }

    /// `[+-]h[:m[:s]]` in seconds, up to a week.
    mutating func offset() -> Int? {
      let isNegative = rest.first == UInt8(ascii: "-")
      if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
      guard var seconds = number(upTo: 167).map({ $0 * 3_600 }) else { return nil }
      for unit in [60, 1] where take(":") {
        guard let part = number(upTo: 59) else { return nil }
        seconds += part * unit
      }
      return isNegative ? -seconds : seconds
    }

    /// `,date[/time]`; without a time it is at two in the morning.
    mutating func change() -> Change? {
      guard take(","), let day = day() else { return nil }
      guard take("/") else { return Change(day: day, seconds: 7_200) }
      return offset().map { Change(day: day, seconds: $0) }
    }

    private mutating func day() -> Change.Day? {
      if take("J") { return number(upTo: 365).flatMap { $0 > 0 ? .ofYearWithoutLeapDay($0) : nil } }
      guard take("M") else { return number(upTo: 365).map { .ofYear($0) } }
      guard let month = number(upTo: 12), month > 0, take("."), let week = number(upTo: 5), week > 0, take("."),
        let weekday = number(upTo: 6)
      else { return nil }
      return .weekday(weekday, week: week, month: month)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard let byte = rest.first, Unicode.Scalar(byte) == character else { return false }
      rest = rest.dropFirst()
      return true
    }

    private mutating func number(upTo limit: Int) -> Int? {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard (1...3).contains(digits.count) else { return nil }
      let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
      guard value <= limit else { return nil }
      rest = rest.dropFirst(digits.count)
      return value
    }
  }
}
