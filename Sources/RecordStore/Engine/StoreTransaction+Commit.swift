import Causality
import Merge
import StoreModel

extension StoreTransaction {
  /// Commits a draft: first all that can be refused is checked, then everything is written.
  mutating func commit(_ draft: CommitDraft) throws(StoreError) -> CommitResult {
    let stamp = Stamp(time: node.clock.tick(wall: wall), replica: node.identity.replica)
    if try commitFacts(draft, stamp: stamp) { return .committed(stamp) }
    var changes: [Change] = []
    var facts = FactList()
    var lane = Lane.bulk
    let ascends = draft.ascends
    for step in ascends ? [] : draft.coalesced {
      if !step.startsAnew, let fact = try fact(step.write, after: facts) {
        facts.append(fact)
        continue
      }
      if let refused = try plan(step, stamp, &changes, &lane) { return .refused(refused) }
    }
    for index in ascends ? draft.writes.indices : 0..<0 {
      if let fact = try fact(draft.writes[index], after: nil) {
        facts.append(fact)
      } else if let refused = try plan(CoalescedWrite(write: draft.writes[index]), stamp, &changes, &lane) {
        return .refused(refused)
      }
    }
    if let problem = sizeProblem(of: changes, facts) { return .refused(problem) }
    guard !changes.isEmpty || !facts.facts.isEmpty else { return .unchanged }
    try self.write(changes, facts, stamp: stamp, lane: min(lane, facts.lane))
    return .committed(stamp)
  }

  /// The general way of a write: onto what is there.
  /// - Returns: why it is refused; nil if it is among the changes now, or changes nothing.
  private func plan(
    _ step: CoalescedWrite, _ stamp: Stamp, _ changes: inout [Change], _ lane: inout Lane
  ) throws(StoreError) -> ModelError? {
    let write = step.write
    guard let schema = model.entity(write.entity) else {
      return ModelError(.unknownEntity, entity: "\(write.entity)", "this version knows no such entity")
    }
    let key = RecordKey(entity: write.entity, id: write.id)
    let stored = try backend.find(key)
    if case .write = write.action, try isErased(key, stored) { return .erased(schema, node.identity) }
    let planner = WritePlanner(schema: schema, author: node.identity.replica.node, stamp: stamp)
    do {
      guard let state = try planner.plan(step, on: stored) else { return nil }
      changes.append(Change(stored: stored, state: state))
      lane = min(lane, schema.lane)
      return nil
    } catch {
      return error
    }
  }

  private func sizeProblem(of changes: [Change], _ list: FactList) -> ModelError? {
    func tooLarge(_ found: String, _ limit: Int) -> ModelError {
      let name =
        changes.first.flatMap { model.entity($0.state.entity)?.name } ?? list.facts.first?.rules.schema.name ?? ""
      return ModelError(.tooLarge, entity: name, "found \(found), expected at most \(limit); split the commit")
    }
    let count = changes.count + list.facts.count
    if count > ModelLimits.groupRecordCount {
      return tooLarge("\(count) records in one commit", ModelLimits.groupRecordCount)
    }
    let bytes = Self.byteCount(of: changes) + list.byteCount
    return bytes > ModelLimits.groupBytes ? tooLarge("\(bytes) bytes in one commit", ModelLimits.groupBytes) : nil
  }
}

extension ModelError {
  fileprivate static func erased(_ schema: EntitySchema, _ identity: NodeIdentity) -> ModelError {
    ModelError(
      .erased, entity: schema.name,
      identity.isHQ
        ? "the record was erased at a person's request; use another id, or `syncctl erase lift` if this is not that person"
        : "HQ has erased the record at a person's request; use another id, or ask HQ")
  }
}

extension CommitDraft {
  /// The writes with those of one record put together, in the order of each record's first.
  fileprivate var coalesced: [CoalescedWrite] {
    var result: [CoalescedWrite] = []
    var places: [RecordKey: Int] = [:]
    for write in writes {
      let key = RecordKey(entity: write.entity, id: write.id)
      guard let place = places[key] else {
        places[key] = result.count
        result.append(CoalescedWrite(write: write))
        continue
      }
      switch (result[place].write.action, write.action) {
      case (.write(let earlier), .write(let later)):
        result[place].write.action = .write(earlier + later)
      case (.delete, .write):
        result[place] = CoalescedWrite(write: write, startsAnew: true)
      case (_, .delete):
        result[place].write.action = .delete
      }
    }
    return result
  }
}

extension CommitDraft {
  /// Whether the writes plainly are of one record each: a document's records mostly come in order.
  fileprivate var ascends: Bool {
    for index in writes.indices.dropFirst() {
      let (last, next) = (writes[index - 1].entity.rawValue, writes[index].entity.rawValue)
      let isBeyond = last < next || last == next && writes[index - 1].id < writes[index].id
      guard isBeyond else { return false }
    }
    return true
  }
}

/// All that a draft does to one record.
struct CoalescedWrite {
  var write: RecordWrite
  /// The draft deletes the record before it writes it.
  var startsAnew = false
}

