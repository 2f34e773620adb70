import Base
import Testing

@testable import Metrics

/// When a disk will be full.
@Suite struct DiskHistoryTests {
  private static let hour: Int64 = 3_600_000
  private static let total: Int64 = 1_000_000_000

  /// A disk that is measured hourly.
  private func history(hours: Int, free: (Int) -> Int64) -> DiskHistory {
    var history = DiskHistory()
    for hour in 0..<hours {
      history.note(free: free(hour), of: Self.total, at: WallTime(milliseconds: Int64(hour) * Self.hour))
    }
    return history
  }

  @Test func aDiskThatFillsSteadily() throws {
    // 24 MB a day, and 480 MB are left: 20 days.
    let steady = history(hours: 48) { 600_000_000 - Int64($0) * 1_000_000 }
    let days = try #require(steady.daysUntilFull(free: 480_000_000))
    #expect(abs(days - 20) < 0.001)
  }

  @Test func littleHistorySaysNothing() {
    #expect(DiskHistory().daysUntilFull(free: 1) == nil)
    #expect(history(hours: 24) { 500_000_000 - Int64($0) * 1_000_000 }.daysUntilFull(free: 1_000) == nil)
    #expect(history(hours: 25) { 500_000_000 - Int64($0) * 1_000_000 }.daysUntilFull(free: 1_000) != nil)
  }

  @Test func aDiskThatDoesNotFillSaysNothing() {
    #expect(history(hours: 100) { _ in 500_000_000 }.daysUntilFull(free: 500_000_000) == nil)
    #expect(history(hours: 100) { 100_000_000 + Int64($0) * 1_000 }.daysUntilFull(free: 500_000_000) == nil)
    #expect(history(hours: 100) { 500_000_000 - Int64($0) }.daysUntilFull(free: 500_000_000) == nil, "not in ten years")
  }

  @Test("a backup that lay there for a while, and a log that was thrown away, do not count")
  func outliers() throws {
    let odd = history(hours: 200) { hour in
      let steady = 900_000_000 - Int64(hour) * 1_000_000
      if (60..<75).contains(hour) { return steady - 400_000_000 }
      return hour == 150 ? steady + 90_000_000 : steady
    }
    let days = try #require(odd.daysUntilFull(free: 480_000_000))
    #expect(abs(days - 20) < 1)
  }

  @Test func oneSampleAnHourIsKeptAndTwoWeeksOfThem() {
    var history = history(hours: 400) { _ in 5 }
    #expect(history.samples.count == MetricLimits.diskSampleCount)
    #expect(history.samples.last?.at == WallTime(milliseconds: 399 * Self.hour))
    let isKeptTooSoon = history.note(free: 1, of: Self.total, at: WallTime(milliseconds: 400 * Self.hour - 1))
    let isKept = history.note(free: 1, of: Self.total, at: WallTime(milliseconds: 400 * Self.hour))
    #expect(!isKeptTooSoon && isKept)
  }

  @Test func anotherDiskAndAClockThatWentBackBeginAnew() {
    var moved = history(hours: 100) { 500_000_000 - Int64($0) * 1_000_000 }
    moved.note(free: 7, of: 2 * Self.total, at: WallTime(milliseconds: 100 * Self.hour))
    #expect(moved.samples.count == 1)
    var back = history(hours: 100) { _ in 9 }
    back.note(free: 7, of: Self.total, at: WallTime(milliseconds: 10 * Self.hour))
    #expect(back.samples.count == 11 && back.samples.last?.at == WallTime(milliseconds: 10 * Self.hour))
  }

  @Test func bytes() {
    let history = history(hours: 30) { 400 - Int64($0) }
    #expect(DiskHistory(bytes: history.bytes) == history)
    #expect(DiskHistory(bytes: DiskHistory().bytes) == DiskHistory())
    for text in ["", "1", "2 5", "1 x", "1 5 7", "1 5 7:x", "1 5 7:1 7:1"] {
      #expect(DiskHistory(bytes: Array(text.utf8)) == nil, "\(text)")
    }
  }
}
