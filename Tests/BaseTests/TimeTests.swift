import Base
import Testing

@Suite struct TimeTests {
  /// A peer says any time it likes in its greeting.
  @Test func differencesSaturate() {
    let ends = [WallTime(milliseconds: .min), WallTime(milliseconds: 0), WallTime(milliseconds: .max)]
    #expect(ends[2].milliseconds(since: ends[0]) == .max)
    #expect(ends[0].milliseconds(since: ends[2]) == .min)
    #expect(ends[0].milliseconds(since: ends[1]) == .min)
    #expect(ends[1].milliseconds(since: ends[0]) == .max)
    #expect(WallTime(milliseconds: 5).milliseconds(since: WallTime(milliseconds: -2)) == 7)
  }
}