/// Turns one write into the record's next state, or says why it may not be.
struct WritePlanner {
  var schema: EntitySchema
  var author: NodeNumber
  var stamp: Stamp

  /// Nil if nothing would change.
  func plan(_ step: CoalescedWrite, on stored: StoredRecord?) throws(ModelError) -> RecordState? {
    let write = step.write
    guard schema.identity.isValid(write.id), write.id.bytes.count <= ModelLimits.recordIDBytes else {
      throw ModelError(.invalidID, entity: schema.name, "the id is not \(schema.identity.expectation)")
    }
    if case .stub = stored?.body {
      throw ModelError(
        .notAllowed, entity: schema.name,
        "this node no longer holds the record: it has become another store's, or was purged here; change it at HQ")
    }
    let state: RecordState?
    switch write.action {
    case .delete: state = try planDeletion(of: stored?.state)
    case .write(let fields):
      for field in fields { try check(field) }
      if let existing = stored?.state, !existing.isDeleted(schema.deletion) {
        if step.startsAnew {
          _ = try planDeletion(of: existing)
          state = try planCreation(write.id, over: existing, fields)
        } else {
          state = try planChange(of: existing, fields)
        }
      } else {
        state = try planCreation(write.id, over: stored?.state, fields)
      }
      if let state { try checkCounts(of: state, fields) }
    }
    if let state, state.approximateByteCount > ModelLimits.recordBytes {
      throw ModelError(
        .tooLarge, entity: schema.name,
        "found a record of \(state.approximateByteCount) bytes, expected at most \(ModelLimits.recordBytes)")
    }
    return state
  }

  private func planDeletion(of existing: RecordState?) throws(ModelError) -> RecordState? {
    guard var state = existing, !state.isDeleted(schema.deletion) else { return nil }
    guard schema.mutability == .mutable else {
      throw ModelError(.immutable, entity: schema.name, "a fact is not deleted; write one that corrects it")
    }
    try checkWriters(of: state)
    state.delete(stamp: stamp)
    return state
  }

  /// Taking a record away takes its fields away, and bringing it back brings them.
  func checkWriters(of state: RecordState) throws(ModelError) {
    for field in schema.fields where state.content(of: field.tag) != nil {
      try checkWriter(of: field, owner: state.owner(schema))
    }
  }

  private func planCreation(
    _ id: RecordID, over deleted: RecordState?, _ fields: [FieldWrite]
  ) throws(ModelError) -> RecordState {
    var state = deleted ?? RecordState(entity: schema.tag, id: id)
    // Nothing of what was deleted comes back by itself.
    state.write(state.clearing(schema) + fields, stamp: stamp)
    let owner = state.owner(schema)
    for field in schema.fields {
      let isMissing = state.shown(field, schema) == .null
      if isMissing, field.isRequired {
        throw ModelError(.missingField, entity: schema.name, field: field.name, "expected a value, found none")
      }
      // Writing a deleted record anew empties what it held, so that is writing, too.
      let isEmptied = deleted?.content(of: field.tag) != nil
      if isEmptied || !isMissing && fields.contains(where: { $0.field == field.tag }) {
        try checkWriter(of: field, owner: isEmptied ? deleted?.owner(schema) : owner)
      }
    }
    return state
  }

  private func planChange(of existing: RecordState, _ fields: [FieldWrite]) throws(ModelError) -> RecordState? {
    var state = existing
    if schema.mutability == .immutable { return try planOtherContents(of: existing, fields) }
    let effective = fields.filter { existing.isChanged(by: $0, schema) }
    guard !effective.isEmpty else { return nil }
    let owner = existing.owner(schema)
    for write in effective {
      guard let field = schema.field(write.field) else { continue }
      try checkWriter(of: field, owner: owner)
      if field.isRequired, write.edit == .set(.null) {
        throw ModelError(.missingField, entity: schema.name, field: field.name, "expected a value, found none")
      }
    }
    state.write(effective, stamp: stamp)
    return state
  }

  /// Other contents of a fact are a whole fact of their own, checked like the first; one that is there is not repeated.
  private func planOtherContents(
    of existing: RecordState, _ fields: [FieldWrite]
  ) throws(ModelError) -> RecordState? {
    let values = fields.reduce(into: [FieldTag: FieldWrite]()) { $0[$1.field] = $1 }.values
      .filter { $0.edit != .set(.null) }.sorted { $0.field < $1.field }
    var stamps: Set<Stamp> = []
    existing.forEachStamp { stamps.insert($0) }
    let isThere = stamps.contains { stamp in
      // Fields that this version does not know are nothing that it could have written.
      existing.contents(writtenBy: stamp).filter { schema.field($0.field) != nil } == values
    }
    guard !isThere else { return nil }
    _ = try planCreation(existing.id, over: nil, values)
    var state = existing
    state.writeBeside(values, stamp: stamp)
    return state
  }

