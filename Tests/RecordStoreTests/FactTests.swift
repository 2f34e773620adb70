import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// New facts take a quick way into the store; nobody may see which way a record came.
@Suite struct FactTests {
  /// A sale: its order has a unique receipt, its movements have a balance.
  private static func sale(_ seed: UInt64, receipt: String, lines: Int) -> [RecordWrite] {
    let id = RecordID(at: WallTime(milliseconds: 1_700_000_000_000 + Int64(seed) * 1_000), seed: seed)
    let store = RecordID(number: 1)
    let order = Order(
      id: id, store: store, receipt: receipt, kind: "sale", soldAt: WallTime(milliseconds: 1_700_000_000_000),
      businessDay: 20_231_114, currency: "EUR", lineCount: Int64(lines), salesTotal: 100, retailDiscount: 0,
      couponDiscount: 0, couponMatchDiscount: 0)
    let parts = (1...lines).map { line in
      RecordWrite(
        OrderLine(
          order: id, line: UInt32(line), store: store, product: RecordID(key: "p\(line)"), quantity: Int64(line),
          salesAmount: 10, retailDiscount: 0, couponDiscount: 0, couponMatchDiscount: 0))
    }
    let moves = (1...lines).map { line in
      RecordWrite(
        StockMovement(
          document: id, line: UInt32(line), store: store, place: "shelf", product: RecordID(key: "p\(line)"),
          quantity: -Int64(line), reason: "sale", movedAt: WallTime(milliseconds: 1_700_000_000_000)))
    }
    return [RecordWrite(order)] + parts + moves
  }

  private func node(_ kind: BackendKind, _ number: UInt32) throws -> TestNode {
    try TestNode(kind, number, model: .retail)
  }

  /// Out of their order, and with the first field said last, writes go the general way.
  private func generally(_ writes: [RecordWrite]) -> [RecordWrite] {
    writes.reversed().map { write in
      guard case .write(let fields) = write.action else { return write }
      return RecordWrite(entity: write.entity, id: write.id, .write(Array(fields.dropFirst() + fields.prefix(1))))
    }
  }

  private func compare(_ left: TestNode, _ right: TestNode) throws {
    for entity in Model.retail.entities {
      let mine = try left.store.records(of: entity.tag, after: nil, limit: 1_000)
      #expect(try mine == right.store.records(of: entity.tag, after: nil, limit: 1_000), "\(entity.name)")
      for balance in entity.balances {
        #expect(try left.store.balances(balance.name) == right.store.balances(balance.name))
      }
    }
    let cases = try left.store.conflictCases(includingClosed: true).map { "\($0.subject) \($0.records)" }
    #expect(try cases == right.store.conflictCases(includingClosed: true).map { "\($0.subject) \($0.records)" })
    let stretches = try [left, right].map { node in
      try node.store.outgoing(
        OutgoingRequest(
          peer: .hq, lane: .normal, after: 0, sent: LaneMap(repeating: 0), budgetBytes: 1 << 20, chainBytes: 1 << 22,
          scanLimit: 1_000))
    }
    #expect(stretches[0].through == stretches[1].through)
    for (mine, theirs) in zip(stretches[0].groups, stretches[1].groups) {
      #expect(mine.stamp == theirs.stamp)
      #expect(mine.records.sorted { $0.key < $1.key } == theirs.records.sorted { $0.key < $1.key })
    }
  }

  @Test(arguments: BackendKind.allCases) func bothWaysLeaveTheSame(_ kind: BackendKind) throws {
    let quick = try node(kind, 1)
    let general = try node(kind, 1)
    // The third has the first's receipt, the fourth comes twice, the fifth of them with other contents.
    var sales = [
      Self.sale(1, receipt: "a", lines: 3), Self.sale(2, receipt: "b", lines: 1), Self.sale(3, receipt: "a", lines: 2),
      Self.sale(4, receipt: "c", lines: 2), Self.sale(4, receipt: "c", lines: 2), Self.sale(4, receipt: "d", lines: 3),
    ]
    // An earlier time than what is there already.
    sales.append(Self.sale(0, receipt: "e", lines: 2))
    for sale in sales {
      quick.wall = quick.wall.advanced(byMilliseconds: 1_000)
      general.wall = quick.wall
      let results = try quick.store.commit([CommitDraft(sale)], at: quick.wall)
      #expect(try results == general.store.commit([CommitDraft(generally(sale))], at: general.wall))
    }
    try compare(quick, general)
    #expect(try quick.store.balance("stock_on_hand", keys: [.integer(1), .text("shelf"), .text("p2")]) == -8)
  }

  @Test("a store sells in nobody else's name", arguments: BackendKind.allCases)
  func othersFacts(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var one = Foreign(1)
    var two = Foreign(2)
    let ofTwo = one.entry("another store's", store: 2, "till", 5)
    let byTwo = two.entry("another's stamp", store: 1, "till", 7)
    #expect(try hq.receive([ofTwo, byTwo], from: NodeNumber(1)).map(\.code) == ["out-of-scope", "forged"])
    #expect(try hq.store.count(of: Shop.entry) == 0)
    #expect(try hq.balance(1, "till") == 0 && hq.balance(2, "till") == 0)
    #expect(try hq.receive([one.entry("its own", store: 1, "till", 3)], from: NodeNumber(1)) == [.applied])
    #expect(try hq.balance(1, "till") == 3)
  }

  @Test(arguments: BackendKind.allCases) func whatWasUndoneIsNewOnceMore(_ kind: BackendKind) throws {
    var failing: FailingBackend?
    let node = try TestNode(kind, 1, model: .retail) { backend in
      let wrapped = FailingBackend(backend)
      failing = wrapped
      return wrapped
    }
    let sale = Self.sale(1, receipt: "a", lines: 3)
    failing?.writesLeft = 4
    #expect(throws: StoreError.self) { try node.store.commit([CommitDraft(sale)], at: node.wall) }
    #expect(try node.store.count(of: OrderLine.tag) == 0)
    failing?.writesLeft = nil
    _ = try node.store.commit([CommitDraft(sale)], at: node.wall)
    #expect(try node.store.count(of: OrderLine.tag) == 3)
    #expect(try node.store.commit([CommitDraft(sale)], at: node.wall) == [.unchanged])
  }
}

extension RecordID {
  fileprivate init(at time: WallTime, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    self.init(at: time, using: &generator)
  }
}
