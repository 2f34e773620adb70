/// The bounds of what HQ posts to webhooks.
package enum WebhookLimits {
  /// Each keeps a page in memory and a connection open while it is at work.
  package static let hookCount = 16
  /// Records in one message; a receiver has to be through with it within the time-out.
  static let itemCount = 100
  /// Bytes of records in one message, after which it ends with the group that it is at; about three times as many as JSON.
  static let pageBytes = 128 << 10
  /// Until a receiver must have answered. The specification recommends 15 to 30 s.
  static let timeoutMilliseconds: Int64 = 20_000
  /// Bytes of an answer, which nobody reads.
  static let answerBytes = 64 << 10

  /// The wait after the first failure is up to this; it doubles with each further one …
  static let firstRetryMilliseconds: Int64 = 5_000
  /// … up to this: a receiver that was away for a night has the rest within an hour. At least half of it is waited, so that a
  /// receiver that is down is left alone.
  static let highestRetryMilliseconds: Int64 = 3_600_000
  /// What a receiver asks for with Retry-After is taken up to here: a wrong date must not silence it for good.
  static let highestRetryAfterMilliseconds: Int64 = 6 * 3_600_000
  /// A receiver that has taken nothing for so long is paused, and shown: nobody is looking after it. A long weekend fits in.
  static let givenUpMilliseconds: Int64 = 5 * 86_400_000

  /// Bytes of a secret; the specification asks for 24 to 64.
  static let secretBytes = 32
  /// Secrets that are good at once, each a signature in the header of every message.
  static let secretCount = 3
  /// How long the secret before is good, too, after a rotation.
  package static let overlapHours: Int64 = 24
  package static let highestOverlapHours: Int64 = 30 * 24
  /// How long what has been delivered may wait to be written down: one transaction in this time, however many messages. After
  /// a crash these are sent again.
  static let flushMilliseconds: Int64 = 1_000
  /// Of a problem as it is shown.
  static let problemBytes = 300
}
