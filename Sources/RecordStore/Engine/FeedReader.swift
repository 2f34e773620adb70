import Causality
import Merge
import StoreModel

/// Reads a page of the feed: the lanes of the log side by side, in the order of their sequences.
struct FeedReader<Backend: StorageBackend> {
  private static var chunk: Int { 64 }

  private let backend: Backend
  private let model: Model
  private let request: FeedRequest
  private let head: Sequence64
  private var items: [FeedItem] = []
  private var bytes = 0
  private var looks = 0
  /// What has been read of each lane and not been passed yet.
  private var entries = LaneMap<ArraySlice<LogEntry>>(repeating: [])
  /// How far each lane has been read; nil once there is no more.
  private var positions = LaneMap<Sequence64?>(repeating: 0)

  init(backend: Backend, model: Model, request: FeedRequest, head: Sequence64) {
    self.backend = backend
    self.model = model
    self.request = request
    self.head = head
  }

  mutating func read(from start: FeedCursor) throws(StoreError) -> FeedPage {
    positions = LaneMap(repeating: start.sequence)
    var next = start
    while !isFull, let entry = try nextEntry() {
      let before = next
      next = FeedCursor(log: start.log, sequence: entry.sequence, check: entry.feedCheck)
      try add(entry, before: before, after: next)
    }
    return FeedPage(items: items, next: next, hasMore: next.sequence < head)
  }

  private var isFull: Bool {
    items.count >= request.limit || bytes >= request.budgetBytes || looks >= request.lookLimit
  }

  private mutating func nextEntry() throws(StoreError) -> LogEntry? {
    for lane in Lane.allCases where entries[lane].isEmpty {
      guard let position = positions[lane] else { continue }
      let read = try backend.logEntries(lane: lane, after: position, limit: Self.chunk)
      entries[lane] = read[...]
      positions[lane] = read.count < Self.chunk ? nil : read.last?.sequence
    }
    let first = Lane.allCases.min { left, right in
      entries[left].first?.sequence ?? .max < entries[right].first?.sequence ?? .max
    }
    return first.flatMap { entries[$0].popFirst() }
  }

  /// Adds the records that belong to an entry: all of them, or none.
  private mutating func add(_ entry: LogEntry, before: FeedCursor, after: FeedCursor) throws(StoreError) {
    looks += 1
    let first = items.count
    for ref in entry.records where isWanted(ref.entity) {
      looks += 1
      guard let stored = try backend.read(ref) else {
        throw StoreError(.corrupt, "the log names a record \(ref) that is not there")
      }
      // It comes where it was changed last.
      guard stored.sequence == entry.sequence, let change = try change(of: stored) else { continue }
      items.append(
        FeedItem(key: stored.key, change: change, stamp: entry.stamp, sequence: entry.sequence, cursor: before))
      bytes += stored.state?.approximateByteCount ?? 64
    }
    if items.count > first { items[items.count - 1].cursor = after }
  }

  /// What a newer version has sent, and nobody here can name, is nothing to tell of; should this node learn it, the feed
  /// takes another turn.
  private func isWanted(_ entity: EntityTag) -> Bool {
    model.entity(entity) != nil && (request.entities?.contains(entity) ?? true)
  }

  /// Nil for what was purged: the record is where it was, HQ, and nothing has happened to it.
  private func change(of stored: StoredRecord) throws(StoreError) -> FeedChange? {
    switch stored.body {
    case .held(let state):
      let isDeleted = model.entity(state.entity).map { state.isDeleted($0.deletion) } ?? false
      return isDeleted ? .deleted(state) : .put(state)
    case .stub(let vector):
      let isPurgeable = model.entity(stored.key.entity)?.isPurgeable ?? false
      if isPurgeable, try backend.purgedDigest(of: stored.key) != nil { return nil }
      return .removed(.leftScope, vector)
    }
  }
}
