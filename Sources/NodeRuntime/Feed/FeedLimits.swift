/// The bounds of what a node remembers of those who follow its change feed.
package enum FeedLimits {
  /// Consumers with a name: the systems of a chain that want to know, and some. Without a limit a program that makes up a name
  /// a run would fill the database.
  package static let consumerCount = 100
  /// A consumer that was away for longer begins anew: what it has is then so old that nobody should trust it unseen, and a
  /// program that was taken out of service does not count as lagging for good.
  package static let consumerAwayMilliseconds: Int64 = 30 * 86_400_000
  /// Of a consumer's or webhook's name.
  package static let nameBytes = 64
  /// How long what consumers have taken may wait to be written down: one transaction in this time, however many ask. After a
  /// crash they are told again what they took within it.
  static let flushMilliseconds = 5_000
  /// A consumer that only asks whether there is anything new is written down this often, so that its age is right within it.
  static let seenMilliseconds: Int64 = 3_600_000
}

/// A name that somebody gives to a consumer or a webhook.
package enum FeedName {
  package static let expectation =
    "1 to \(FeedLimits.nameBytes) small letters, digits, “-”, “_” and “.”, the first a letter or digit"

  package static func isValid(_ name: String) -> Bool {
    guard (1...FeedLimits.nameBytes).contains(name.utf8.count), let first = name.utf8.first else { return false }
    func isPlain(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    return isPlain(first) && name.utf8.allSatisfy { isPlain($0) || "-_.".utf8.contains($0) }
  }
}
