package import Merge
package import StoreModel

/// A query that an index serves, and how: the records that it reads are those of the page, whatever else there is.
package struct RecordQueryPlan: Hashable, Sendable {
  package struct Bound<Item: Hashable & Sendable>: Hashable, Sendable {
    package var item: Item
    package var isInclusive: Bool

    package init(item: Item, isInclusive: Bool) {
      self.item = item
      self.isInclusive = isInclusive
    }
  }

  package let schema: EntitySchema
  /// Nil for the ids themselves.
  package let index: RecordIndex?
  /// What the index's first fields equal.
  package let equal: [Value]
  /// The index's last field, if it is what the records are sorted by; the id comes after it.
  package let open: FieldSchema?
  package let lower: Bound<Value>?
  package let upper: Bound<Value>?
  package let lowerID: Bound<RecordID>?
  package let upperID: Bound<RecordID>?
  package let isDescending: Bool
  package let limit: Int
  package let after: RecordPosition?

  /// - Throws: if no index serves the query, or a value, the limit or the position does not fit.
  package init(_ query: RecordQuery, _ schema: EntitySchema) throws(RecordQueryError) {
    guard (1...StoreLimits.queryRecordCount).contains(query.limit) else {
      throw RecordQueryError(
        code: .limit, reason: "found a limit of \(query.limit), expected 1 to \(StoreLimits.queryRecordCount)")
    }
    let conditions = try QueryConditions(query, schema)
    let path = try conditions.path(sort: query.sort)
    self.schema = schema
    index = path.index
    equal = path.equal
    open = path.open
    if let open {
      (lower, upper) = conditions.bounds(of: .field(open.tag))
      (lowerID, upperID) = (nil, nil)
    } else {
      (lower, upper) = (nil, nil)
      (lowerID, upperID) = try conditions.idBounds(onParts: path.index == nil)
    }
    isDescending = query.isDescending
    limit = query.limit
    after = query.after
    try checkPosition()
  }

  /// A position outside the bounds would have the index read from there.
  private func checkPosition() throws(RecordQueryError) {
    guard let after else { return }
    let fits =
      switch (open, after.value) {
      case (nil, nil): Self.contains(after.id, lowerID, upperID)
      case (let open?, let value?): open.holds(value) && Self.contains(value, lower, upper)
      default: false
      }
    guard fits, schema.identity.isValid(after.id) else {
      throw RecordQueryError(
        code: .wrongPosition,
        reason: "it is no place in the answer to these filters in this order; begin anew without it")
    }
  }

  private static func contains<Item: Comparable & Hashable>(
    _ item: Item, _ lower: Bound<Item>?, _ upper: Bound<Item>?
  ) -> Bool {
    if let lower, lower.isInclusive ? item < lower.item : item <= lower.item { return false }
    if let upper, upper.isInclusive ? item > upper.item : item >= upper.item { return false }
    return true
  }

  // MARK: Records

  /// The place of a record in the answer; nil if it is not part of it.
  package func position(of state: RecordState) -> RecordPosition? {
    guard !state.isDeleted(schema.deletion), schema.identity.isValid(state.id) else { return nil }
    if let index {
      for (tag, value) in zip(index.fields, equal) {
        guard let field = schema.field(tag), state.column(field, schema) == value else { return nil }
      }
    }
    guard let open else {
      return Self.contains(state.id, lowerID, upperID) ? RecordPosition(value: nil, id: state.id) : nil
    }
    guard let value = state.column(open, schema), Self.contains(value, lower, upper) else { return nil }
    return RecordPosition(value: value, id: state.id)
  }

  /// Whether a place comes before another in the order of the answer.
  package func precedes(_ left: RecordPosition, _ right: RecordPosition) -> Bool {
    let (first, second) = isDescending ? (right, left) : (left, right)
    if let one = first.value, let other = second.value, one != other { return one < other }
    return first.id < second.id
  }
}

extension FieldSchema {
  /// Whether a plain value is of the kind that the field's type has, and so can be searched for.
  package func holds(_ value: Value) -> Bool {
    switch (type, value) {
    case (.text, .text), (.choice, .text), (.integer, .integer), (.boolean, .integer), (.money, .integer),
      (.quantity, .integer), (.timestamp, .integer), (.day, .integer):
      return true
    case (.reference(_, let identity), let value), (.identifier(let identity), let value):
      switch (identity, value) {
      case (.uuid, .bytes), (.composed, .bytes), (.key, .text), (.number, .integer): return true
      default: return false
      }
    default:
      return false
    }
  }
}

extension RecordState {
  /// What a field shows, if it is a plain value of the field's kind.
  fileprivate func column(_ field: FieldSchema, _ schema: EntitySchema) -> Value? {
    guard case .value(let value) = shown(field, schema), field.holds(value) else { return nil }
    return value
  }
}
