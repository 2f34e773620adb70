/// The bounds of the model. A write beyond one is refused on the spot with an error that names it.
package enum ModelLimits {
  /// A natural key. Long enough for any article number, short enough for an index page to hold many.
  package static let keyBytes = 64
  /// An id of any kind: three keys with what separates them.
  package static let recordIDBytes = 200
  /// A text field: a long note. Pictures and documents are not fields.
  package static let textBytes = 64 << 10
  /// Elements in a `set` field, and entries in `customFields`: beyond that they are an entity of their own.
  package static let collectionCount = 1_000
  /// All values of a record together, with what is concurrent: a batch must be able to hold any record.
  package static let recordBytes = 1 << 20
  /// Concurrent values of one field that a record may hold: one a store at the largest chain that we know, and some.
  package static let siblingCount = 65_536
  /// Records in one commit group: the largest basket has a few hundred; a person's bulk edit is split.
  package static let groupRecordCount = 10_000
  /// Bytes of all records in one commit group, so that a group always fits a frame.
  package static let groupBytes = 4 << 20
}
