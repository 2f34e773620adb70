/// What a node's way into its database may hold and how long, with the reasons.
package enum StorageLimits {
  /// Batches that are decoded and wait for the writer. Decoded, a batch takes ten times its bytes on the wire: one is
  /// ready when the writer wants it, and the rest waits packed.
  package static let decodedBatches = 2

  /// How long the database must lie still before memory kept only to be quick is given back, in milliseconds: longer than
  /// the pauses between sales at a busy till, shorter than the pause between two looks at the machine.
  package static let restMilliseconds = 5_000
}
