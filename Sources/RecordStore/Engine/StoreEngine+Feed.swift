import Base
import Causality
import Merge
import StoreModel

/// The node's records in the order in which they last changed, for those who follow it from outside. The log has all that is
/// needed for it: a consumer that is at its end has met every record in its latest state, however often that changed.
extension StoreEngine {
  /// The next page after a cursor.
  package func changes(_ request: FeedRequest) throws(StoreError) -> Result<FeedPage, FeedGone> {
    try backend.transaction { () throws(StoreError) -> Result<FeedPage, FeedGone> in
      let place = try FeedPlace(backend)
      if let gone = try request.after.flatMap({ cursor throws(StoreError) in try place.loss(of: cursor) }) {
        return .failure(gone)
      }
      let start = request.after ?? FeedCursor(log: place.log, sequence: 0, check: 0)
      var reader = FeedReader(backend: backend, model: model, request: request, head: place.node.head)
      return .success(try reader.read(from: start))
    }
  }

  /// A cursor behind all that is there.
  package func feedEnd() throws(StoreError) -> FeedCursor {
    try backend.transaction { () throws(StoreError) -> FeedCursor in
      let place = try FeedPlace(backend)
      let last = try backend.logEntry(place.node.head)
      return FeedCursor(log: place.log, sequence: last?.sequence ?? 0, check: last?.feedCheck ?? 0)
    }
  }

  /// How many entries of the log a consumer has yet to take; why it has to begin anew if it does.
  package func feedLag(of cursor: FeedCursor) throws(StoreError) -> Result<UInt64, FeedGone> {
    try backend.transaction { () throws(StoreError) -> Result<UInt64, FeedGone> in
      let place = try FeedPlace(backend)
      if let gone = try place.loss(of: cursor) { return .failure(gone) }
      return .success(place.node.head - cursor.sequence)
    }
  }
}

/// Which log a database has now, and how far it goes.
private struct FeedPlace<Backend: StorageBackend> {
  let backend: Backend
  let node: NodeState
  let log: FeedLog

  /// Inside a transaction. A reader's engine may remember an earlier identity.
  init(_ backend: Backend) throws(StoreError) {
    self.backend = backend
    node = try backend.loadNode()
    log = FeedLog(replica: node.identity.replica, turn: try backend.feedTurn())
  }

  /// Why a cursor is none of this log; nil if it is one.
  func loss(of cursor: FeedCursor) throws(StoreError) -> FeedGone? {
    guard cursor.log == log else { return .anotherLog }
    guard cursor.sequence <= node.head else { return .beyondEnd }
    guard cursor.sequence > 0 else { return cursor.check == 0 ? nil : .anotherEntry }
    return try backend.logEntry(cursor.sequence)?.feedCheck == cursor.check ? nil : .anotherEntry
  }
}

extension LogEntry {
  /// Mixes the name of the entry's commit. Not for keeping an adversary out: who asks may read everything anyway.
  var feedCheck: UInt32 {
    var time = SeededGenerator(seed: stamp.time.rawValue)
    let replica = UInt64(stamp.replica.node.rawValue) << 32 | UInt64(stamp.replica.incarnation)
    var mixed = SeededGenerator(seed: time.next() ^ replica)
    return UInt32(truncatingIfNeeded: mixed.next())
  }
}
