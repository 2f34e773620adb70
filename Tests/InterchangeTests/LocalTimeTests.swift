import Base
import Interchange
import Retail
import StoreModel
import Testing

@Suite struct LocalTimeTests {
  static func mapped(_ time: String, zone: String = "Europe/Berlin", override: String? = nil) throws -> MappedRecord {
    let form = ValueForm(
      calendar: try override.map { try BusinessCalendar(timeZone: $0) },
      stores: [7: Place(currency: "EUR", calendar: try BusinessCalendar(timeZone: zone))])
    let mapper = try RecordMapper(try entity("pointsEntry"), form: form)
    let columns = try mapper.columns(of: ["document", "line", "member", "store", "points", "reason", "earnedAt"])
    return try mapper.map(
      ["018fc2b6-4c10-7aaa-8000-0123456789ab", "1", "100", "7", "5", "purchase", time], columns)
  }

  static func utc(_ mapped: MappedRecord) -> String? {
    guard case .write(let fields) = mapped.write.action else { return nil }
    for field in fields where field.field == FieldTag(8) {
      if case .set(.integer(let time)) = field.edit { return RFC3339.format(WallTime(milliseconds: time)) }
    }
    return nil
  }

  @Test(arguments: [
    ("2026-03-02 09:15", "2026-03-02T08:15:00Z"), ("2026-07-02T09:15:30", "2026-07-02T07:15:30Z"),
    ("2026-07-02T09:15:30.250", "2026-07-02T07:15:30.250Z"), ("2026-07-02T09:15:30Z", "2026-07-02T09:15:30Z"),
    ("2026-07-02 09:15:30-05:00", "2026-07-02T14:15:30Z"), ("2040-07-02 09:15", "2040-07-02T07:15:00Z"),
    // The hours around both changes of 2026.
    ("2026-03-29 01:59:59", "2026-03-29T00:59:59Z"), ("2026-03-29 03:00", "2026-03-29T01:00:00Z"),
    ("2026-10-25 01:59", "2026-10-24T23:59:00Z"), ("2026-10-25 03:00", "2026-10-25T02:00:00Z"),
  ])
  func timesAreReadInTheStoresZone(_ text: String, _ expected: String) throws {
    let mapped = try Self.mapped(text)
    #expect(Self.utc(mapped) == expected && mapped.note == nil)
  }

  @Test func anHourThatNeverWasIsRefused() throws {
    for time in ["2026-03-29 02:00", "2026-03-29 02:59:59"] {
      let error = #expect(throws: MappingError.self) { try Self.mapped(time) }
      #expect(
        error?.description
          == "earnedAt: never was in Europe/Berlin, as clocks went forward; correct it, or write its offset from UTC")
    }
    // A whole day was left out when Samoa moved to the other side of the date line.
    #expect(throws: MappingError.self) { try Self.mapped("2011-12-30 12:00", zone: "Pacific/Apia") }
  }

  @Test func anHourThatCameTwiceIsTheFirstAndSaysSo() throws {
    let mapped = try Self.mapped("2026-10-25 02:30")
    #expect(Self.utc(mapped) == "2026-10-25T00:30:00Z")
    #expect(mapped.note == "earnedAt came twice that day in Europe/Berlin, as clocks went back; taken as the first")
    #expect(try Self.mapped("2026-10-25 02:30:00+01:00").note == nil)
  }

  @Test func anotherZoneForAll() throws {
    #expect(Self.utc(try Self.mapped("2026-03-02 09:15", override: "Asia/Shanghai")) == "2026-03-02T01:15:00Z")
  }

  @Test func aRowWithoutAPlace() throws {
    let mapper = try RecordMapper(try entity("pointsEntry"))
    let columns = try mapper.columns(of: ["document", "line", "member", "store", "points", "reason", "earnedAt"])
    let row = ["018fc2b6-4c10-7aaa-8000-0123456789ab", "1", "100", "7", "5", "purchase", "2026-03-02 09:15"]
    let error = #expect(throws: MappingError.self) { try mapper.map(row, columns) }
    #expect(
      error?.description.contains("the time zone of store 7 is not known here; say which with --time-zone") == true)
  }

  /// Whatever the time, reading what a clock shows gives it back, or the first of two that show the same.
  @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "America/St_Johns"])
  func whatAClockShowsIsReadBack(_ zone: String) throws {
    let seed: UInt64 = 0x5EED_71E5
    var generator = SeededGenerator(seed: seed)
    let calendar = try BusinessCalendar(timeZone: zone)
    for round in 0..<500 {
      let seconds = Int64.random(in: 0...4_000_000_000, using: &generator)
      let time = WallTime(milliseconds: seconds * 1_000)
      let offset = calendar.offsetSeconds(at: time)
      let shown = RFC3339.format(time.advanced(byMilliseconds: Int64(offset) * 1_000)).dropLast()
      let mapped = try Self.mapped(String(shown), zone: zone)
      let read = try RFC3339.parse(try #require(Self.utc(mapped)))
      #expect(
        read == time || mapped.note != nil && read.milliseconds < time.milliseconds,
        "SEED \(seed) round \(round): \(shown)")
    }
  }
}
