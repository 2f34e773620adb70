import Base
package import Causality
package import Merge
package import StoreModel

/// Which life of a log a place in its feed belongs to. It stays over restarts, unlike the epoch, and is another one once
/// sequences may name other entries than before, or records show something else without a new entry.
package struct FeedLog: Hashable, Sendable {
  /// New after a restore, also one that only HQ has noticed.
  package var replica: ReplicaID
  /// Counts on when commits get other stamps, or a later model shows more of what was here.
  package var turn: UInt64

  package init(replica: ReplicaID, turn: UInt64) {
    self.replica = replica
    self.turn = turn
  }
}

/// How far a consumer has taken a node's feed. Opaque to consumers.
package struct FeedCursor: Hashable, Sendable {
  package var log: FeedLog
  package var sequence: Sequence64
  /// Tells the entry at `sequence` from another one that came to the same place after an unnoticed rollback; 0 at the
  /// beginning.
  package var check: UInt32

  package init(log: FeedLog, sequence: Sequence64, check: UInt32) {
    self.log = log
    self.sequence = sequence
    self.check = check
  }

  private static let form: UInt8 = 1

  /// Base64 for addresses: byte of the form, 4 bytes of the node and 4 of its incarnation, varints of turn and sequence,
  /// 4 bytes of the check.
  package var text: String {
    var writer = ByteWriter(reserving: 24)
    writer.append(byte: Self.form)
    writer.append(bigEndian: log.replica.node.rawValue)
    writer.append(bigEndian: log.replica.incarnation)
    writer.append(varint: log.turn)
    writer.append(varint: sequence)
    writer.append(bigEndian: check)
    return Base64.encodeForAddress(writer.bytes)
  }

  /// Nil unless `text` is what some cursor's `text` is.
  package init?(_ text: some StringProtocol) {
    guard text.utf8.count <= StoreLimits.feedCursorBytes, let bytes = Base64.decodeFromAddress(text) else { return nil }
    var reader = ByteReader(bytes)
    do throws(ByteError) {
      guard try reader.readByte() == Self.form else { return nil }
      let node = NodeNumber(try reader.readBigEndianUInt32())
      let replica = ReplicaID(node: node, incarnation: try reader.readBigEndianUInt32())
      log = FeedLog(replica: replica, turn: try reader.readVarint())
      sequence = try reader.readVarint()
      check = try reader.readBigEndianUInt32()
    } catch {
      return nil
    }
    // A varint has longer forms, too.
    guard self.text == text else { return nil }
  }
}

/// What became of a record: its latest state, not each one that it had.
package enum FeedChange: Hashable, Sendable {
  case put(RecordState)
  case deleted(RecordState)
  /// The node holds it no longer, though it lives on elsewhere.
  case removed(FeedRemoval, VersionVector)
}

/// Why a node no longer holds a record.
package enum FeedRemoval: String, Hashable, Sendable, CaseIterable {
  /// HQ has said that it is no longer this store's.
  case leftScope = "left-scope"
}

/// One record of a feed.
package struct FeedItem: Hashable, Sendable {
  package var key: RecordKey
  package var change: FeedChange
  /// The commit group that changed it last; the records of a group follow each other.
  package var stamp: Stamp
  package var sequence: Sequence64
  /// Where to go on after this record. Within a group that is before the group, so that nobody stays with a part of one.
  package var cursor: FeedCursor

  package init(key: RecordKey, change: FeedChange, stamp: Stamp, sequence: Sequence64, cursor: FeedCursor) {
    self.key = key
    self.change = change
    self.stamp = stamp
    self.sequence = sequence
    self.cursor = cursor
  }
}

/// What a consumer asks for.
package struct FeedRequest: Hashable, Sendable {
  /// Nil for the beginning.
  package var after: FeedCursor?
  /// Nil for all.
  package var entities: Set<EntityTag>?
  /// Records after which a page ends with the group that it is at.
  package var limit: Int
  /// The same in bytes of records.
  package var budgetBytes: Int
  /// Entries and records to look at, after which a page ends, perhaps without any item.
  package var lookLimit: Int

  package init(
    after: FeedCursor?, entities: Set<EntityTag>? = nil, limit: Int, budgetBytes: Int = StoreLimits.feedPageBytes,
    lookLimit: Int = StoreLimits.feedLookCount
  ) {
    self.after = after
    self.entities = entities
    self.limit = limit
    self.budgetBytes = budgetBytes
    self.lookLimit = lookLimit
  }
}

/// A stretch of a feed: whole groups, as they were at one moment.
package struct FeedPage: Hashable, Sendable {
  package var items: [FeedItem]
  /// Where to go on.
  package var next: FeedCursor
  /// Whether the log goes on. Where it does not, the consumer holds one state of the node: every group is whole.
  package var hasMore: Bool

  package init(items: [FeedItem], next: FeedCursor, hasMore: Bool) {
    self.items = items
    self.next = next
    self.hasMore = hasMore
  }
}

/// Why a cursor leads nowhere any more: the consumer starts from the beginning.
package enum FeedGone: String, Hashable, Sendable, CaseIterable, Error {
  /// The database was restored or made anew, or commits were stamped anew.
  case anotherLog = "another-log"
  /// The log ends before it: the database was put back.
  case beyondEnd = "beyond-end"
  /// Another entry is there: the database was put back, and went on.
  case anotherEntry = "another-entry"
}
