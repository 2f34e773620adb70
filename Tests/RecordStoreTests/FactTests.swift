import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// New facts take a quick way into the store; nobody may see which way a record came.
@Suite struct FactTests {
  /// A sale: its order has a unique receipt, its movements have a balance.
  private static func sale(_ seed: UInt64, receipt: String, lines: Int, member: RecordID? = nil) -> [RecordWrite] {
    let id = RecordID(at: WallTime(milliseconds: 1_700_000_000_000 + Int64(seed) * 1_000), seed: seed)
    let store = RecordID(number: 1)
    let order = Order(
      id: id, store: store, receipt: receipt, kind: "sale", member: member,
      soldAt: WallTime(milliseconds: 1_700_000_000_000),
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

  @Test("a store sells in nobody else's name", arguments: BackendKind.allCases, TestNode.Form.allCases)
  func othersFacts(_ kind: BackendKind, _ form: TestNode.Form) throws {
    let hq = try TestNode(kind, 0)
    var one = Foreign(1)
    var two = Foreign(2)
    let ofTwo = one.entry("another store's", store: 2, "till", 5)
    let byTwo = two.entry("another's stamp", store: 1, "till", 7)
    #expect(try hq.receive([ofTwo, byTwo], as: form, from: NodeNumber(1)).map(\.code) == ["out-of-scope", "forged"])
    #expect(try hq.store.count(of: Shop.entry) == 0)
    #expect(try hq.balance(1, "till") == 0 && hq.balance(2, "till") == 0)
    #expect(try hq.receive([one.entry("its own", store: 1, "till", 3)], as: form, from: NodeNumber(1)) == [.applied])
    #expect(try hq.balance(1, "till") == 3)
  }

  /// Groups of sales as an honest store sends them, as another one would not, and as nobody should.
  /// - Parameter evicting: whether some let go of what came before, as HQ has stores do.
  private static func groups(_ generator: inout SeededGenerator, evicting: Bool) -> [CommitGroup] {
    var writer = Foreign(1)
    var stranger = Foreign(2)
    return (0..<12).map { _ in
      let sale = sale(
        UInt64.random(in: 0..<8, using: &generator), receipt: ["a", "b"].randomElement(using: &generator) ?? "",
        lines: Int.random(in: 1...3, using: &generator),
        member: Bool.random(using: &generator) ? RecordID(key: "m") : nil)
      let stamp = Int.random(in: 0..<12, using: &generator) == 0 ? stranger.stamp() : writer.stamp()
      var records = sale.map { write in
        var state = RecordState(entity: write.entity, id: write.id)
        if case .write(let fields) = write.action { state.write(fields, stamp: stamp) }
        return state
      }
      // Not all of a group need be facts.
      if Int.random(in: 0..<4, using: &generator) == 0 {
        var member = RecordState(entity: StoreModel.Member.tag, id: RecordID(key: "m"))
        let name = FieldWrite(FieldTag(StoreModel.Member.Field.name.rawValue), .set(.text("M")))
        member.write([name], stamp: stamp)
        records.append(member)
      }
      if evicting, Int.random(in: 0..<4, using: &generator) == 0 {
        let evictions = records.map { Eviction(key: $0.key, vector: VersionVector(stamp)) }
        return CommitGroup(stamp: stamp, records: [], evictions: evictions)
      }
      if Int.random(in: 0..<10, using: &generator) == 0 { spoil(&records, stamp, &generator) }
      return CommitGroup(stamp: stamp, records: records)
    }
  }

  private static func spoil(_ records: inout [RecordState], _ stamp: Stamp, _ generator: inout SeededGenerator) {
    let index = Int.random(in: 0..<records.count, using: &generator)
    let field = Int.random(in: 0..<records[index].fields.count, using: &generator)
    func write(_ value: Value, of tag: FieldTag) {
      records[index].setContent(.register([Sibling(stamp: stamp, value: value)]), of: tag)
    }
    switch Int.random(in: 0..<12, using: &generator) {
    case 0: records.shuffle(using: &generator)
    case 1: records.append(records[index])
    case 2: records[index].fields.remove(at: field)
    case 3: write(.text(String(repeating: "x", count: 2_000)), of: records[index].fields[field].tag)
    case 4: write(.bytes([1, 2, 3]), of: records[index].fields[field].tag)
    case 5: write(.integer(2), of: records[index].fields[field].tag)
    case 6: write(.integer(1), of: FieldTag(900))
    // What comes again of a deleted record must not bring it back.
    default:
      let mark = DeletionMark(stamp: stamp, saw: VersionVector(stamp))
      for place in records.indices { records[place].deletions = [mark] }
    }
  }

  @Test(arguments: BackendKind.allCases, [0, 1] as [UInt32])
  func columnsAndRowsLeaveTheSame(_ kind: BackendKind, _ receiver: UInt32) throws {
    var generator = SeededGenerator(seed: Seed.value)
    for round in 0..<30 {
      let columns = try node(kind, receiver)
      let rows = try node(kind, receiver)
      let peer = NodeNumber(receiver == 0 ? 1 : 0)
      for _ in 0..<3 {
        let groups = Self.groups(&generator, evicting: receiver != 0)
        let results = try columns.receive(groups, as: .columns, from: peer)
        #expect(try results == rows.receive(groups, as: .rows, from: peer), "SEED=\(Seed.value) round \(round)")
      }
      try compare(columns, rows)
      let parked = try [columns, rows].map { node in
        try node.store.parkedGroups().map { "\($0.code) \($0.reason) \($0.keys)" }
      }
      #expect(parked[0] == parked[1], "SEED=\(Seed.value) round \(round)")
      #expect(columns.store.takeTally() == rows.store.takeTally(), "SEED=\(Seed.value) round \(round)")
    }
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
