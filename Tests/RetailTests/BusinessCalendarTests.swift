import Base
import Retail
import Testing

/// Against the system's own tzdata.
@Suite struct BusinessCalendarTests {
  /// Days of America/New_York: where the UTC day is another, and around the two changes of 2017.
  @Test(arguments: [
    ("2017-01-01T04:59:59Z", 20_161_231), ("2017-01-01T05:00:00Z", 20_170_101),
    ("2017-06-03T03:59:59.999Z", 20_170_602), ("2017-06-03T04:00:00Z", 20_170_603),
    ("2018-01-01T04:59:59Z", 20_171_231), ("2018-01-01T05:00:00Z", 20_180_101),
    // The day of 23 hours, and of 25.
    ("2017-03-12T04:59:59Z", 20_170_311), ("2017-03-12T05:00:00Z", 20_170_312),
    ("2017-03-13T03:59:59Z", 20_170_312), ("2017-03-13T04:00:00Z", 20_170_313),
    ("2017-11-05T03:59:59Z", 20_171_104), ("2017-11-05T04:00:00Z", 20_171_105),
    ("2017-11-06T04:59:59Z", 20_171_105), ("2017-11-06T05:00:00Z", 20_171_106),
    // Beyond the table of years, by the rule.
    ("2050-07-01T03:59:59Z", 20_500_630), ("2050-07-01T04:00:00Z", 20_500_701),
    ("2050-12-01T04:59:59Z", 20_501_130), ("2050-12-01T05:00:00Z", 20_501_201),
    ("1969-12-31T23:59:59.999Z", 19_691_231),
  ])
  func daysInNewYork(text: String, day: Int64) throws {
    let calendar = try BusinessCalendar(timeZone: "America/New_York")
    #expect(calendar.day(of: try RFC3339.parse(text)) == day)
  }

  @Test(arguments: [
    ("Asia/Kathmandu", "2017-06-03T18:14:59Z", 20_170_603), ("Asia/Kathmandu", "2017-06-03T18:15:00Z", 20_170_604),
    ("Asia/Shanghai", "2017-06-03T16:00:00Z", 20_170_604), ("Pacific/Kiritimati", "2017-06-03T10:00:00Z", 20_170_604),
    ("Pacific/Pago_Pago", "2017-06-03T10:59:59Z", 20_170_602), ("UTC", "2017-06-03T23:59:59Z", 20_170_603),
    // The southern summer lies across the year's end; Dublin's winter counts as its “saving”; Samoa skipped a day.
    ("Australia/Sydney", "2045-01-01T12:59:59Z", 20_450_101), ("Australia/Sydney", "2045-01-01T13:00:00Z", 20_450_102),
    ("Europe/Dublin", "2045-07-01T22:59:59Z", 20_450_701), ("Europe/Dublin", "2045-07-01T23:00:00Z", 20_450_702),
    ("Pacific/Apia", "2011-12-30T09:59:59Z", 20_111_229), ("Pacific/Apia", "2011-12-30T10:00:00Z", 20_111_231),
  ])
  func daysElsewhere(timeZone: String, text: String, day: Int64) throws {
    var calendars = BusinessCalendars()
    #expect(try calendars.calendar(timeZone: timeZone).day(of: try RFC3339.parse(text)) == day)
    #expect(try calendars.calendar(timeZone: timeZone).day(of: try RFC3339.parse(text)) == day)
  }

  @Test(arguments: [
    "Nowhere/Else", "", "/etc/passwd", "../../../etc/passwd", "America", "America/", "Europe/../Europe/Paris", ".",
    "Europe/Paris\u{0}", String(repeating: "A", count: 65),
  ])
  func unknownZonesAreErrorsThatNameThem(timeZone: String) throws {
    let error = try #require(throws: RetailError.self) { try BusinessCalendar(timeZone: timeZone) }
    #expect(error.code == .unknownTimeZone)
    #expect(error.reason.contains("“\(timeZone)”"))
  }

  /// Leap seconds are not counted in POSIX time; the plain files of the directory are no zones.
  @Test(arguments: ["right/UTC", "tzdata.zi", "zone.tab"])
  func otherFilesAreErrors(name: String) {
    #expect(throws: RetailError.self) { try BusinessCalendar(timeZone: name) }
  }

  @Test func aBrokenClockDoesNotTrap() throws {
    let calendar = try BusinessCalendar(timeZone: "America/New_York")
    #expect(calendar.day(of: WallTime(milliseconds: .min)) < 0)
    #expect(calendar.day(of: WallTime(milliseconds: .max)) > 99_991_231)
  }
}
