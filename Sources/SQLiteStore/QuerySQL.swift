package import RecordStore
import StoreModel

/// A plan as SQL that goes along its index from the first record of the page to the last.
///
/// The index is named, so that SQLite refuses the query where it could not use it, instead of reading the table. Of two
/// bounds at the same end only one is given: SQLite takes the first that it finds for the index and reads through the rest.
package struct QuerySQL {
  private enum Binding {
    case value(Value)
    case id(RecordID)
  }

  package let text: String
  private let bindings: [Binding]
  private let identity: Identity
  private let limit: Int

  package init(_ plan: RecordQueryPlan, limit: Int) {
    var conditions = Conditions(plan)
    conditions.addEqual()
    if let open = plan.open { conditions.addBounds(of: open) } else { conditions.addIDBounds() }
    let schema = plan.schema
    let columns = ["row", "id", "sequence", "meta"] + schema.fields.map(\.column)
    let filter = conditions.terms.isEmpty ? "" : " WHERE \(conditions.terms.joined(separator: " AND "))"
    let index = plan.index.map { " INDEXED BY \(quoted(schema.indexName($0)))" } ?? ""
    let order = ((plan.open.map { [$0.column] } ?? []) + ["id"]).map { quoted($0) + (plan.isDescending ? " DESC" : "") }
    text =
      "SELECT \(columns.map(quoted).joined(separator: ", ")) FROM \(quoted(schema.table))\(index)\(filter) "
      + "ORDER BY \(order.joined(separator: ", ")) LIMIT ?"
    bindings = conditions.bindings
    identity = schema.identity
    self.limit = limit
  }

  func bind(to statement: SQLiteStatement) {
    for (place, binding) in zip(1..., bindings) {
      switch binding {
      case .value(let value): statement.bind(value, at: place)
      case .id(let id): statement.bind(id, identity, at: place)
      }
    }
    statement.bind(limit, at: bindings.count + 1)
  }

  private struct Conditions {
    let plan: RecordQueryPlan
    var terms: [String] = []
    var bindings: [Binding] = []

    init(_ plan: RecordQueryPlan) {
      self.plan = plan
    }

    mutating func addEqual() {
      guard let index = plan.index else { return }
      for (tag, value) in zip(index.fields, plan.equal) {
        guard let column = plan.schema.field(tag)?.column else { continue }
        add("\(quoted(column)) = ?", .value(value))
      }
    }

    mutating func addBounds(of open: FieldSchema) {
      let column = quoted(open.column)
      let after = plan.after.flatMap { after in after.value.map { ($0, after.id) } }
      if let after, !plan.isDescending {
        add("(\(column), id) > (?, ?)", .value(after.0), .id(after.1))
      } else {
        let lower = plan.lower ?? RecordQueryPlan.Bound(item: FieldColumn(open).kind.least, isInclusive: true)
        add("\(column) \(lower.isInclusive ? ">=" : ">") ?", .value(lower.item))
      }
      if let after, plan.isDescending {
        add("(\(column), id) < (?, ?)", .value(after.0), .id(after.1))
      } else if let upper = plan.upper {
        add("\(column) \(upper.isInclusive ? "<=" : "<") ?", .value(upper.item))
      }
      // SQLite does not see it from a pair, and would not take an index without the others.
      if after != nil, plan.index?.isPartial == true { terms.append("\(column) IS NOT NULL") }
    }

    mutating func addIDBounds() {
      if let after = plan.after, !plan.isDescending {
        add("id > ?", .id(after.id))
      } else if let lower = plan.lowerID {
        add("id \(lower.isInclusive ? ">=" : ">") ?", .id(lower.item))
      }
      if let after = plan.after, plan.isDescending {
        add("id < ?", .id(after.id))
      } else if let upper = plan.upperID {
        add("id \(upper.isInclusive ? "<=" : "<") ?", .id(upper.item))
      }
    }

    private mutating func add(_ term: String, _ bindings: Binding...) {
      terms.append(term)
      self.bindings += bindings
    }
  }
}

extension FieldColumn.Kind {
  /// Not below any value of the kind. A record without one has no place in the order, and the index holds perhaps many such:
  /// a bound skips them, where `IS NOT NULL` would read them all.
  fileprivate var least: Value {
    switch self {
    case .integer: .integer(.min)
    case .text: .text("")
    case .bytes: .bytes([])
    }
  }
}
