import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// FC-34: a store lets go of old sales, which HQ keeps. It is no deletion, travels nowhere, and nothing brings them back.
@Suite struct PurgeTests {
  private static let day: Int64 = 86_400_000
  private static let stock: [Value] = [.integer(1), .text(StockMovement.shelf), .text("apple")]
  private static let points: [Value] = [.text("M-1")]

  private struct Pair {
    let hq: TestNode
    let store: TestNode

    init(_ kind: BackendKind) throws {
      (hq, store) = (try TestNode(kind, 0, model: .retail), try TestNode(kind, 1, model: .retail))
      // Sales of long ago come in now; the clock is what the nodes write by.
      for node in [hq, store] { node.wall = WallTime(milliseconds: 1_700_000_000_000) }
    }

    /// Both have all, and the store knows that HQ does.
    func sync() throws {
      try exchange(store, hq)
      let cursors = try hq.store.receiveCursors(from: store.number, epoch: store.epoch)
      for lane in Lane.allCases {
        try store.store.noteAcknowledged(by: .hq, lane: lane, through: cursors[lane].through)
      }
    }
  }

  private static func document(_ number: UInt64, daysAgo: Int64) -> RecordID {
    RecordID(milliseconds: 1_700_000_000_000 - daysAgo * day + Int64(number), random: (number, number))
  }

  /// A receipt of one line, as a till's is: five records.
  private static func sale(_ number: UInt64, daysAgo: Int64, receipt: String? = nil) -> [RecordWrite] {
    let id = document(number, daysAgo: daysAgo)
    let (shop, time) = (RecordID(number: 1), WallTime(milliseconds: 1_700_000_000_000 - daysAgo * day))
    return [
      RecordWrite(
        Order(
          id: id, store: shop, receipt: receipt ?? "R-\(number)", kind: "sale", soldAt: time, businessDay: 20_231_101,
          currency: "USD", lineCount: 1, salesTotal: 300, retailDiscount: 0, couponDiscount: 0, couponMatchDiscount: 0)),
      RecordWrite(
        OrderLine(
          order: id, line: 1, store: shop, product: RecordID(key: "apple"), quantity: 2, salesAmount: 300,
          retailDiscount: 0, couponDiscount: 0, couponMatchDiscount: 0)),
      RecordWrite(Payment(order: id, number: 1, store: shop, method: "cash", amount: 300, currency: "USD")),
      RecordWrite(
        StockMovement(
          document: id, line: 1, store: shop, place: StockMovement.shelf, product: RecordID(key: "apple"), quantity: -2,
          reason: "sale", movedAt: time)),
      RecordWrite(
        PointsEntry(
          document: id, line: 1, member: RecordID(key: "M-1"), store: shop, points: 3, reason: "purchase",
          earnedAt: time)),
    ]
  }

  private static func key(_ entity: EntityTag, _ number: UInt64, daysAgo: Int64) -> RecordKey {
    let document = document(number, daysAgo: daysAgo)
    return RecordKey(
      entity: entity,
      id: entity == Order.tag ? document : OrderLine.identity.joining([document, RecordID(number: 1)]))
  }

  private func commit(_ node: TestNode, _ writes: [RecordWrite]) throws {
    node.wall = node.wall.advanced(byMilliseconds: 1_000)
    let result = try node.store.commit([CommitDraft(writes)], at: node.wall)[0]
    #expect(result.stamp != nil, "\(result)")
  }

  private static func purge(
    _ backend: some StorageBackend, _ request: PurgeRequest
  ) throws -> (dropped: Int, kept: [PurgeObstacle: Int], turns: Int) {
    let engine = try StoreEngine(backend)
    var (dropped, kept, turns, request) = (0, [PurgeObstacle: Int](), 0, request)
    while true {
      let slice = try engine.purge(request) { Array($0.id.bytes.suffix(4)) }
      dropped += slice.dropped.values.reduce(0, +)
      kept.merge(slice.kept) { $0 + $1 }
      turns += 1
      // No turn ever leaves half a sale.
      if !request.isDryRun { try wholeSales(backend) }
      guard let next = slice.next else { return (dropped, kept, turns) }
      #expect(request.from.map { $0 < next } ?? true, "it gets on")
      request.from = next
    }
  }

