import Causality
import Merge
import RecordStore
import StoreModel
import Testing

extension StorageBackend {
  /// What a consumer is told that asks a node anew each time, as a program over HTTP does.
  func changes(_ request: FeedRequest) throws -> Result<FeedPage, FeedGone> { try StoreEngine(self).changes(request) }
  func feedEnd() throws -> FeedCursor { try StoreEngine(self).feedEnd() }
  func feedLag(of cursor: FeedCursor) throws -> Result<UInt64, FeedGone> { try StoreEngine(self).feedLag(of: cursor) }
}

/// Follows a node's feed, and keeps what it is told: nothing but that.
struct Consumer {
  let node: TestNode
  var entities: Set<EntityTag>?
  private(set) var cursor: FeedCursor?
  private(set) var records: [RecordKey: RecordState] = [:]
  private(set) var pages: [FeedPage] = []

  init(_ node: TestNode, entities: Set<EntityTag>? = nil) {
    self.node = node
    self.entities = entities
  }

  /// Takes one page.
  /// - Returns: whether there is more.
  @discardableResult
  mutating func take(
    limit: Int = 100, budget: Int = 1 << 20, looks: Int = 5_000, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Bool {
    let request = FeedRequest(
      after: cursor, entities: entities, limit: limit, budgetBytes: budget, lookLimit: looks)
    let page = try node.backend.changes(request).get()
    for item in page.items { apply(item) }
    #expect(
      page.next.sequence > cursor?.sequence ?? 0 || !page.hasMore, "it gets on", sourceLocation: sourceLocation)
    // As text and back, as it travels.
    cursor = FeedCursor(page.next.text)
    #expect(cursor == page.next, sourceLocation: sourceLocation)
    pages.append(page)
    return page.hasMore
  }

  private mutating func apply(_ item: FeedItem) {
    switch item.change {
    case .put(let state): records[item.key] = state
    case .deleted, .removed: records[item.key] = nil
    }
  }

  mutating func takeAll(limit: Int = 100) throws {
    while try take(limit: limit) {}
  }

  /// Goes back to a place that it has been at, as after a crash of its own.
  mutating func goBack(to cursor: FeedCursor?) {
    self.cursor = cursor
  }

  /// What the last page says, in words.
  var words: [String] {
    (pages.last?.items ?? []).map { item in
      let id = String(decoding: item.key.id.bytes, as: UTF8.self)
      return switch item.change {
      case .put: "put \(id)"
      case .deleted: "delete \(id)"
      case .removed(let reason, _): "removed \(id) \(reason.rawValue)"
      }
    }
  }
}

extension TestNode {
  /// What a consumer that has taken all must hold.
  func liveRecords(_ entities: Set<EntityTag>? = nil) throws -> [RecordKey: RecordState] {
    var live: [RecordKey: RecordState] = [:]
    for schema in store.model.entities where entities?.contains(schema.tag) ?? true {
      for state in try store.records(of: schema.tag, after: nil, limit: 100_000)
      where !state.isDeleted(schema.deletion) { live[state.key] = state }
    }
    return live
  }
}
