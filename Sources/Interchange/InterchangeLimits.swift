import StoreModel

/// The bounds of files that are read. A row or line beyond one is refused with an error that names it, and reading goes
/// on.
package enum InterchangeLimits {
  /// A CSV field: a text of the model's longest, in a set field a thousand words joined.
  package static let fieldBytes = 4 * ModelLimits.textBytes
  /// A CSV row: as much as a record may hold.
  package static let rowBytes = ModelLimits.recordBytes
  /// Columns of a CSV file: every field of an entity, and as many custom fields as a record may have.
  package static let columnCount = 1_024
  /// A line of JSON Lines: as much as a commit group may hold, because a line may be a whole sale.
  package static let lineBytes = ModelLimits.groupBytes
  /// Items that are handed over at once: enough for one transaction to pay, few enough that a till never waits long for
  /// the node to read and commit them.
  package static let batchCount = 250
  /// Sales that are handed over at once: each is some ten records, and a till's own sale waits for no more than that.
  package static let saleBatchCount = 50
  /// Bytes of the file that become one batch: a batch must not become large only because its lines are.
  package static let batchBytes = 1 << 20
  /// Refused lines that a report keeps with their reasons; the rest are counted.
  package static let keptRefusals = 100
  /// Characters of a column's or a member's name that a message quotes: names that mean something are shorter.
  package static let quotedCharacters = 64
  /// Column names of a file that a message lists: more than most files have.
  package static let quotedColumns = 40
}
