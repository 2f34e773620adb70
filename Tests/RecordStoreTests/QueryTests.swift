import Base
import Merge
import RecordStore
import StoreModel
import Testing

/// What a query answers: the same on every backend, and the same as going through all records.
@Suite struct QueryTests {
  /// Tasks and listings of a few shops, members with and without phones, orders of a few days; some deleted.
  private func node(_ kind: BackendKind, _ generator: inout SeededGenerator) throws -> TestNode {
    let node = try TestNode(kind, 0, model: .retail)
    var drafts: [CommitDraft] = []
    func pick<Item>(_ items: [Item]) -> Item { items[Int.random(in: 0..<items.count, using: &generator)] }
    let members = ["", "a", "A", "ä", "a\u{301}", "zz", "\u{10FFFF}"]
    for number in 0..<80 {
      let uuid = RecordID(milliseconds: pick([0, 5, 1 << 47]), random: (pick([0, 9]), UInt64(number)))
      let shop = RecordID(number: pick([1, 2, .max]))
      drafts.append(
        CommitDraft([
          RecordWrite(StoreTask(id: uuid, title: "t", store: shop, status: pick(StoreTask.statuses))),
          RecordWrite(
            Order(
              id: uuid, store: shop, receipt: pick(members), kind: "sale",
              member: pick([nil, RecordID(key: pick(["a", "b"]))]), soldAt: WallTime(milliseconds: 0),
              businessDay: pick([20_260_301, 20_260_302]), currency: "EUR", lineCount: 0, salesTotal: 0,
              retailDiscount: 0, couponDiscount: 0, couponMatchDiscount: 0)),
          RecordWrite(Listing(store: shop, product: RecordID(key: "p\(number % 9)"), price: 1)),
          RecordWrite(Coupon(campaign: RecordID(key: pick(["1", "10", "2"])), code: "c\(number % 7)")),
          RecordWrite(StoreModel.Member(id: RecordID(key: "m\(number)"), phone: pick(members + [nil, nil]))),
        ]))
      if number % 10 == 0 {
        drafts.append(
          CommitDraft([RecordWrite(entity: StoreModel.Member.tag, id: RecordID(key: "m\(number)"), .delete)]))
      }
    }
    for result in try node.store.commit(drafts, at: node.wall) {
      if case .refused(let error) = result { Issue.record("\(error)") }
    }
    return node
  }