  /// What was there already may be more: replicas that did not know of each other each wrote within the limit.
  private func checkCounts(of state: RecordState, _ fields: [FieldWrite]) throws(ModelError) {
    for field in schema.fields where fields.contains(where: { $0.field == field.tag && $0.edit.adds }) {
      let found: Int
      switch state.content(of: field.tag) {
      case .set(let elements): found = elements.count
      case .map(let entries): found = entries.count { $0.siblings.contains { !$0.value.isNull } }
      case .register, .counter, nil: continue
      }
      guard found > ModelLimits.collectionCount else { continue }
      throw ModelError(
        .tooLarge, entity: schema.name, field: field.name,
        "found \(found) elements, expected at most \(ModelLimits.collectionCount)")
    }
  }

  private func checkWriter(of field: FieldSchema, owner: NodeNumber?) throws(ModelError) {
    let isAllowed =
      switch field.writers {
      case .anyone: true
      case .hq: author == .hq
      case .owner: author == .hq || author == owner
      }
    guard !isAllowed else { return }
    let who = field.writers == .hq ? "HQ" : "the owning store or HQ"
    throw ModelError(
      .notAllowed, entity: schema.name, field: field.name, "only \(who) may write this field, not store \(author)")
  }

  private func check(_ write: FieldWrite) throws(ModelError) {
    guard let field = schema.field(write.field) else {
      throw ModelError(.unknownField, entity: schema.name, field: "\(write.field)", "this version knows no such field")
    }
    func reject(_ reason: String) -> ModelError {
      ModelError(.invalidValue, entity: schema.name, field: field.name, reason)
    }
    switch (write.edit, field.rule) {
    case (.addElements(let values), .set), (.removeElements(let values), .set),
      (.replaceElements(let values), .set):
      guard values.count <= ModelLimits.collectionCount else {
        throw reject("found \(values.count) elements, expected at most \(ModelLimits.collectionCount)")
      }
      for value in values {
        if value.isNull { throw reject("an element may not be null") }
        if let problem = field.problem(with: value, isLocal: true) { throw reject(problem) }
      }
    case (.add, .counter):
      break
    case (.put(let key, let value), .customFields):
      guard (1...ModelLimits.keyBytes).contains(key.utf8.count) else {
        throw reject("found a key of \(key.utf8.count) bytes, expected 1 to \(ModelLimits.keyBytes)")
      }
      guard value.byteCount <= ModelLimits.textBytes else {
        throw reject("found a value of \(value.byteCount) bytes, expected at most \(ModelLimits.textBytes)")
      }
    case (.set, .set), (.set, .counter), (.set, .customFields):
      throw reject("a \(field.rule.name) field is not set as a whole")
    case (.set(let value), _):
      if let problem = field.problem(with: value, isLocal: true) { throw reject(problem) }
    default:
      throw reject("this kind of edit does not fit a \(field.rule.name) field")
    }
  }
}

extension FieldEdit {
  /// Whether it can make a collection larger.
  fileprivate var adds: Bool {
    switch self {
    case .addElements, .replaceElements: true
    case .put(_, let value): !value.isNull
    case .set, .removeElements, .add: false
    }
  }
}

extension RecordState {
  /// Whether an edit would change what the record shows, or settle what is concurrent.
  fileprivate func isChanged(by write: FieldWrite, _ schema: EntitySchema) -> Bool {
    let content = content(of: write.field)
    switch write.edit {
    case .set(let value):
      guard let siblings = content?.siblings else { return !value.isNull }
      return siblings.count > 1 || siblings[0].value != value
    case .addElements(let values):
      return values.contains { value in !(content?.elements ?? []).contains { $0.value == value } }
    case .removeElements(let values):
      return values.contains { value in (content?.elements ?? []).contains { $0.value == value } }
    case .replaceElements(let values):
      return Set(values) != Set((content?.elements ?? []).map(\.value))
    case .add(let difference):
      return difference != 0
    case .put(let key, let value):
      let entry = content?.entries?.first { OrderedText($0.key) == OrderedText(key) }
      guard let siblings = entry?.siblings else { return !value.isNull }
      return siblings.count > 1 || siblings[0].value != value
    }
  }

  /// The edits that empty the record, so that writing it anew starts from nothing.
  fileprivate func clearing(_ schema: EntitySchema) -> [FieldWrite] {
    fields.flatMap { field -> [FieldWrite] in
      switch field.content {
      case .register: [FieldWrite(field.tag, .set(.null))]
      case .set(let elements): [FieldWrite(field.tag, .removeElements(elements.map(\.value)))]
      case .counter(let shares):
        [FieldWrite(field.tag, .add(0 &- shares.reduce(0) { $0.addingSaturating($1.sum) }))]
      case .map(let entries): entries.map { FieldWrite(field.tag, .put(key: $0.key, .null)) }
      }
    }
  }
}

extension ConflictRule {
  package var name: String {
    switch self {
    case .latest: "latest"
    case .authority(.hq): "authority(hq)"
    case .authority(.owner): "authority(owner)"
    case .manual: "manual"
    case .progress: "progress"
    case .first: "first"
    case .maximum: "maximum"
    case .minimum: "minimum"
    case .set: "set"
    case .counter: "counter"
    case .customFields: "customFields"
    }
  }
}
