/// How long a request is tried again, and how long the pauses are. Only requests that change nothing, or carry an idempotency key, are
/// asked more than once.
public struct RetryPolicy: Sendable {
  /// All attempts together, counted from the first, in milliseconds.
  public var patienceMilliseconds: Int64
  /// Behind the first attempt; each further pause is twice as long.
  public var firstPauseMilliseconds: Int64
  /// No pause is longer.
  public var longestPauseMilliseconds: Int64
  /// A share of each pause, from 0 to 1, by which it is shortened at random, so that tills do not come all at once.
  public var jitter: Double
  /// Between 0 and 1.
  var random: @Sendable () -> Double
  var sleep: @Sendable (_ milliseconds: Int64) async -> Void
  var now: @Sendable () -> Int64

  /// The standard is a till's: it goes on for a minute, and a cashier sees no pause of more than two seconds.
  public init(
    patienceMilliseconds: Int64 = 60_000, firstPauseMilliseconds: Int64 = 50, longestPauseMilliseconds: Int64 = 2_000,
    jitter: Double = 0.5
  ) {
    self.patienceMilliseconds = patienceMilliseconds
    self.firstPauseMilliseconds = firstPauseMilliseconds
    self.longestPauseMilliseconds = longestPauseMilliseconds
    self.jitter = jitter
    random = { Double.random(in: 0...1) }
    sleep = { try? await Task.sleep(for: .milliseconds($0)) }
    let start = ContinuousClock.now
    now = {
      let elapsed = ContinuousClock.now - start
      return elapsed.components.seconds * 1_000 + elapsed.components.attoseconds / 1_000_000_000_000_000
    }
  }

  /// The pause behind the attempt of that number, counted from 0.
  func pause(after attempt: Int) -> Int64 {
    let doubled = firstPauseMilliseconds << min(attempt, 20)
    let whole = Double(min(doubled, longestPauseMilliseconds))
    return Int64(whole * (1 - min(max(jitter, 0), 1) * random()))
  }
}