  private static func wholeSales(_ backend: some StorageBackend) throws {
    let documents = try [Order.tag, OrderLine.tag, Payment.tag, StockMovement.tag].map { entity in
      Set(try backend.records(of: entity, after: nil, limit: 100_000).map { Array($0.id.bytes.prefix(16)) })
    }
    // Movements may come back alone, with news of them.
    for others in documents.dropFirst().prefix(2) { #expect(others == documents[0]) }
  }

  @discardableResult
  private func purge(
    _ node: TestNode, olderThan days: Int64 = 100, through: Sequence64 = .max, isDryRun: Bool = false
  ) throws -> (dropped: Int, kept: [PurgeObstacle: Int], turns: Int) {
    try Self.purge(
      node.backend,
      PurgeRequest(
        before: WallTime(milliseconds: 1_700_000_000_000 - days * Self.day), through: LaneMap(repeating: through),
        isDryRun: isDryRun))
  }

  private func expectBalances(
    _ node: TestNode, stock: Int64, points: Int64, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for _ in 0..<2 {
      #expect(
        try node.store.balance("stock_on_hand", keys: Self.stock) == stock, sourceLocation: sourceLocation)
      #expect(
        try node.store.balance("points_balance", keys: Self.points) == points, sourceLocation: sourceLocation)
      try node.store.recountBalances(of: [StockMovement.tag, PointsEntry.tag])
    }
  }

  @Test(
    "FC-34 a local purge of old sales: never a deletion, never loaded again, balances as they were",
    arguments: BackendKind.allCases)
  func purging(_ kind: BackendKind) throws {
    let pair = try Pair(kind)
    for number in 0..<10 as Range<UInt64> { try commit(pair.store, Self.sale(number, daysAgo: number < 7 ? 400 : 40)) }
    try pair.sync()
    func atHQ() throws -> [RecordState] {
      try pair.hq.store.heldEntities().flatMap { try pair.hq.store.records(of: $0, after: nil, limit: 999) }
    }
    let (held, head) = (try atHQ(), try pair.store.store.logHead())
    #expect(held.count == 50)

    let counted = try purge(pair.store, isDryRun: true)
    #expect(counted.dropped == 35 && counted.kept == [:])
    #expect(try pair.store.store.count(of: Order.tag) == 10, "counting drops nothing")
    let done = try purge(pair.store)
    #expect(done.dropped == 35 && done.kept == [:])
    for entity in [Order.tag, OrderLine.tag, Payment.tag, StockMovement.tag, PointsEntry.tag] {
      #expect(try pair.store.store.count(of: entity) == 3)
    }
    try expectBalances(pair.store, stock: -20, points: 30)
    #expect(try pair.store.store.logHead() == head, "nothing to send")
    #expect(try purge(pair.store).dropped == 0)

    try pair.sync()
    #expect(try atHQ() == held, "HQ has heard nothing of it")
    #expect(try pair.store.store.count(of: Order.tag) == 3)
    // HQ's log from its beginning, as after a restore of HQ: whatever HQ sends, it says nothing new.
    for lane in Lane.allCases {
      let groups = try pair.hq.stretch(for: NodeNumber(1), lane, budget: 4 << 20).groups
      try pair.store.receive(groups, from: .hq, epoch: Epoch(rawValue: 99), lane: lane)
    }
    let all = try pair.hq.store.records(of: Order.tag, after: nil, limit: 99)
    try #require(all.count == 10)
    var hq = Foreign(0)
    for state in all {
      let again = CommitGroup(stamp: hq.stamp(), records: [state])
      #expect(try pair.store.receive([again], from: .hq, epoch: Epoch(rawValue: 99)) == [.applied])
    }
    #expect(try pair.store.store.count(of: Order.tag) == 3)
    try expectBalances(pair.store, stock: -20, points: 30)
    let log = try pair.store.stretch(for: .hq, budget: 4 << 20).groups
    #expect(log.flatMap(\.records).count == 15 && log.allSatisfy { $0.evictions.isEmpty })
  }

  @Test("FC-34 what is not safely at HQ stays, a sale as a whole", arguments: BackendKind.allCases)
  func obstacles(_ kind: BackendKind) throws {
    let pair = try Pair(kind)
    for number in 0..<5 as Range<UInt64> { try commit(pair.store, Self.sale(number, daysAgo: 400)) }
    #expect(try purge(pair.store, through: 0).kept == [.notAtHQ: 25], "HQ has none")
    try pair.sync()
    let head = try pair.store.store.logHead()
    #expect(try purge(pair.store, through: head - 1, isDryRun: true).kept == [.notAtHQ: 5], "not for long enough")
    // A clash of receipt numbers, poison at this end, and a refusal at the other.
    try commit(pair.hq, Self.sale(20, daysAgo: 400, receipt: "R-0"))
    try pair.sync()
    #expect(try pair.store.cases().map(\.status) == [.open])
    var hq = Foreign(0)
    let line = try #require(try pair.store.store.record(Self.key(OrderLine.tag, 1, daysAgo: 400)))
    let poison = hq.group(changing: [line], [FieldWrite(FieldTag(5), .set(.text("two")))])
    #expect(try pair.store.receive([poison], from: .hq).map(\.code) == ["invalid-value"])
    let stamp = try #require(try pair.store.store.record(Self.key(Payment.tag, 2, daysAgo: 400))?.onlyStamp)
    try pair.store.store.noteNotApplied(
      [NotApplied(outcome: "refused", code: "not-allowed", reason: "test", stamp: stamp)], by: .hq, lane: .normal,
      after: 0, through: head, at: pair.store.wall)
    let done = try purge(pair.store)
    #expect(done.dropped == 10 && done.kept == [.conflict: 10, .parked: 10])
    try expectBalances(pair.store, stock: -12, points: 18)
  }

  @Test("FC-34 news of a purged record bring it back, whole and counted once", arguments: BackendKind.allCases)
  func news(_ kind: BackendKind) throws {
    let pair = try Pair(kind)
    try commit(pair.store, Self.sale(1, daysAgo: 400))
    try pair.sync()
    let key = Self.key(StockMovement.tag, 1, daysAgo: 400)
    let was = try #require(try pair.store.store.record(key))
    #expect(try purge(pair.store).dropped == 5)
    // Another writer of the same fact, earlier than ours: its contents are the ones that are shown.
    var earlier = Foreign(0, at: 1_600_000_000_000)
    var other = RecordState(entity: key.entity, id: key.id)
    let contents = was.contents(writtenBy: try #require(was.onlyStamp))
    other.write(
      contents.map {
        $0.field.rawValue == StockMovement.Field.quantity.rawValue ? FieldWrite($0.field, .set(.integer(-9))) : $0
      },
      stamp: earlier.stamp())
    var both = was
    _ = both.merge(other)
    let alone = CommitGroup(stamp: earlier.stamp(), records: [other])
    #expect(try pair.store.receive([alone], from: .hq) == [.applied])
    #expect(try pair.store.store.record(key) == nil, "HQ itself has more than that: it is an old message")
    try expectBalances(pair.store, stock: -2, points: 3)
    #expect(try pair.store.receive([CommitGroup(stamp: earlier.stamp(), records: [both])], from: .hq) == [.applied])
    #expect(try pair.store.store.record(key) == both)
    try expectBalances(pair.store, stock: -9, points: 3)
    #expect(try pair.store.cases().map(\.subject.kind) == [.immutable])
    #expect(try purge(pair.store).kept == [.conflict: 1])
    let number = try #require(try pair.store.cases().first?.number)
    _ = try pair.store.store.settle(number, .accept, note: nil, at: pair.store.wall)
    #expect(try purge(pair.store).kept == [:])
    #expect(try pair.store.store.record(key) == nil)
    try expectBalances(pair.store, stock: -9, points: 3)
  }

  @Test("FC-34 what HQ takes back is purged no more", arguments: BackendKind.allCases)
  func takenBack(_ kind: BackendKind) throws {
    let pair = try Pair(kind)
    try commit(pair.store, Self.sale(1, daysAgo: 400))
    try pair.sync()
    let key = Self.key(Order.tag, 1, daysAgo: 400)
    let vector = try #require(try pair.store.store.record(key)?.vector)
    #expect(try purge(pair.store).dropped == 5)
    #expect(try pair.store.backend.purgedDigests(of: Order.tag, after: nil, limit: 9).map(\.id) == [key.id])
    var hq = Foreign(0)
    let stamp = hq.stamp()
    var seen = vector
    seen.insert(stamp)
    let eviction = Eviction(key: key, vector: seen)
    #expect(
      try pair.store.receive([CommitGroup(stamp: stamp, records: [], evictions: [eviction])], from: .hq) == [.applied])
    #expect(try pair.store.backend.purgedDigests(of: Order.tag, after: nil, limit: 9) == [])
    #expect(try pair.store.backend.find(key)?.body == .stub(seen))
  }

  @Test(
    "FC-34 a purged receipt that a till sends again is refused, not taken for a new one",
    arguments: BackendKind.allCases)
  func again(_ kind: BackendKind) throws {
    let pair = try Pair(kind)
    try commit(pair.store, Self.sale(1, daysAgo: 400))
    try pair.sync()
    try purge(pair.store)
    let result = try pair.store.store.commit([CommitDraft(Self.sale(1, daysAgo: 400))], at: pair.store.wall)[0]
    guard case .refused(let error) = result else { return #expect(Bool(false), "\(result)") }
    #expect(error.code == .notAllowed && error.description.contains("purged"))
    try expectBalances(pair.store, stock: -2, points: 3)
  }

  /// More than one turn takes, whose ids lie close together and far apart.
  @Test("FC-34 a purge goes turn by turn, and sales go on between them", arguments: BackendKind.allCases)
  func turns(_ kind: BackendKind) throws {
    let pair = try Pair(kind)
    let count: UInt64 = 3 * UInt64(StoreLimits.purgePageCount) + 7
    let drafts = (0..<count).map { CommitDraft(Self.sale($0, daysAgo: 200 + Int64($0 % 3))) }
    #expect(try pair.store.store.commit(drafts, at: pair.store.wall).allSatisfy { $0.stamp != nil })
    try commit(pair.store, Self.sale(count, daysAgo: 50))
    try pair.sync()
    let done = try purge(pair.store)
    #expect(done.dropped == Int(count) * 5 && done.turns >= 4, "\(done)")
    #expect(try pair.store.store.count(of: Order.tag) == 1)
    try expectBalances(pair.store, stock: -2 * Int64(count + 1), points: 3 * Int64(count + 1))
    var digests: [PurgedDigest] = []
    while true {
      let page = try pair.store.backend.purgedDigests(of: OrderLine.tag, after: digests.last?.id, limit: 50)
      digests += page
      if page.count < 50 { break }
    }
    #expect(digests.count == Int(count) && digests.allSatisfy { $0.digest == Array($0.id.bytes.suffix(4)) })
  }

  @Test func aDocumentOfTooManyRecordsStays() throws {
    let pair = try Pair(.memory)
    let document = Self.document(1, daysAgo: 400)
    var line: UInt32 = 0
    while line <= StoreLimits.purgeDocumentCount {
      try commit(
        pair.store,
        (0..<500).map { _ in
          line += 1
          return RecordWrite(
            StockMovement(
              document: document, line: line, store: RecordID(number: 1), place: "shelf",
              product: RecordID(key: "apple"), quantity: 1, reason: "count", movedAt: WallTime(milliseconds: 0)))
        })
    }
    try commit(pair.store, Self.sale(2, daysAgo: 300))
    try pair.sync()
    let engine = try StoreEngine(try #require(pair.store.backend as? MemoryBackend))
    var request = PurgeRequest(
      before: WallTime(milliseconds: 1_700_000_000_000 - 99 * Self.day), through: LaneMap(repeating: .max))
    var (dropped, kept) = (0, 0)
    repeat {
      let slice = try engine.purge(request) { _ in [] }
      dropped += slice.dropped.values.reduce(0, +)
      kept += slice.kept[.tooLarge] ?? 0
      request.from = slice.next
    } while request.from != nil
    #expect(dropped == 5 && kept > 0)
  }

  @Test("FC-34 FC-45 a purge that fails at any of its writes leaves no trace", arguments: BackendKind.allCases)
  func failures(_ kind: BackendKind) throws {
    var wrapped: FailingBackend?
    let store = try TestNode(kind, 1, model: .retail) { inner in
      let backend = FailingBackend(inner)
      wrapped = backend
      return backend
    }
    let backend = try #require(wrapped)
    try commit(store, Self.sale(1, daysAgo: 400))
    try commit(store, Self.sale(2, daysAgo: 400))
    try store.store.noteAcknowledged(by: .hq, lane: .normal, through: 9)
    var failures = 0
    while true {
      backend.writesLeft = failures
      do {
        #expect(try purge(store).dropped == 10)
        break
      } catch let error as StoreError {
        #expect(error.code == .diskFull)
        backend.writesLeft = nil
        #expect(try store.store.count(of: Order.tag) == 2)
        #expect(try backend.purgedDigests(of: Order.tag, after: nil, limit: 9) == [])
        failures += 1
      }
    }
    #expect(failures >= 20)
    backend.writesLeft = nil
    try expectBalances(store, stock: -4, points: 6)
  }

  @Test func whatMayBePurgedIsWrittenOnceAndBeginsWithItsTime() {
    let purgeable = Model.retail.entities.filter(\.isPurgeable)
    #expect(
      purgeable.map(\.name) == ["pointsEntry", "couponRedemption", "order", "orderLine", "payment", "stockMovement"])
    for entity in purgeable {
      #expect(entity.mutability == .immutable, "\(entity.name): no edit of it can come that the store would miss")
      switch entity.identity {
      case .uuid, .composed([.uuid, .number]): break
      default: Issue.record("\(entity.name): expected an id that begins with a UUID")
      }
    }
  }

  @Test func theTimeOfADocument() throws {
    #expect(Self.document(7, daysAgo: 1).documentTime == WallTime(milliseconds: 1_700_000_000_007 - Self.day))
    let random = try Identity.uuid.parse("8b6c9b4e-1f1f-4a36-9d0a-000000000001")
    #expect(random.documentTime == nil, "no time is in a random UUID")
    #expect(RecordID(key: "short").documentTime == nil)
  }
}
