package import Base
import Causality
import Merge
import StoreModel

extension StoreTransaction {
  /// Settles a case. What is chosen is a write by this node that has seen all candidates: it ends the case here, and
  /// wherever it comes to.
  mutating func settle(_ number: Int64, _ choice: SettlementChoice, note: String?) throws(StoreError) -> SettleResult {
    guard let found = try backend.conflictCase(number: number) else { return .notFound }
    guard found.status != .closed else { return .unfit("it is closed already") }
    switch (found.subject.kind, choice) {
    case (.field, .take(let stamp)):
      guard let candidate = found.candidates.first(where: { $0.stamp == stamp }) else {
        return .unfit("none of its candidates was written at \(stamp)")
      }
      return try settleField(found, candidate.value, choice, note)
    case (.field, .value(let value)): return try settleField(found, value, choice, note)
    case (.field, _): return .unfit("expected one of its values, or another")
    case (.deletion, .keep), (.deletion, .delete): return try settleDeletion(found, choice, note)
    case (.deletion, _): return .unfit("expected delete or keep: one deleted the record, and another edited it")
    case (.immutable, .accept), (.unique, .accept):
      guard found.status != .accepted else { return .unfit("it is accepted already") }
      return try finish(found, choice, note, stamp: nil)
    case (.immutable, _):
      return .unfit(
        "a record of this kind is written once and not changed: accept it as it is shown, and write another record that "
          + "corrects it if need be")
    case (.unique, _):
      return .unfit("change the value in one of the records, which closes it, or accept that they share it")
    }
  }

  private mutating func settleField(
    _ found: ConflictCase, _ value: Value, _ choice: SettlementChoice, _ note: String?
  ) throws(StoreError) -> SettleResult {
    let parts = found.subject.detail.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let schema = model.entity(found.subject.entity), let name = parts.first,
      let field = schema.field(named: String(name))
    else { return .unfit("this version does not know the field") }
    let key = RecordKey(entity: found.subject.entity, id: found.subject.record)
    // Writing a deleted record anew would empty its other fields.
    if let state = try backend.find(key)?.state, state.isDeleted(schema.deletion) {
      return .unfit("the record is deleted; settle the case of its deletion first")
    }
    let edit: FieldEdit = parts.count == 2 ? .put(key: String(parts[1]), value) : .set(value)
    let write = RecordWrite(entity: key.entity, id: key.id, .write([FieldWrite(field.tag, edit)]))
    switch try commit(CommitDraft([write])) {
    case .committed(let stamp): return try finish(found, choice, note, stamp: stamp)
    case .unchanged: return .unfit("there is nothing to decide any more")
    case .refused(let error): return .refused(error)
    }
  }

  private mutating func settleDeletion(
    _ found: ConflictCase, _ choice: SettlementChoice, _ note: String?
  ) throws(StoreError) -> SettleResult {
    let key = RecordKey(entity: found.subject.entity, id: found.subject.record)
    guard let schema = model.entity(key.entity), let stored = try backend.find(key), var state = stored.state else {
      return .unfit("this node no longer holds the record")
    }
    let stamp = Stamp(time: node.clock.tick(wall: wall), replica: node.identity.replica)
    let planner = WritePlanner(schema: schema, author: node.identity.replica.node, stamp: stamp)
    do throws(ModelError) {
      try planner.checkWriters(of: state)
    } catch {
      return .refused(error)
    }
    if choice == .delete { state.delete(stamp: stamp) } else { state.write([], stamp: stamp) }
    try write([Change(stored: stored, state: state)], stamp: stamp, lane: schema.lane)
    return try finish(found, choice, note, stamp: stamp)
  }

  private func finish(
    _ found: ConflictCase, _ choice: SettlementChoice, _ note: String?, stamp: Stamp?
  ) throws(StoreError) -> SettleResult {
    if choice == .accept {
      var accepted = found
      accepted.status = .accepted
      accepted.changedAt = wall
      try backend.put(accepted)
    }
    let settlement = Settlement(caseNumber: found.number, choice: choice.word, note: note, at: wall, stamp: stamp)
    try backend.add(settlement)
    return .settled(try backend.conflictCase(number: found.number) ?? found, settlement)
  }
}

extension StoreEngine {
  /// Does with a conflict case what a person has chosen.
  package func settle(
    _ number: Int64, _ choice: SettlementChoice, note: String?, at wall: WallTime
  ) throws(StoreError) -> SettleResult {
    try write(at: wall) { transaction throws(StoreError) in try transaction.settle(number, choice, note: note) }
  }
}
