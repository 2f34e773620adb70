import Dispatch
import Synchronization
import Testing

@testable import NodeRuntime

@Suite struct ClockWatchTests {
  private static let begin = ClockReading(wall: 1_000_000, awake: 5_000, elapsed: 5_000)

  private func events(wall: Int64, awake: Int64, elapsed: Int64) -> [ClockWatch.Event] {
    var comparison = ClockComparison(Self.begin)
    return comparison.look(
      ClockReading(
        wall: Self.begin.wall + wall, awake: Self.begin.awake + awake, elapsed: Self.begin.elapsed + elapsed))
  }

  @Test func timePasses() {
    #expect(events(wall: 60_000, awake: 60_000, elapsed: 60_000) == [])
    #expect(events(wall: 60_999, awake: 60_000, elapsed: 61_500) == [], "slewing, and a short pause")
  }

  @Test func sleepIsNoSettingOfTheClock() {
    #expect(events(wall: 3_600_000, awake: 1_000, elapsed: 3_600_000) == [.slept(milliseconds: 3_599_000)])
    #expect(events(wall: 2_000, awake: 0, elapsed: 2_000) == [.slept(milliseconds: 2_000)])
    #expect(events(wall: 1_999, awake: 0, elapsed: 1_999) == [])
  }

  @Test func theWallClockIsSetEitherWay() {
    #expect(events(wall: 61_000, awake: 60_000, elapsed: 60_000) == [.wallClockSet(byMilliseconds: 1_000)])
    #expect(events(wall: -86_340_000, awake: 60_000, elapsed: 60_000) == [.wallClockSet(byMilliseconds: -86_400_000)])
    #expect(
      events(wall: 10_000_000, awake: 0, elapsed: 60_000)
        == [.slept(milliseconds: 60_000), .wallClockSet(byMilliseconds: 9_940_000)])
  }

  @Test func eachIsToldOnce() {
    var comparison = ClockComparison(Self.begin)
    let slept = ClockReading(wall: 1_060_000, awake: 5_000, elapsed: 65_000)
    #expect(comparison.look(slept) == [.slept(milliseconds: 60_000)])
    #expect(comparison.look(slept) == [])
  }

  @Test func theWatchIsArmedAndTellsWhatTheClocksSay() throws {
    let queue = DispatchQueue(label: "test.clock")
    let reading = Mutex(Self.begin)
    let told = Mutex<[ClockWatch.Event]>([])
    try queue.sync {
      let watch = try #require(
        ClockWatch(
          queue: queue, reading: { reading.withLock { $0 } },
          onEvent: { event in
            told.withLock { $0.append(event) }
          }))
      watch.look()
      reading.withLock {
        $0.elapsed += 10_000; $0.wall += 10_000
      }
      watch.look()
      watch.stop()
    }
    #expect(told.withLock { $0 } == [.slept(milliseconds: 10_000)])
  }
}
