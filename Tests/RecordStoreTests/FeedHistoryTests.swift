import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// Random histories of a chain, with consumers at each node that read at any pace and crash now and then: each ends with
/// exactly the node's live records, and none is left with a part of a group.
@Suite struct FeedHistoryTests {
  private struct Follower {
    var consumer: Consumer
    /// Where it would go on after a crash.
    var saved: FeedCursor?
  }

  @Test(arguments: BackendKind.allCases, 1...12) func consumersEndWithWhatIsThere(_ kind: BackendKind, _ seed: Int)
    throws
  {
    var generator = SeededGenerator(seed: UInt64(seed))
    let nodes = [try TestNode(kind, 0), try TestNode(kind, 1), try TestNode(kind, 2)]
    var followers = nodes.flatMap { node in
      [
        Follower(consumer: Consumer(node)), Follower(consumer: Consumer(node)),
        Follower(consumer: Consumer(node, entities: [Shop.note, Shop.price])),
      ]
    }
    for step in 0..<120 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<5: try write(nodes.randomElement(using: &generator)!, step, &generator)
      case 5..<7:
        let store = nodes[Int.random(in: 1...2, using: &generator)]
        if Bool.random(using: &generator) { try store.send(to: nodes[0]) } else { try nodes[0].send(to: store) }
      default:
        let index = followers.indices.randomElement(using: &generator)!
        try read(&followers[index], &generator)
      }
    }
    for _ in 0..<3 { for store in nodes.dropFirst() { try exchange(nodes[0], store) } }
    for index in followers.indices {
      try followers[index].consumer.takeAll(limit: Int.random(in: 1...20, using: &generator))
      let consumer = followers[index].consumer
      #expect(try consumer.records == consumer.node.liveRecords(consumer.entities))
      for page in consumer.pages { expectWholeGroups(page) }
    }
  }

  private func read(_ follower: inout Follower, _ generator: inout SeededGenerator) throws {
    let hasMore = try follower.consumer.take(
      limit: Int.random(in: 1...8, using: &generator), looks: Int.random(in: 1...40, using: &generator))
    if !hasMore {
      // At the end it holds one state of the node.
      #expect(
        try follower.consumer.records == follower.consumer.node.liveRecords(follower.consumer.entities))
    }
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: follower.consumer.goBack(to: follower.saved)
    case 1: follower.consumer.goBack(to: follower.consumer.pages.last?.items.randomElement(using: &generator)?.cursor)
    case 2: follower.consumer.goBack(to: nil)
    default: follower.saved = follower.consumer.cursor
    }
  }

  private func write(_ node: TestNode, _ step: Int, _ generator: inout SeededGenerator) throws {
    node.wall = WallTime(milliseconds: 1_700_000_000_000 + Int64(step) * 1_000)
    let own = node.number == .hq ? Int64.random(in: 1...2, using: &generator) : Int64(node.number.rawValue)
    var writes: [RecordWrite] = []
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let id = "\(Int.random(in: 0..<12, using: &generator))"
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: writes.append(.delete(Shop.note, id))
      case 1: writes.append(.delete(Shop.member, id))
      case 2: writes.append(.member(id, phone: "\(step)"))
      case 3: writes.append(.photo(id, "\(step)"))
      case 4: writes.append(.price(id, Int64(step)))
      case 5: writes.append(.entry("\(node.number)-\(step)-\(id)", store: own, "cash", 1))
      default: writes.append(.note(id, store: Bool.random(using: &generator) ? own : nil, text: "\(step)"))
      }
    }
    // A record once, and what is refused is refused.
    var keys: Set<RecordKey> = []
    writes.removeAll { !keys.insert(RecordKey(entity: $0.entity, id: $0.id)).inserted }
    _ = try node.store.commit([CommitDraft(writes)], at: node.wall)
  }

  private func expectWholeGroups(_ page: FeedPage) {
    #expect(page.items.map(\.sequence) == page.items.map(\.sequence).sorted())
    for (item, next) in zip(page.items, page.items.dropFirst()) {
      #expect((item.cursor.sequence == item.sequence) == (next.sequence != item.sequence))
    }
    if let last = page.items.last { #expect(last.cursor.sequence == last.sequence) }
    #expect(Set(page.items.map(\.key)).count == page.items.count, "one moment shows a record once")
  }
}
