import Base
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// That what a query reads does not grow with the database.
@Suite struct QueryPlanTests {
  @Test("every query that is allowed goes along an index, from its first record to its last")
  func indexes() throws {
    let directory = try Directory()
    _ = try SQLiteBackend.create(directory, .retail)
    var count = 0
    for schema in Model.retail.entities {
      for query in schema.queryForms.flatMap({ queries($0, schema) }) {
        let plan = try RecordQueryPlan(query, schema)
        let text = QuerySQL(plan, limit: 100).text
        let steps = try directory.sql("EXPLAIN QUERY PLAN \(text)").map { String($0.split(separator: "|")[3]) }
        #expect(steps.count == 1, "\(text): \(steps)")
        let isBounded = !query.conditions.isEmpty || query.after != nil || plan.open != nil
        let start = "\(isBounded ? "SEARCH" : "SCAN") \(schema.table) USING INDEX "
        #expect(steps.allSatisfy { $0.hasPrefix(start) }, "\(text): \(steps)")
        if isBounded { #expect(bounds(steps[0]) >= expectedBounds(plan), "\(text): \(steps)") }
        count += 1
      }
    }
    #expect(count > 500, "all forms, ways to bound them, and directions")
  }

  /// The fields that the index is entered by, as SQLite tells: “(store=? AND business_day>?)”.
  private func bounds(_ step: String) -> Int { step.count { $0 == "?" } }

  private func expectedBounds(_ plan: RecordQueryPlan) -> Int {
    let hasLower =
      plan.lower != nil || plan.lowerID != nil || plan.open != nil || plan.after != nil && !plan.isDescending
    let hasUpper = plan.upper != nil || plan.upperID != nil || plan.after != nil && plan.isDescending
    return plan.equal.count + (hasLower ? 1 : 0) + (hasUpper ? 1 : 0)
  }

  private func queries(_ form: QueryForm, _ schema: EntitySchema) -> [RecordQuery] {
    let equal = form.equal.map { RecordQuery.Condition($0, .equal, schema.sample($0, 1)) }
    var queries: [RecordQuery] = []
    for lower in [nil, .greater] as [RecordQuery.Comparison?] {
      for upper in [nil, .atMost] as [RecordQuery.Comparison?] {
        var conditions = equal
        if let lower { conditions.append(RecordQuery.Condition(form.sort, lower, schema.sample(form.sort, 0))) }
        if let upper { conditions.append(RecordQuery.Condition(form.sort, upper, schema.sample(form.sort, 9))) }
        for isDescending in [false, true] {
          var query = RecordQuery(conditions, sort: form.sort, isDescending: isDescending, limit: 100)
          queries.append(query)
          query.after = schema.position(form)
          // A place that is none of this query's is refused.
          if (try? RecordQueryPlan(query, schema)) != nil { queries.append(query) }
        }
      }
    }
    return queries
  }

  @Test("a database of before gets its indexes when it is opened, and loses those that they replace")
  func upgrade() throws {
    let directory = try Directory()
    do { _ = try SQLiteBackend.create(directory, .retail) }
    let indexes =
      "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '%\\_by\\_%' ESCAPE '\\' ORDER BY name"
    let made = try directory.sql(indexes)
    #expect(made.contains("orders_by_store_business_day_id") && made.contains("members_by_phone_id"))
    for name in made { try directory.sql("DROP INDEX \(name)") }
    try directory.sql("CREATE INDEX orders_by_original ON orders (original) WHERE original IS NOT NULL")
    try directory.sql("CREATE INDEX members_by_phone ON members (phone)")
    try directory.sql("DROP TABLE sync_request")
    do { _ = try SQLiteBackend.open(path: directory.database, model: .retail, mode: .readWrite) }
    #expect(try directory.sql(indexes) == made)
    #expect(try directory.sql("SELECT count(*) FROM sync_request") == ["0"])
  }
}

extension EntitySchema {
  fileprivate func sample(_ subject: RecordQuery.Subject, _ number: UInt8) -> Value {
    switch subject {
    case .id: identity.value(of: identity.sample(number))
    case .field(let tag):
      switch field(tag)?.type {
      case .text, .choice, nil: .text("\(number)")
      case .integer, .boolean, .money, .quantity, .timestamp, .day: .integer(Int64(number))
      case .reference(_, let identity), .identifier(let identity): identity.value(of: identity.sample(number))
      }
    }
  }

  fileprivate func position(_ form: QueryForm) -> RecordPosition {
    let isByIDs = form.equal.allSatisfy { subject in identityFields.contains { .field($0) == subject } }
    let isPart = identityFields.contains { .field($0) == form.sort }
    let value = form.sort == .id || isByIDs && isPart ? nil : sample(form.sort, 5)
    guard isByIDs, case .composed(let components) = identity else {
      return RecordPosition(value: value, id: identity.sample(5))
    }
    let parts = components.enumerated().map { place, part in part.identity.sample(place < form.equal.count ? 1 : 5) }
    return RecordPosition(value: value, id: identity.joining(parts))
  }
}

extension Identity {
  fileprivate func sample(_ number: UInt8) -> RecordID {
    switch self {
    case .uuid: RecordID([UInt8](repeating: number, count: 16))
    case .key: RecordID(key: "\(number)")
    case .number: RecordID(number: UInt32(number))
    case .composed(let components): joining(components.map { $0.identity.sample(number) })
    }
  }
}
