/// Every constant of `verify`, with its reason.
package enum VerifyLimits {
  /// A range with as many records or fewer is told record by record: less than splitting it once more would take.
  package static let itemsOfRange = 32

  /// Parts of a range that differs. More would tell of many parts that are equal, fewer would take more round trips: a
  /// million records are five of them away.
  package static let partsOfRange = 16

  /// Ranges in one question: an answer stays within some 20 KB, so that a sale behind it on a slow line waits for seconds only.
  package static let rangesOfQuestion = 16

  /// Stretches in which HQ keeps what it has of an entity while it compares: of a million records some three hundred each, which
  /// are read in a millisecond or two; and a third of a megabyte.
  package static let stretchesOfSketch = 4_096

  /// Stretches that a store's answer is put together from: parts then differ by a sixteenth in size.
  package static let stretchesOfFinding = 256

  /// Records that are looked at one by one in one question.
  package static let keysOfQuestion = 128

  /// Records that one run finds to differ, at the most: it mends these, and the next run goes on. A database that lacks more than
  /// this is better loaded anew.
  package static let differences = 10_000

  /// Questions of one run: enough for as many differences in as many ranges. A store whose answers lead nowhere ends here.
  package static let questions = 20_000

  /// Times that a record is looked at again because it was changed between two looks.
  package static let rounds = 5
}
