import Base
import Causality
import Testing

struct HybridClockTests {
  @Test func increasesStrictlyWhateverTheWallClockDoes() {
    for round in 0..<200 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      var clock = HybridClock()
      var wall = WallTime(milliseconds: Int64.random(in: 0...2_000_000_000_000, using: &generator))
      var last = HybridTimestamp.zero
      for _ in 0..<60 {
        wall = Self.moved(wall, &generator)
        if Int.random(in: 0..<4, using: &generator) == 0 {
          clock.observe(
            HybridTimestamp(wall: Self.moved(wall, &generator), counter: .random(in: 0...9, using: &generator)))
          #expect(clock.last >= last, "SEED=\(Seed.value) round \(round)")
        }
        let observed = clock.last
        let now = clock.tick(wall: wall)
        #expect(now > last && now > observed && now == clock.last, "SEED=\(Seed.value) round \(round)")
        #expect(now.wall >= min(wall, WallTime(milliseconds: 1 << 46)), "SEED=\(Seed.value) round \(round)")
        last = now
      }
    }
  }

  /// Stands still, walks, leaps either way, dies (1970, negative) or runs wild.
  private static func moved(_ wall: WallTime, _ generator: inout SeededGenerator) -> WallTime {
    switch Int.random(in: 0..<10, using: &generator) {
    case 0..<3: wall
    case 3..<6: wall.advanced(byMilliseconds: .random(in: 1...5_000, using: &generator))
    case 6: wall.advanced(byMilliseconds: .random(in: -100_000_000...0, using: &generator))
    case 7: wall.advanced(byMilliseconds: .random(in: 0...100_000_000, using: &generator))
    case 8: WallTime(milliseconds: .random(in: -5...5, using: &generator))
    default: WallTime(milliseconds: .random(in: .min ... .max, using: &generator))
    }
  }

  @Test func followsAWallClockThatRuns() {
    var clock = HybridClock()
    #expect(clock.tick(wall: WallTime(milliseconds: 1_000)) == HybridTimestamp(wall: WallTime(milliseconds: 1_000)))
    #expect(clock.tick(wall: WallTime(milliseconds: 1_007)) == HybridTimestamp(wall: WallTime(milliseconds: 1_007)))
  }

  @Test func countsWhileTheWallClockStandsOrJumpsBack() {
    var clock = HybridClock()
    let wall = WallTime(milliseconds: 1_000)
    _ = clock.tick(wall: wall)
    #expect(clock.tick(wall: wall) == HybridTimestamp(wall: wall, counter: 1))
    #expect(clock.tick(wall: WallTime(milliseconds: 3)) == HybridTimestamp(wall: wall, counter: 2))
    #expect(clock.tick(wall: WallTime(milliseconds: -3)) == HybridTimestamp(wall: wall, counter: 3))
  }

  @Test func aFullCounterCarriesIntoTheMilliseconds() {
    let wall = WallTime(milliseconds: 1_000)
    var clock = HybridClock(last: HybridTimestamp(wall: wall, counter: .max))
    let next = clock.tick(wall: wall)
    #expect(next == HybridTimestamp(wall: WallTime(milliseconds: 1_001), counter: 0))
    #expect(clock.tick(wall: WallTime(milliseconds: 1_001)) == HybridTimestamp(wall: next.wall, counter: 1))
  }

  @Test func observingRaisesAndNeverLowers() {
    var clock = HybridClock(last: HybridTimestamp(wall: WallTime(milliseconds: 50), counter: 4))
    clock.observe(HybridTimestamp(wall: WallTime(milliseconds: 49), counter: 9))
    #expect(clock.last == HybridTimestamp(wall: WallTime(milliseconds: 50), counter: 4))
    let peer = HybridTimestamp(wall: WallTime(milliseconds: 80), counter: 2)
    clock.observe(peer)
    #expect(clock.tick(wall: WallTime(milliseconds: 60)) == HybridTimestamp(wall: peer.wall, counter: 3))
  }

  @Test func aClockAtTheEndOfTimeStillIncreases() {
    var clock = HybridClock()
    for wall in [Int64.max, HybridTimestamp.maximumMilliseconds, .max] {
      let before = clock.last
      #expect(clock.tick(wall: WallTime(milliseconds: wall)) > before)
    }
    var last = clock.last
    for _ in 0...Int(UInt16.max) + 1 {
      let next = clock.tick(wall: WallTime(milliseconds: .max))
      if next <= last { Issue.record("\(next) after \(last)") }
      last = next
    }
  }

  @Test func aReadingFromTheEndOfTimeDoesNotExhaustTheClock() {
    var clock = HybridClock()
    clock.observe(HybridTimestamp(rawValue: .max))
    let first = clock.tick(wall: WallTime(milliseconds: 1_000))
    #expect(clock.tick(wall: WallTime(milliseconds: 1_000)) > first)
  }

  @Test func timesAreClampedTo48Bits() {
    let maximum = HybridTimestamp.maximumMilliseconds
    #expect(maximum == 281_474_976_710_655)
    for (given, held) in [(-1, 0), (.min, 0), (0, 0), (maximum, maximum), (maximum + 1, maximum), (.max, maximum)] {
      let time = HybridTimestamp(wall: WallTime(milliseconds: given), counter: 5)
      #expect(time.wall.milliseconds == held && time.counter == 5)
    }
    #expect(HybridTimestamp(wall: WallTime(milliseconds: .max), counter: .max).rawValue == .max)
  }

  @Test func orderIsTimeThenCounter() {
    for round in 0..<500 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      func random() -> HybridTimestamp {
        HybridTimestamp(
          wall: WallTime(milliseconds: .random(in: 0...2, using: &generator)),
          counter: [0, 1, .max].randomElement(using: &generator) ?? 0)
      }
      let (left, right) = (random(), random())
      let inOrder = (left.wall.milliseconds, left.counter) < (right.wall.milliseconds, right.counter)
      #expect((left < right) == inOrder, "SEED=\(Seed.value) round \(round)")
    }
  }

  @Test func readsAsMillisecondsAndCounter() {
    #expect(
      HybridTimestamp(wall: WallTime(milliseconds: 1_700_000_000_123), counter: 7).description == "1700000000123.7")
  }
}
