import Base
import Testing

@testable import Retail

@Suite struct TimeZoneTableTests {
  /// A file of version 2 whose 32-bit part is empty, as today's compilers write it.
  static func tzif(changes: [(at: Int64, type: UInt8)], offsets: [Int32], rule: String) -> [UInt8] {
    var writer = ByteWriter()
    func header(time: Int, type: Int) {
      writer.append("TZif2".utf8)
      writer.append(repeatElement(0, count: 15))
      for count in [0, 0, 0, time, type, type * 4] { writer.append(bigEndian: UInt32(count)) }
    }
    header(time: 0, type: 0)
    header(time: changes.count, type: offsets.count)
    for change in changes { writer.append(bigEndian: UInt64(bitPattern: change.at)) }
    writer.append(changes.map(\.type))
    for offset in offsets {
      writer.append(bigEndian: UInt32(bitPattern: offset))
      writer.append([0, 0])
    }
    for _ in offsets { writer.append("LMT\0".utf8) }
    writer.append("\n\(rule)\n".utf8)
    return writer.bytes
  }

  static let sample = tzif(
    changes: [(-1_000, 1), (1_000, 2), (2_000, 1)], offsets: [-60, 3_600, 7_200], rule: "<+01>-1")

  @Test(arguments: [
    (Int64.min, -60), (-1_001, -60), (-1_000, 3_600), (999, 3_600), (1_000, 7_200), (1_999, 7_200), (2_000, 3_600),
    (.max, 3_600),
  ])
  func looksUpTheTable(seconds: Int64, offset: Int) throws {
    #expect(try TimeZoneTable(tzif: Self.sample).offset(at: seconds) == offset)
  }

  @Test func anEmptyRuleKeepsTheLastOffset() throws {
    let table = try TimeZoneTable(tzif: Self.tzif(changes: [(0, 1)], offsets: [0, 7_200], rule: ""))
    #expect(table.offset(at: 1 << 40) == 7_200)
    #expect(try TimeZoneTable(tzif: Self.tzif(changes: [], offsets: [42], rule: "")).offset(at: 0) == 42)
  }

  @Test func everyTruncationIsAnError() {
    for count in 0..<Self.sample.count {
      #expect(throws: ByteError.self, "\(count)") { try TimeZoneTable(tzif: Array(Self.sample.prefix(count))) }
    }
  }

  @Test func noDamageTraps() throws {
    for index in Self.sample.indices {
      for byte: UInt8 in [0x00, 0x7F, 0x80, 0xFF] {
        var damaged = Self.sample
        damaged[index] = byte
        guard let table = try? TimeZoneTable(tzif: damaged) else { continue }
        for seconds: Int64 in [.min / 1_000, -1, 0, 1_500, .max / 1_000] {
          #expect(abs(table.offset(at: seconds)) <= 168 * 3_600)
        }
      }
    }
  }

  @Test func contradictionsAreErrors() {
    let disordered = Self.tzif(changes: [(5, 0), (5, 0)], offsets: [0], rule: "")
    let unknownType = Self.tzif(changes: [(5, 1)], offsets: [0], rule: "")
    let noTypes = Self.tzif(changes: [], offsets: [], rule: "UTC0")
    let farOffset = Self.tzif(changes: [], offsets: [93_600], rule: "")
    let badRule = Self.tzif(changes: [], offsets: [0], rule: "X")
    for bytes in [disordered, unknownType, noTypes, farOffset, badRule] {
      #expect(throws: ByteError.self) { try TimeZoneTable(tzif: bytes) }
    }
  }
}

@Suite struct TimeZoneRuleTests {
  private func offset(_ rule: String, _ time: String) throws -> Int {
    let rule = try #require(TimeZoneRule(Array(rule.utf8)))
    return rule.offset(at: try RFC3339.parse(time).milliseconds / 1_000)
  }

  @Test(arguments: [
    ("UTC0", "2017-06-03T00:00:00Z", 0),
    ("<-03>3", "2017-06-03T00:00:00Z", -10_800),
    ("<+0545>-5:45", "2017-06-03T00:00:00Z", 20_700),
    ("EST5EDT,M3.2.0,M11.1.0", "2017-03-12T06:59:59Z", -18_000),
    ("EST5EDT,M3.2.0,M11.1.0", "2017-03-12T07:00:00Z", -14_400),
    ("EST5EDT,M3.2.0,M11.1.0", "2017-11-05T05:59:59Z", -14_400),
    ("EST5EDT,M3.2.0,M11.1.0", "2017-11-05T06:00:00Z", -18_000),
    // The last Sunday of March 2018 was the fourth, in 2019 the fifth.
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2018-03-25T00:59:59Z", 3_600),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2018-03-25T01:00:00Z", 7_200),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2019-03-31T01:00:00Z", 7_200),
    ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2017-01-01T00:00:00Z", 39_600),
    ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2017-07-01T00:00:00Z", 36_000),
    ("IST-1GMT0,M10.5.0,M3.5.0/1", "2017-01-01T00:00:00Z", 0),
    ("IST-1GMT0,M10.5.0,M3.5.0/1", "2017-07-01T00:00:00Z", 3_600),
    // Saving all year (RFC 9636 §3.3.1), and a change before midnight of its day.
    ("EST5EDT,0/0,J365/25", "2017-12-31T23:59:59Z", -14_400),
    ("EST5EDT,0/0,J365/25", "2018-01-01T05:00:00Z", -14_400),
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T00:59:59Z", -7_200),
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T01:00:00Z", -3_600),
    // Day 60 without leap days is 1 March in every year.
    ("AAA0BBB,J60/0,J300/0", "2020-02-29T23:59:59Z", 0),
    ("AAA0BBB,J60/0,J300/0", "2020-03-01T00:00:00Z", 3_600),
    ("AAA0BBB,59/0,299/0", "2020-02-29T00:00:00Z", 3_600),
    ("AAA0BBB-2:30:15,J1/0,J365/0", "2020-06-01T00:00:00Z", 9_015),
  ])
  func knowsTheOffset(rule: String, time: String, offset: Int) throws {
    #expect(try self.offset(rule, time) == offset)
  }

  @Test(arguments: [
    "", "5", "EST", "ES5", "EST168", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,", "EST5EDT,M13.2.0,M11.1.0",
    "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J1", "EST5EDT,366,1", "<EST5", "EST5:60",
    "EST5EDT,M3.2.0/,M11.1.0", "EST5EDT,M3.2.0,M11.1.0 ", "EST99999999999999999999",
  ])
  func refuses(rule: String) {
    #expect(TimeZoneRule(Array(rule.utf8)) == nil)
  }
}
