/// The bounds and settings of a database, in one place, with their reasons.
package enum SQLiteLimits {
  /// Pages that HQ's writer keeps in memory: the ids of a year of a shop's sales and the pages of a busy hour.
  package static let cacheKibibytes = 32 << 10
  /// The same for a store's writer, on a till with little memory: one shop's sales of a week, and its catalogue's ids.
  package static let storeCacheKibibytes = 8 << 10
  /// Of a connection that only reads: it goes through the log once, and asks for single records.
  package static let readerCacheKibibytes = 4 << 10
  /// Pages of 4 KiB in the write-ahead log before they are copied into the database, inline: fewer, larger copies cost
  /// less than SQLite's thousand, and 32 MB is still little to read again after a crash.
  package static let checkpointPages = 8_000
  /// The write-ahead log is cut back to this after a large transaction.
  package static let writeAheadLogBytes = 64 << 20
  /// By how much the write-ahead log's file is made longer than what is in it: some 60 sales, and a few milliseconds of
  /// the disk's between two of them.
  static let logRoomBytes = 1 << 20
  static let logRoomWriteBytes = 64 << 10
  /// Beyond what is checkpointed, with the frames' heads, there is no room to make.
  static let logRoomEnd = Int64(checkpointPages) * (4_096 + 24)
  /// Pages that a copy takes at once: 4 MB, between which it tells how far it is, and can be interrupted.
  package static let copyPages: Int32 = 1_024
  /// Problems of a damaged file that are told; one is enough to know.
  package static let damageCount = 3
  /// Steps of SQLite's machine between two looks at the clock, while a check may take only so long.
  package static let checkSteps: Int32 = 10_000
  /// Entries of a damaged log that are asked for one by one behind an unreadable place: several pages of it.
  package static let salvageSkip: UInt64 = 4_096
  /// How long a connection waits for another one: only recovery and the end of a checkpoint ever lock a reader out.
  package static let busyMilliseconds: Int32 = 5_000
  /// Documents of purged records that are read at once.
  static let purgedDocuments = 50
  /// Readers and writers of one file's version: `user_version`. It changes when an older program would misread.
  package static let formatVersion: Int64 = 1
  /// “SSYN”: tells `file` and us whose database this is.
  package static let applicationID: Int64 = 0x5353_594E
}
