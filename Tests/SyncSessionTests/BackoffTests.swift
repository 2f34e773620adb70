import Base
import SyncSession
import Testing

@Suite struct BackoffTests {
  private func waits(_ count: Int, seed: UInt64) -> [Int64] {
    var generator = SeededGenerator(seed: seed)
    var backoff = Backoff()
    return (0..<count).map { _ in backoff.failed(using: &generator) }
  }

  @Test("FC-6 the bound doubles, up to a minute") func bounds() {
    var highest = [Int64](repeating: 0, count: 12)
    for seed in 0..<500 as Range<UInt64> {
      for (index, wait) in waits(12, seed: seed).enumerated() {
        let bound = min(Backoff.firstMilliseconds << Int64(index), Backoff.highestMilliseconds)
        #expect((Backoff.leastMilliseconds...bound).contains(wait))
        highest[index] = max(highest[index], wait)
      }
    }
    // The whole range is used.
    for (index, wait) in highest.enumerated() {
      #expect(wait > min(Backoff.firstMilliseconds << Int64(index), Backoff.highestMilliseconds) * 9 / 10)
    }
  }

  @Test("FC-46 stores do not come back all at once") func jitter() {
    let waits = (0..<1_000 as Range<UInt64>).map { self.waits(7, seed: $0)[6] }
    let inTenths = Dictionary(grouping: waits) { $0 * 10 / (Backoff.highestMilliseconds + 1) }.mapValues(\.count)
    #expect(inTenths.count == 10)
    #expect(inTenths.values.allSatisfy { (50...150).contains($0) }, "\(inTenths)")
  }

  @Test("FC-46 what all stores may have on their way to HQ together does not grow with the chain, but by a batch each")
  func windows() {
    let share = { (count: Int) in SessionLimits.windowBytes(ofStores: count) }
    for count in [0, 1, 20, 85] { #expect(share(count) == SessionLimits.windowBytes) }
    for count in 1...2_000 {
      let all = 3 * UInt64(count) * share(count)
      let least = 3 * UInt64(count) * UInt64(SessionLimits.batchBytes)
      #expect(all <= max(SessionLimits.allWindowsBytes, least) && share(count) >= UInt64(SessionLimits.batchBytes))
    }
    #expect(3 * 1_000 * share(1_000) < 400 << 20)
  }

  @Test func theSameSeedGivesTheSameWaits() {
    #expect(waits(20, seed: 5) == waits(20, seed: 5))
    #expect(waits(20, seed: 5) != waits(20, seed: 6))
  }

  @Test func successStartsAnew() {
    var generator = SeededGenerator(seed: 1)
    var backoff = Backoff()
    for _ in 0..<9 { _ = backoff.failed(using: &generator) }
    backoff.succeeded()
    #expect(backoff.failed(using: &generator) <= Backoff.firstMilliseconds)
  }

  @Test func whatThePeerAsksForIsHeldToWithinReason() {
    var generator = SeededGenerator(seed: 1)
    var backoff = Backoff()
    #expect(backoff.failed(retryAfter: 30_000, using: &generator) >= 30_000)
    #expect(backoff.failed(retryAfter: .max, using: &generator) <= 11 * Backoff.highestMilliseconds)
    #expect(backoff.failed(retryAfter: -5, using: &generator) >= Backoff.leastMilliseconds)
  }

  @Test func manyFailuresDoNotOverflow() {
    #expect(waits(5_000, seed: 3).allSatisfy { $0 <= Backoff.highestMilliseconds })
  }
}
