import Base
package import RecordStore
import SQLiteStore
import Synchronization

/// The consumers that have a name: how far each has come, and when it was last there. What changes is written down now and
/// then, not with each question.
package final class ConsumerRegister: Sendable {
  fileprivate struct Entries: Sendable {
    /// Nil until the first question.
    var consumers: [String: FeedConsumer]?
    /// As written down, or on its way.
    var written: [String: FeedConsumer] = [:]
  }

  private let entries = Mutex(Entries())

  package init() {}

  /// Notes that a consumer asks, and reads the page that it is to have.
  /// - Returns: the page, or why there is none; and whether there is something to write down.
  func page(
    for name: String, from start: FeedStart, _ request: FeedRequest, at now: WallTime, _ engine: StoreGate.Engine
  ) throws(StoreError) -> (result: Result<FeedPage, FeedRefusal>, mustWrite: Bool) {
    var consumer: FeedConsumer
    switch try visit(name, from: start, at: now, engine) {
    case .success(let found): consumer = found
    case .failure(let refusal): return (.failure(refusal), true)
    }
    var request = request
    request.after = consumer.cursor
    switch try engine.changes(request) {
    case .success(let page):
      return (.success(page), note(consumer))
    case .failure(let gone):
      // The next question without a cursor begins anew.
      consumer.cursor = nil
      return (.failure(.gone(gone)), note(consumer))
    }
  }

  /// Finds from where a consumer goes on. What it says that it has counts only once that has been found to be of this log.
  private func visit(
    _ name: String, from start: FeedStart, at now: WallTime, _ engine: StoreGate.Engine
  ) throws(StoreError) -> Result<FeedConsumer, FeedRefusal> {
    let all = try consumers(engine)
    guard var consumer = all[name] else {
      guard all.count < FeedLimits.consumerCount else { return .failure(.tooManyConsumers) }
      return .success(FeedConsumer(name: name, cursor: start.cursor, seenAt: now))
    }
    if now.milliseconds(since: consumer.seenAt) > FeedLimits.consumerAwayMilliseconds {
      let since = consumer.seenAt
      _ = note(FeedConsumer(name: name, seenAt: now, awaySince: since))
      return .failure(.away(since: since))
    }
    // With what it had before it does not go on, however often it asks.
    if let since = consumer.awaySince, start.cursor != nil { return .failure(.away(since: since)) }
    consumer.awaySince = nil
    consumer.seenAt = now
    switch start {
    case .remembered: break
    case .beginning: consumer.cursor = nil
    case .after(let cursor): consumer.cursor = cursor
    }
    return .success(consumer)
  }

  /// Notes that a consumer is still there: a stream asks for one page after the other without acknowledging any.
  func noteSeen(_ name: String, at now: WallTime) -> Bool {
    entries.withLock { entries in
      guard var consumer = entries.consumers?[name] else { return false }
      consumer.seenAt = now
      entries.consumers?[name] = consumer
      return entries.isUnwritten(consumer)
    }
  }

  private func note(_ consumer: FeedConsumer) -> Bool {
    entries.withLock { entries in
      entries.consumers?[consumer.name] = consumer
      return entries.isUnwritten(consumer)
    }
  }

  private func consumers(_ engine: StoreGate.Engine) throws(StoreError) -> [String: FeedConsumer] {
    if let known = entries.withLock({ $0.consumers }) { return known }
    let read = try FeedConsumer.all(engine)
    return entries.withLock { entries in
      if let known = entries.consumers { return known }
      let all = Dictionary(uniqueKeysWithValues: read.map { ($0.name, $0) })
      (entries.consumers, entries.written) = (all, all)
      return all
    }
  }

  /// All that are known, written down or not, ascending by name.
  package func all(_ engine: StoreGate.Engine) throws(StoreError) -> [FeedConsumer] {
    try consumers(engine).values.sorted { $0.name < $1.name }
  }

  /// What is to be written down; it counts as written.
  func takeUnwritten() -> [FeedConsumer] {
    entries.withLock { entries in
      let changed = (entries.consumers ?? [:]).values.filter { $0 != entries.written[$0.name] }
      for consumer in changed { entries.written[consumer.name] = consumer }
      return changed.sorted { $0.name < $1.name }
    }
  }

  /// Writing down has failed: it is tried again with the next change.
  func giveBack(_ consumers: [FeedConsumer]) {
    entries.withLock { entries in for consumer in consumers { entries.written[consumer.name] = nil } }
  }

  /// - Returns: whether it was known.
  func forget(_ name: String, _ engine: StoreGate.Engine) throws(StoreError) -> Bool {
    _ = try consumers(engine)
    try engine.backend.setSettings([(FeedConsumer.prefix + name, nil)])
    return entries.withLock { entries in
      entries.written[name] = nil
      return entries.consumers?.removeValue(forKey: name) != nil
    }
  }
}

extension ConsumerRegister.Entries {
  /// Whether something has changed that is worth a write.
  fileprivate func isUnwritten(_ consumer: FeedConsumer) -> Bool {
    guard let written = written[consumer.name] else { return true }
    return consumer.cursor != written.cursor || consumer.awaySince != written.awaySince
      || consumer.seenAt.milliseconds(since: written.seenAt) > FeedLimits.seenMilliseconds
  }
}

extension FeedStart {
  fileprivate var cursor: FeedCursor? { if case .after(let cursor) = self { cursor } else { nil } }
}