  @Test("a query answers what going through all records would, page by page", arguments: [1, 2, 3] as [UInt64])
  func answers(_ seed: UInt64) throws {
    var (first, second) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed))
    let nodes = [try node(.memory, &first), try node(.sqlite, &second)]
    var generator = SeededGenerator(seed: seed ^ 0xFEED)
    var found = 0
    for schema in Model.retail.entities where [3, 4, 7, 10, 14].contains(schema.tag.rawValue) {
      let states = try nodes[0].store.records(of: schema.tag, after: nil, limit: 1_000)
      #expect(try nodes[1].store.records(of: schema.tag, after: nil, limit: 1_000).map(\.id) == states.map(\.id))
      for form in schema.queryForms {
        for _ in 0..<8 {
          let query = random(form, states, schema, &generator)
          let expected = query.answer(states, schema)
          for node in nodes { #expect(try pages(query, schema, node) == expected, "\(query)") }
          found += expected.count
        }
      }
    }
    #expect(found > 500)
  }

  private func pages(_ query: RecordQuery, _ schema: EntitySchema, _ node: TestNode) throws -> [RecordID] {
    var query = query
    var ids: [RecordID] = []
    repeat {
      let page = try node.page(try RecordQueryPlan(query, schema))
      #expect(page.records.count <= query.limit && (page.next == nil || page.records.count == query.limit))
      ids += page.records.map(\.id)
      query.after = page.next
    } while query.after != nil
    return ids
  }

  /// With values of records that are there, mostly.
  private func random(
    _ form: QueryForm, _ states: [RecordState], _ schema: EntitySchema, _ generator: inout SeededGenerator
  ) -> RecordQuery {
    var conditions: [RecordQuery.Condition] = []
    let one = states[Int.random(in: 0..<states.count, using: &generator)]
    for subject in form.equal {
      if let value = one.value(of: subject, schema) { conditions.append(.init(subject, .equal, value)) }
    }
    guard conditions.count == form.equal.count else { return RecordQuery([], limit: 50) }
    for comparison in RecordQuery.Comparison.allCases where comparison != .equal {
      let other = states[Int.random(in: 0..<states.count, using: &generator)]
      guard Bool.random(using: &generator), Bool.random(using: &generator),
        let value = other.value(of: form.sort, schema)
      else { continue }
      conditions.append(.init(form.sort, comparison, value))
    }
    return RecordQuery(
      conditions, sort: form.sort, isDescending: Bool.random(using: &generator),
      limit: Int.random(in: 1...40, using: &generator))
  }

  @Test("what no index serves is refused, and the answer lists what is") func refusals() throws {
    let schema = try #require(Model.retail.entity(named: "order"))
    let currency = RecordQuery.Condition(.field(FieldTag(8)), .equal, .text("EUR"))
    let error = try #require(refusal(RecordQuery([currency], limit: 1), schema))
    #expect(error.code == .notIndexed && error.field == "currency")
    #expect(error.reason.contains("store, businessDay (id[…])") && error.reason.contains("store (receipt[…])"))
    #expect(refusal(RecordQuery([], sort: .field(FieldTag(10)), limit: 1), schema)?.field == "salesTotal")
    #expect(
      refusal(RecordQuery([.init(.field(FieldTag(1)), .greater, .integer(1))], limit: 1), schema)?.code == .notIndexed)
    #expect(
      refusal(RecordQuery([.init(.field(FieldTag(5)), .equal, .integer(1))], limit: 1), schema)?.code == .invalidValue)
    #expect(refusal(RecordQuery([.init(.id, .equal, .text("x"))], limit: 1), schema)?.field == "id")
    for limit in [0, -1, StoreLimits.queryRecordCount + 1] {
      #expect(refusal(RecordQuery(limit: limit), schema)?.code == .limit)
    }
    let elsewhere = RecordPosition(value: .integer(1), id: RecordID([UInt8](repeating: 0, count: 16)))
    #expect(refusal(RecordQuery(limit: 1, after: elsewhere), schema)?.code == .wrongPosition)
  }

  @Test func theDefaultOrderIsById() throws {
    let schema = try #require(Model.retail.entity(named: "order"))
    let member = RecordQuery.Condition(.field(FieldTag(5)), .equal, .text("m"))
    let store = RecordQuery.Condition(.field(FieldTag(1)), .equal, .integer(1))
    #expect(try RecordQueryPlan(RecordQuery([member], limit: 1), schema).open == nil)
    #expect(try RecordQueryPlan(RecordQuery([store], limit: 1), schema).open?.name == "businessDay")
    #expect(
      try RecordQueryPlan(RecordQuery([store], sort: .field(FieldTag(2)), limit: 1), schema).open?.name == "receipt")
  }

  private func refusal(_ query: RecordQuery, _ schema: EntitySchema) -> RecordQueryError? {
    do throws(RecordQueryError) {
      _ = try RecordQueryPlan(query, schema)
      return nil
    } catch {
      return error
    }
  }
}

extension RecordQuery {
  /// Slowly, and in other words than the plan's.
  fileprivate func answer(_ states: [RecordState], _ schema: EntitySchema) -> [RecordID] {
    let sort = sort ?? .id
    let found = states.filter { state in
      !state.isDeleted(schema.deletion) && state.value(of: sort, schema) != nil
        && conditions.allSatisfy { condition in
          guard let value = state.value(of: condition.subject, schema) else { return false }
          switch condition.comparison {
          case .equal: return value == condition.value
          case .less: return value < condition.value
          case .atMost: return value <= condition.value
          case .greater: return value > condition.value
          case .atLeast: return value >= condition.value
          }
        }
    }
    let sorted = found.sorted { left, right in
      guard let one = left.value(of: sort, schema), let other = right.value(of: sort, schema), one != other else {
        return left.id < right.id
      }
      return one < other
    }
    return (isDescending ? sorted.reversed() : sorted).map(\.id)
  }
}

extension RecordState {
  fileprivate func value(of subject: RecordQuery.Subject, _ schema: EntitySchema) -> Value? {
    switch subject {
    case .id: return schema.identity.value(of: id)
    case .field(let tag):
      guard let field = schema.field(tag), case .value(let value) = shown(field, schema), !value.isNull else {
        return nil
      }
      return value
    }
  }
}
