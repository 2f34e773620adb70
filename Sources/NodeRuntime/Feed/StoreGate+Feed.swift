import Base
import Dispatch
package import RecordStore
import SQLiteStore
package import StoreModel
import Synchronization

/// What somebody who follows the feed asks for.
package struct FeedQuery: Hashable, Sendable {
  /// Nil for one that the node need not remember.
  package var consumer: String?
  package var start: FeedStart
  /// Nil for all.
  package var entities: Set<EntityTag>?
  package var limit: Int

  package init(consumer: String? = nil, start: FeedStart, entities: Set<EntityTag>? = nil, limit: Int) {
    self.consumer = consumer
    self.start = start
    self.entities = entities
    self.limit = limit
  }
}

extension StoreGate {
  /// Reads a page of the feed, and notes what the consumer has acknowledged by asking.
  package func readFeed(
    _ query: FeedQuery, completion: @escaping @Sendable (Result<Result<FeedPage, FeedRefusal>, StoreError>) -> Void
  ) {
    read { engine throws(StoreError) -> Result<FeedPage, FeedRefusal> in
      var request = FeedRequest(after: nil, entities: query.entities, limit: query.limit)
      guard let name = query.consumer else {
        if case .after(let cursor) = query.start { request.after = cursor }
        return try engine.changes(request).mapError(FeedRefusal.gone)
      }
      let (result, mustWrite) = try self.consumers.page(
        for: name, from: query.start, request, at: self.clock.now, engine)
      if mustWrite { self.flushConsumersSoon() }
      return result
    } completion: {
      completion($0)
    }
  }

  /// The next page of a stream, which acknowledges nothing.
  package func continueFeed(
    _ query: FeedQuery, after cursor: FeedCursor,
    completion: @escaping @Sendable (Result<Result<FeedPage, FeedRefusal>, StoreError>) -> Void
  ) {
    if let name = query.consumer, consumers.noteSeen(name, at: clock.now) { flushConsumersSoon() }
    read { engine throws(StoreError) -> Result<FeedPage, FeedRefusal> in
      let request = FeedRequest(after: cursor, entities: query.entities, limit: query.limit)
      return try engine.changes(request).mapError(FeedRefusal.gone)
    } completion: {
      completion($0)
    }
  }

  /// A cursor behind all that is there now.
  package func feedEnd(completion: @escaping @Sendable (Result<FeedCursor, StoreError>) -> Void) {
    read { engine throws(StoreError) in
      try engine.feedEnd()
    } completion: {
      completion($0)
    }
  }

  private func flushConsumersSoon() {
    guard !isFlushingConsumers.exchange(true, ordering: .relaxed) else { return }
    let pause = DispatchTimeInterval.milliseconds(FeedLimits.flushMilliseconds)
    DispatchQueue.global().asyncAfter(deadline: .now() + pause) { self.flushConsumers {} }
  }

  /// Writes down how far consumers have come.
  package func flushConsumers(_ completion: @escaping @Sendable () -> Void) {
    isFlushingConsumers.store(false, ordering: .relaxed)
    let changed = consumers.takeUnwritten()
    guard !changed.isEmpty else { return completion() }
    write { engine throws(StoreError) in
      // Whoever was forgotten meanwhile stays so.
      let known = Set(try self.consumers.all(engine).map(\.name))
      try engine.backend.setSettings(
        changed.filter { known.contains($0.name) }.map { (name: $0.setting, value: $0.bytes) })
    } completion: { result in
      if case .failure = result { self.consumers.giveBack(changed) }
      completion()
    }
  }

  /// - Returns: whether there was one of that name.
  package func forgetConsumer(
    _ name: String, completion: @escaping @Sendable (Result<Bool, StoreError>) -> Void
  ) {
    write { engine throws(StoreError) in
      try self.consumers.forget(name, engine)
    } completion: {
      completion($0)
    }
  }
}
