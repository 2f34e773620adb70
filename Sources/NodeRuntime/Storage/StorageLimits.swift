/// What a node's way into its database may hold and how long, with the reasons.
package enum StorageLimits {
  /// Batches that are decoded and wait for the writer, or are being applied. Decoded, a batch takes up to ten times its
  /// bytes on the wire: some are ready when the writer wants them, and the rest waits packed.
  package static let decodedBatches = 6
  /// Batches that are applied in one transaction: a flush of the disk takes as long as applying half a batch. A sale that
  /// is made meanwhile waits for all of them, some ten milliseconds.
  package static let batchesTogether = 4

  /// How long the database must lie still before memory kept only to be quick is given back, in milliseconds: longer than
  /// the pauses between sales at a busy till, shorter than the pause between two looks at the machine.
  package static let restMilliseconds = 5_000

  /// Commits that are committed at once and before anything larger: a till's sale is one, a person's edit a few.
  package static let smallCommitDrafts = 16
  /// Records that are written in one turn of a large commit: some ten milliseconds, which is what a sale may have to
  /// wait. Fewer would spend more on flushing the disk than on writing.
  package static let sliceWrites = 250
  /// Records that an export reads at once, so that a sale's questions to the reader never wait long.
  package static let exportReadCount = 50
  /// Records and bytes in one page of an export.
  package static let exportPageCount = 500
  package static let exportPageBytes = 1 << 20

  /// Backups that upgrades have made and that are kept: the last one to go back to, and one for who upgrades twice in a row.
  /// More would keep erased customers' data, and fill a shop PC's disk.
  package static let upgradeBackups = 2
  /// What must stay free beside such a backup: the node goes on writing.
  package static let upgradeMarginBytes = 64 << 20
  /// A look through a copy of some gigabytes.
  package static let upgradeCheckMilliseconds: Int64 = 60_000
  /// Backups of one version: as many as starts that were cut off in the middle of an upgrade.
  package static let upgradeBackupNames = 20
}
