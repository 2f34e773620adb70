/// What the log may grow to, with the reasons.
package enum LogLimits {
  /// Of a message: a sentence or two, and as much again of what a peer has said. journald cuts lines off at 48 KB.
  package static let messageBytes = 2_048
  /// Of a named detail.
  package static let valueBytes = 512
  /// How long repetitions are held back, to be told of in one line.
  package static let windowMilliseconds: Int64 = 60_000
  /// Lines of one wording in that time. Three show that it is not a single one.
  package static let sameCount = 3
  /// Lines of one name in that time, whatever the wording: stores of a chain that all come back at once are one event, and a
  /// peer that words each of its lines anew fills no disk.
  package static let nameCount = 100
  /// Wordings that are remembered; further ones count by their name alone.
  package static let wordingCount = 1_000
}
