/// How long to wait before the next attempt to connect: random between nothing and a bound that doubles with each
/// failure (“full jitter”, Brooker, “Exponential Backoff and Jitter”, AWS Architecture Blog, 2015), so that the stores of a
/// chain do not come back all at once.
package struct Backoff: Hashable, Sendable {
  /// The bound after the first failure: a line that flickers is back within a second.
  package static let firstMilliseconds: Int64 = 1_000
  /// The highest bound: after a long outage every store is back within a minute.
  package static let highestMilliseconds: Int64 = 60_000
  /// At least this long, so that an error that comes at once does not spin.
  package static let leastMilliseconds: Int64 = 100

  private var failures = 0

  package init() {}

  package mutating func succeeded() {
    failures = 0
  }

  /// The wait after one more failure, in milliseconds; at least `retryAfter`, which the peer has asked for.
  package mutating func failed(retryAfter: Int64 = 0, using generator: inout some RandomNumberGenerator) -> Int64 {
    let doublings = min(failures, 16)
    failures += 1
    let bound = min(Self.firstMilliseconds << Int64(doublings), Self.highestMilliseconds)
    // What a peer asks for is bounded too: a wrong answer must not silence a store for good.
    let asked = min(max(retryAfter, 0), 10 * Self.highestMilliseconds)
    return asked + Int64.random(in: Self.leastMilliseconds...bound, using: &generator)
  }
}
