import StoreModel

/// A query's conditions by what they are about, and which index serves them.
struct QueryConditions {
  typealias Subject = RecordQuery.Subject
  typealias Bound = RecordQueryPlan.Bound

  struct Path {
    var index: RecordIndex?
    var equal: [Value]
    var open: FieldSchema?
  }

  private let schema: EntitySchema
  private var equal: [Subject: Value] = [:]
  private var lower: [Subject: Bound<Value>] = [:]
  private var upper: [Subject: Bound<Value>] = [:]

  init(_ query: RecordQuery, _ schema: EntitySchema) throws(RecordQueryError) {
    self.schema = schema
    for condition in query.conditions {
      let subject = condition.subject
      try check(condition.value, of: subject)
      switch condition.comparison {
      case .equal:
        guard equal.updateValue(condition.value, forKey: subject) == nil else {
          throw RecordQueryError(
            code: .invalidValue, field: schema.name(of: subject), reason: "found two values to equal, expected one")
        }
      case .greater: raise(subject, Bound(item: condition.value, isInclusive: false))
      case .atLeast: raise(subject, Bound(item: condition.value, isInclusive: true))
      case .less: cap(subject, Bound(item: condition.value, isInclusive: false))
      case .atMost: cap(subject, Bound(item: condition.value, isInclusive: true))
      }
    }
  }

  private func check(_ value: Value, of subject: Subject) throws(RecordQueryError) {
    let name = schema.name(of: subject)
    let isFit: Bool
    switch subject {
    case .id: isFit = schema.identity.id(from: value) != nil
    case .field(let tag): isFit = schema.field(tag)?.holds(value) ?? false
    }
    guard isFit else {
      let expected =
        if case .field(let tag) = subject { schema.field(tag)?.type.expectation } else { schema.identity.expectation }
      throw RecordQueryError(
        code: .invalidValue, field: name, reason: "found something else, expected \(expected ?? "a field")")
    }
  }

  private mutating func raise(_ subject: Subject, _ bound: Bound<Value>) {
    guard let present = lower[subject] else { return lower[subject] = bound }
    if bound.item > present.item || bound.item == present.item && !bound.isInclusive { lower[subject] = bound }
  }

  private mutating func cap(_ subject: Subject, _ bound: Bound<Value>) {
    guard let present = upper[subject] else { return upper[subject] = bound }
    if bound.item < present.item || bound.item == present.item && !bound.isInclusive { upper[subject] = bound }
  }

  func bounds(of subject: Subject) -> (lower: Bound<Value>?, upper: Bound<Value>?) { (lower[subject], upper[subject]) }

  // MARK: The index

  func path(sort: Subject?) throws(RecordQueryError) -> Path {
    if isServedByIDs(sort) { return Path(index: nil, equal: [], open: nil) }
    let paths = schema.indexes.compactMap { path($0, sort) }
    // By id is what was asked for if nothing was said.
    guard let path = paths.first(where: { $0.open == nil }) ?? paths.first else { throw notIndexed(sort) }
    return path
  }

  /// Whether all conditions are about the id or the leading parts of a composed one.
  private func isServedByIDs(_ sort: Subject?) -> Bool {
    let parts = schema.identityFields.map { Subject.field($0) }
    let count = parts.prefix { equal[$0] != nil }.count
    guard equal.keys.allSatisfy({ $0 == .id || parts.prefix(count).contains($0) }) else { return false }
    // After what is equal, the ids go by the next part.
    let next = count < parts.count ? parts[count] : .id
    return (Array(lower.keys) + Array(upper.keys)).allSatisfy { $0 == .id || $0 == next }
      && (sort == nil || sort == .id || sort == next)
  }

  private func path(_ index: RecordIndex, _ sort: Subject?) -> Path? {
    let fields = index.fields.map { Subject.field($0) }
    let values = fields.prefix { equal[$0] != nil }.compactMap { equal[$0] }
    guard fields.count - values.count <= 1 else { return nil }
    let open = values.count < fields.count ? index.fields.last.flatMap(schema.field) : nil
    let last = open.map { Subject.field($0.tag) } ?? .id
    let served = Set(fields.prefix(values.count))
    let others = equal.keys.filter { !served.contains($0) }
    let isServed =
      others.allSatisfy { $0 == .id && open == nil }
      && (Array(lower.keys) + Array(upper.keys)).allSatisfy { $0 == last } && (sort == nil || sort == last)
    return isServed ? Path(index: index, equal: values, open: open) : nil
  }

  private func notIndexed(_ sort: Subject?) -> RecordQueryError {
    let forms = schema.queryForms.map { $0.text(schema) }
    let conditions = Set(equal.keys).union(lower.keys).union(upper.keys)
    let name = conditions.count == 1 ? conditions.first : conditions.isEmpty ? sort : nil
    return RecordQueryError(
      code: .notIndexed, field: name.map(schema.name),
      reason:
        "no index serves these filters in this order; a \(schema.name) is found by: \(forms.joined(separator: "; ")). "
        + "[…] may be bounded with gt, gte, lt, lte, and is what the answer is sorted by")
  }

  // MARK: Ids

  /// The bounds of the ids. Those of a composed id's parts are bounds of its bytes.
  func idBounds(
    onParts: Bool
  ) throws(RecordQueryError) -> (lower: Bound<RecordID>?, upper: Bound<RecordID>?) {
    var range = IDRange(schema)
    if let bound = lower[.id], let id = schema.identity.id(from: bound.item) {
      range.raise(Bound(item: id, isInclusive: bound.isInclusive))
    }
    if let bound = upper[.id], let id = schema.identity.id(from: bound.item) {
      range.cap(Bound(item: id, isInclusive: bound.isInclusive))
    }
    if let value = equal[.id], let id = schema.identity.id(from: value) {
      range.raise(Bound(item: id, isInclusive: true))
      range.cap(Bound(item: id, isInclusive: true))
    }
    if onParts { try bound(&range) }
    return (range.lower, range.upper)
  }

  private func bound(_ range: inout IDRange) throws(RecordQueryError) {
    guard case .composed(let components) = schema.identity else { return }
    for (tag, component) in zip(schema.identityFields, components) {
      let subject = Subject.field(tag)
      func part(_ value: Value) throws(RecordQueryError) -> RecordID {
        guard let part = component.identity.id(from: value) else {
          throw RecordQueryError(
            code: .invalidValue, field: schema.name(of: subject),
            reason: "found something else, expected \(component.identity.expectation)")
        }
        return part
      }
      if let value = equal[subject] {
        range.descend(into: try part(value))
        continue
      }
      if let bound = lower[subject] { range.raise(part: try part(bound.item), isInclusive: bound.isInclusive) }
      if let bound = upper[subject] { range.cap(part: try part(bound.item), isInclusive: bound.isInclusive) }
      return
    }
  }
}
