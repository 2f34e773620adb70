package import Retail
package import StoreModel

/// One line of a file, ready to be committed.
package enum ImportItem: Hashable, Sendable {
  case record(RecordWrite)
  case sale(TillReceipt)
}

package enum ImportOutcome: Hashable, Sendable {
  case committed
  /// It was there already, with the same contents.
  case unchanged
  case refused(reason: String)
}

/// Where an import commits: a database, or a node over its socket.
package protocol ImportSink {
  /// Commits what it can of a batch, one item apart from the other: an item that it refuses holds up none else.
  ///
  /// It may be given an item that it has committed before, and then answers `unchanged`.
  ///
  /// - Parameter isDryRun: says for each item what would become of it by itself, and commits nothing.
  /// - Returns: one outcome an item, in their order.
  /// - Throws: if it can't go on at all; some of the batch may be committed then.
  func submit(_ items: [ImportItem], isDryRun: Bool) throws -> [ImportOutcome]
}
