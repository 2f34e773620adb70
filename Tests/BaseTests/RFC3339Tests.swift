import Base
import Testing

@Suite struct RFC3339Tests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0),
    ("2017-06-03T17:05:00Z", 1_496_509_500_000),
    ("2017-06-03T13:05:00-04:00", 1_496_509_500_000),
    ("2017-06-03t22:50:00.000+05:45", 1_496_509_500_000),
    ("2017-06-03 17:05:00z", 1_496_509_500_000),
    ("2017-06-03T17:05:00-00:00", 1_496_509_500_000),
    ("1969-12-31T23:59:59.5Z", -500),
    ("2000-02-29T00:00:00Z", 951_782_400_000),
    ("1996-12-19T16:39:57.1239999-08:00", 851_042_397_123),
    ("1990-12-31T15:59:60-08:00", 662_688_000_000),
    ("0000-01-01T00:00:00Z", -62_167_219_200_000),
    ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
  ])
  func reads(text: String, milliseconds: Int64) throws {
    #expect(try RFC3339.parse(text).milliseconds == milliseconds)
  }

  @Test(arguments: [
    "", "now", "2017-06-03", "2017-06-03T17:05:00", "2017-06-03T17:05Z", "2017-6-3T17:05:00Z",
    "2017-02-29T00:00:00Z", "2017-13-01T00:00:00Z", "2017-00-01T00:00:00Z", "2017-06-31T00:00:00Z",
    "2017-06-03T24:00:00Z", "2017-06-03T17:60:00Z", "2017-06-03T17:05:61Z", "2017-06-03T17:05:60Z",
    "2017-06-03T17:05:00.Z", "2017-06-03T17:05:00Z ", "2017-06-03T17:05:00+0400", "2017-06-03T17:05:00+24:00",
    "-017-06-03T17:05:00Z", "２０１７-06-03T17:05:00Z",
    "2017-06-03T17:05:00.000000000000000000000000000000000000000000000Z",
  ])
  func refuses(text: String) {
    #expect(throws: RFC3339Error.self) { try RFC3339.parse(text) }
  }

  @Test func errorsSayWhatIsWrong() throws {
    let error = try #require(throws: RFC3339Error.self) { try RFC3339.parse("2017-02-29T00:00:00Z") }
    #expect(error.description.contains("2017-02-29"))
    #expect(error.description.contains("no such day"))
    #expect(error.description.contains("expected"))
  }

  @Test(arguments: [
    (0, 0, "1970-01-01T00:00:00Z"),
    (1_496_509_500_000, 0, "2017-06-03T17:05:00Z"),
    (1_496_509_500_250, -240, "2017-06-03T13:05:00.250-04:00"),
    (1_496_509_500_007, 345, "2017-06-03T22:50:00.007+05:45"),
    (-1, 0, "1969-12-31T23:59:59.999Z"),
  ])
  func writes(milliseconds: Int64, offset: Int, text: String) {
    #expect(RFC3339.format(WallTime(milliseconds: milliseconds), offsetMinutes: offset) == text)
  }

  @Test func writtenTimesAreReadBack() throws {
    let seed: UInt64 = 3339
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let time = WallTime(milliseconds: .random(in: -62_167_132_800_000...253_402_214_400_000, using: &generator))
      let offset = Int.random(in: -1_439...1_439, using: &generator)
      #expect(try RFC3339.parse(RFC3339.format(time, offsetMinutes: offset)) == time, "SEED \(seed)")
    }
  }

  /// Nobody reads these, but a log line about a broken clock must not end the process.
  @Test func timesBeyondTheCalendarDoNotTrap() {
    #expect(RFC3339.format(WallTime(milliseconds: .max)).hasSuffix("Z"))
    #expect(RFC3339.format(WallTime(milliseconds: .min), offsetMinutes: -60).hasPrefix("-"))
  }
}

@Suite struct CivilDayTests {
  @Test func conversionsAreInversesOverFourHundredYears() throws {
    var expected = try #require(CivilDay(year: 1_800, month: 1, day: 1))
    let first = expected.daysSince1970
    for days in first..<first + 146_097 * 2 {
      let found = CivilDay(daysSince1970: days)
      #expect(found == expected)
      #expect(found.daysSince1970 == days)
      expected = Self.next(expected)
    }
  }

  private static func next(_ day: CivilDay) -> CivilDay {
    CivilDay(year: day.year, month: day.month, day: day.day + 1)
      ?? CivilDay(year: day.year, month: day.month + 1, day: 1)
      ?? CivilDay(year: day.year + 1, month: 1, day: 1) ?? day
  }

  @Test func numbersAreChecked() {
    #expect(CivilDay(number: 20_000_229)?.daysSince1970 == 11_016)
    #expect(CivilDay(number: 20_000_229)?.number == 20_000_229)
    for number: Int64 in [0, -1, 19_000_229, 20_170_631, 20_171_301, 99_991_232, .max, .min] {
      #expect(CivilDay(number: number) == nil)
    }
  }

  @Test func knownDays() {
    #expect(CivilDay(daysSince1970: 0).number == 19_700_101)
    #expect(CivilDay(daysSince1970: -1).number == 19_691_231)
    #expect(CivilDay(daysSince1970: 17_320).number == 20_170_603)
  }

  @Test func divisionRoundsDown() {
    #expect((-1).floorDivided(by: 86_400) == -1)
    #expect((-86_400).floorDivided(by: 86_400) == -1)
    #expect(86_399.floorDivided(by: 86_400) == 0)
    #expect((-7).floorDivided(by: -2) == 3)
    for number: Int64 in [.min, -86_401, -86_400, -1, 0, 1, 86_400, .max] {
      let remainder = number.floorRemainder(by: 86_400)
      #expect((0..<86_400).contains(remainder))
      #expect(Int128(number) == Int128(number.floorDivided(by: 86_400)) * 86_400 + Int128(remainder))
    }
  }
}
