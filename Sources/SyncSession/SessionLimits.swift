import StoreModel

/// Every constant of a link, with its reason.
package enum SessionLimits {
  /// From the opening of the connection to the end of the handshake. Longer than any working line takes for one round
  /// trip, shorter than a person waits for a green light.
  package static let handshakeMilliseconds: Int64 = 15_000

  /// Silence after which a ping goes out. Mobile carriers forget a quiet connection after 30 seconds and up.
  package static let keepaliveMilliseconds: Int64 = 25_000

  /// Silence after which the peer counts as gone: three pings unanswered.
  package static let silenceMilliseconds: Int64 = 80_000

  /// What a node whose database has failed asks to be left alone for: somebody makes room on a disk, meanwhile no peer
  /// sends in vain.
  package static let storageRetryMilliseconds: UInt64 = 30_000

  /// Bytes of batches that may be on their way in one lane, unacknowledged. At 64 kbit/s that is half a minute; on a
  /// fast line with 100 ms of delay it still allows 80 Mbit/s.
  package static let windowBytes: UInt64 = 1 << 20

  /// What all stores together may have on their way to HQ, as far as windows can say: when a whole chain reconnects after an
  /// outage, all of it may lie in HQ's memory until the writer comes to it. Up to 85 stores have the whole window each.
  package static let allWindowsBytes: UInt64 = 256 << 20

  /// The window that HQ gives a store, and no less than one batch: a thousand stores then may have 375 MB on their way.
  package static func windowBytes(ofStores count: Int) -> UInt64 {
    let share = allWindowsBytes / UInt64(Lane.allCases.count * max(count, 1))
    return min(windowBytes, max(UInt64(batchBytes), share))
  }

  /// Batches that may be on their way in one lane, however small: each waits for a transaction of its own at the
  /// receiver, and an empty one weighs nothing in the window of bytes.
  package static let windowBatches = 256

  /// What a receiver tolerates above its window: the batch that was begun while there was still room.
  package static let windowSlackBytes: UInt64 = 16 << 20

  /// Bytes of records after which a batch ends. Large enough that compression and transactions pay, small enough that
  /// an urgent batch behind one waits for a second on a slow line, and not a minute.
  package static let batchBytes = 128 << 10

  /// Bytes of records after which a batch ends though a chain of groups goes on. With the largest group on top it still
  /// fits a frame.
  package static let chainBytes = 4 << 20

  /// Log entries that one reading of the log looks at, so that a reading ends soon whatever the peer's scope.
  package static let scanEntries = 2_000

  /// Entries that do not concern the peer and were passed over, after which its cursor is moved by an empty batch, so
  /// that they are not read again at each connection.
  package static let skippedEntries = 1_024

  /// Of a reason in an acknowledgement: a sentence or two.
  package static let reasonBytes = 500

  /// Of all reasons in one acknowledgement, so that with a code and a head each, a batch full of poison still fits a frame.
  package static let allReasonsBytes = 8 << 20

  /// Of a code in an acknowledgement: a few words with hyphens.
  package static let codeBytes = 64
}
