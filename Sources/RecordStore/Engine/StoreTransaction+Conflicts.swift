import Merge
import StoreModel

extension StoreTransaction {
  /// Opens, changes and closes the cases that a record's change calls for.
  mutating func updateConflictCases(_ change: Change, _ schema: EntitySchema) throws(StoreError) {
    let old = change.stored?.state
    // A record written once has no concurrences, and most records stay that way.
    if change.state.onlyStamp == nil || (old.map { $0.onlyStamp == nil } ?? false) {
      // Nothing about a record was concurrent that had one value a field: then it has no case.
      let hadNone = schema.mutability == .mutable && old?.isPlain ?? false
      let existing = hadNone ? [] : try backend.conflictCases(of: change.state.key)
      try updateCases(of: change.state, schema, existing: existing)
    }
    for key in schema.unique {
      let before = old.flatMap { uniqueValues(of: $0, key, schema) }
      let after = uniqueValues(of: change.state, key, schema)
      guard before != after else { continue }
      if let before { try updateClash(key, before, schema) }
      if let after { try updateClash(key, after, schema) }
    }
  }

  private mutating func updateCases(
    of state: RecordState, _ schema: EntitySchema, existing: [ConflictCase]
  ) throws(StoreError) {
    var existing = existing
    for concurrence in state.concurrences(schema) {
      let subject = concurrence.subject(of: state, schema)
      let known = existing.firstIndex { $0.subject == subject }.map { existing.remove(at: $0) }
      try put(
        subject, known, status: concurrence.needsPerson ? .open : .decided, records: [state.id],
        candidates: concurrence.candidates, reason: concurrence.reason)
    }
    for ended in existing { try close(ended) }
  }

  /// The values that a record shows for a unique key; nil if it is deleted or one of them is missing.
  private func uniqueValues(
    of state: RecordState, _ key: UniqueKey<FieldTag>, _ schema: EntitySchema
  ) -> [Value]? {
    guard !state.isDeleted(schema.deletion) else { return nil }
    var values: [Value] = []
    for tag in key.fields {
      guard let field = schema.field(tag), case .value(let value) = state.shown(field, schema), !value.isNull
      else { return nil }
      values.append(value)
    }
    return values
  }

  mutating func updateClash(
    _ key: UniqueKey<FieldTag>, _ values: [Value], _ schema: EntitySchema
  ) throws(StoreError) {
    let shown = zip(key.fields, values).map { (field: $0, value: $1) }
    let holders = try backend.records(
      of: schema.tag, showing: shown, limit: StoreLimits.clashRecordCount)
    let subject = ConflictCase.Subject(
      kind: .unique, entity: schema.tag, record: RecordID([]),
      detail: "\(key.name)=" + Self.detail(values))
    if holders.count > 1 {
      try put(
        subject, nil, status: .open, records: holders, candidates: [],
        reason: "\(key.name) should be unique; these records share it")
    } else if let known = try backend.conflictCase(subject), known.status != .closed {
      try close(known)
    }
  }

  /// Values of several fields are told apart as the parts of a composed id are, so that two clashes are two cases.
  private static func detail(_ values: [Value]) -> String {
    guard values.count > 1 else { return values.map(\.plainText).joined() }
    return values.map { value in
      value.plainText.map { $0 == "%" ? "%25" : $0 == "/" ? "%2F" : String($0) }.joined()
    }.joined(separator: "/")
  }

  private mutating func put(
    _ subject: ConflictCase.Subject, _ known: ConflictCase?, status: ConflictCase.Status, records: [RecordID],
    candidates: [Concurrence.Candidate], reason: String
  ) throws(StoreError) {
    let previous: ConflictCase?
    if let known { previous = known } else { previous = try backend.conflictCase(subject) }
    var next =
      previous
      ?? ConflictCase(
        number: 0, subject: subject, status: status, records: records, candidates: candidates, reason: reason,
        openedAt: wall, changedAt: wall)
    if next.status == .closed { next.openedAt = wall }
    // What a person has accepted stays so, unless more has come to it.
    if next.status == .accepted, status == .open, next.records == records, next.candidates == candidates { return }
    next.status = status
    next.records = records
    next.candidates = candidates
    next.reason = reason
    guard next != previous else { return }
    next.changedAt = wall
    try backend.put(next)
    if previous?.status != status {
      tally.openedCases[WorkTally.Opening(kind: subject.kind, status: status), default: 0] += 1
    }
  }

  private func close(_ known: ConflictCase) throws(StoreError) {
    var closed = known
    closed.status = .closed
    closed.changedAt = wall
    try backend.put(closed)
  }
}

extension Concurrence {
  fileprivate func subject(of state: RecordState, _ schema: EntitySchema) -> ConflictCase.Subject {
    let name = field.flatMap(schema.field)?.name ?? ""
    let kind: ConflictCase.Subject.Kind =
      switch self.kind {
      case .field: .field
      case .immutable: .immutable
      case .deletion: .deletion
      }
    return ConflictCase.Subject(
      kind: kind, entity: state.entity, record: state.id, detail: key.map { "\(name).\($0)" } ?? name)
  }
}

extension Value {
  /// The value as a person reads it in a message.
  package var plainText: String {
    switch self {
    case .null: "nothing"
    case .integer(let number): String(number)
    case .text(let text): text
    case .bytes(let bytes): RecordID(bytes).description
    }
  }
}
