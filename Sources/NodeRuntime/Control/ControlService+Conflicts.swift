import Base
import Causality
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Wire

extension ControlService {
  /// Those that are open or were decided by a rule; with `all` also those that are closed or accepted; of one `entity`; or
  /// the one with the `number`.
  func conflicts(_ request: CBORValue, _ completion: @escaping Completion) {
    let isAll = request["all"]?.booleanValue ?? false
    let number = request["number"]?.integerValue
    let model = gate.model
    var entity: EntityTag?
    if let name = request["entity"]?.textValue {
      guard let schema = model.entity(named: name) else {
        return completion(.failure(Self.unknownEntity(name, model)))
      }
      entity = schema.tag
    }
    read(completion) { [entity] engine throws(StoreError) -> [CBORValue] in
      var cases: [ConflictCase] = []
      if let number {
        cases = try engine.backend.conflictCase(number: number).map { [$0] } ?? []
      } else {
        cases = try engine.conflictCases(includingClosed: isAll)
          .filter { (isAll || $0.status != .accepted) && (entity == nil || $0.subject.entity == entity) }
      }
      var values: [CBORValue] = []
      for conflict in cases { values.append(try Self.value(of: conflict, engine)) }
      return values
    } then: { values in
      if let number, values.isEmpty { return .failure(Self.noCase(number)) }
      return .success(.object(["schema": .integer(Self.schema), "conflicts": .array(values)]))
    }
  }

  static func unknownEntity(_ name: String, _ model: Model) -> ControlError {
    let known = model.entities.map(\.name).joined(separator: ", ")
    return ControlError(.usage, "found the entity “\(name)”, expected one of: \(known)")
  }

  private static func value(of conflict: ConflictCase, _ engine: StoreGate.Engine) throws(StoreError) -> CBORValue {
    let key = RecordKey(entity: conflict.subject.entity, id: conflict.subject.record)
    return value(
      of: conflict, fact: conflict.subject.kind == .immutable ? try engine.record(key) : nil,
      try engine.backend.settlements(of: conflict.number), engine.model)
  }

  /// - Parameter fact: the record of an `immutable` case, whose candidates differ in several fields together.
  static func value(
    of conflict: ConflictCase, fact: RecordState?, _ settlements: [Settlement], _ model: Model
  ) -> CBORValue {
    let schema = model.entity(conflict.subject.entity)
    func text(_ id: RecordID) -> CBORValue { .text(schema?.identity.text(of: id) ?? id.description) }
    let fieldName = conflict.subject.detail.split(separator: ".").first.map(String.init) ?? ""
    let field = schema?.field(named: fieldName)
    return .object([
      "number": .integer(conflict.number),
      "kind": .text(conflict.subject.kind.rawValue),
      "status": .text(conflict.status.rawValue),
      "entity": .text(schema?.name ?? "\(conflict.subject.entity)"),
      "records": .array(conflict.records.map(text)),
      "detail": .text(conflict.subject.detail),
      "rule": field.map { .text($0.rule.name) },
      "reason": .text(conflict.reason),
      "candidates": .array(
        conflict.candidates.map { candidate in
          .object([
            "value": fact.map { differences(of: $0, at: candidate.stamp, schema) } ?? candidate.value.shownValue(field),
            "node": .text("\(candidate.stamp.replica.node)"),
            "stamp": .text("\(candidate.stamp)"), "at": .text(RFC3339.format(candidate.stamp.time.wall)),
            "isShown": .boolean(candidate.isShown),
          ])
        }),
      "openedAt": .text(RFC3339.format(conflict.openedAt)),
      "changedAt": .text(RFC3339.format(conflict.changedAt)),
      "settlements": settlements.isEmpty
        ? nil
        : .array(
          settlements.map { settlement in
            .object([
              "choice": .text(settlement.choice), "at": .text(RFC3339.format(settlement.at)),
              "note": settlement.note.map(CBORValue.text), "stamp": settlement.stamp.map { .text("\($0)") },
            ])
          }),
    ])
  }

  /// The fields in which the writers of a fact differ, as one of them wrote them.
  private static func differences(of fact: RecordState, at stamp: Stamp, _ schema: EntitySchema?) -> CBORValue {
    var pairs: [CBORValue.Pair] = []
    for state in fact.fields {
      guard let field = schema?.field(state.tag), let siblings = state.content.siblings else { continue }
      // A writer that left the field out differs, too.
      var writers: Set<Stamp> = []
      fact.forEachStamp { writers.insert($0) }
      guard siblings.count < writers.count || siblings.contains(where: { $0.value != siblings[0].value }) else {
        continue
      }
      let value = siblings.first { $0.stamp == stamp }?.value ?? .null
      pairs.append(CBORValue.Pair(.text(field.name), value.shownValue(field)))
    }
    return .map(pairs)
  }

  /// Every value that a record holds, who wrote it when, which one is shown and why.
  func explain(_ request: CBORValue, _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    let model = gate.model
    guard let name = request["entity"]?.textValue, let schema = model.entity(named: name) else {
      return completion(.failure(Self.unknownEntity(request["entity"]?.textValue ?? "", model)))
    }
    let id: RecordID
    do throws(IdentityError) {
      id = try schema.identity.parse(request["id"]?.textValue ?? "")
    } catch {
      return completion(.failure(ControlError(.usage, "\(error)")))
    }
    let onlyField = request["field"]?.textValue
    if let onlyField, schema.field(named: onlyField) == nil {
      let known = schema.fields.map(\.name).joined(separator: ", ")
      return completion(.failure(ControlError(.usage, "found the field “\(onlyField)”, expected one of: \(known)")))
    }
    read(completion) { engine throws(StoreError) -> (state: RecordState?, isPurged: Bool, cases: [CBORValue]) in
      let key = RecordKey(entity: schema.tag, id: id)
      let state = try engine.record(key)
      var cases: [CBORValue] = []
      for conflict in try engine.conflictCases(includingClosed: true)
      where conflict.subject.entity == schema.tag && conflict.records.contains(id) {
        cases.append(try Self.value(of: conflict, engine))
      }
      let isPurged = state == nil ? try engine.purged(key) != nil : false
      return (state: state, isPurged: isPurged, cases: cases)
    } then: { found in
      guard let state = found.state else {
        let what = "this node holds no \(name) with the id \(schema.identity.text(of: id))"
        return .failure(
          ControlError(.notFound, found.isPurged ? "\(what): it was purged here; ask at HQ, which keeps it" : what))
      }
      return .success(Explanation(state: state, schema: schema, cases: found.cases).value(onlyField: onlyField))
    }
  }
}

/// A record with its evidence, for people.
private struct Explanation {
  let state: RecordState
  let schema: EntitySchema
  let cases: [CBORValue]

  func value(onlyField: String?) -> CBORValue {
    let fields = schema.fields.filter { onlyField == nil || $0.name == onlyField }
    return .object([
      "schema": .integer(ControlService.schema),
      "entity": .text(schema.name),
      "id": .text(schema.identity.text(of: state.id)),
      "isDeleted": .boolean(state.isDeleted(schema.deletion)),
      "seen": .array(
        state.vector.entries.map { .object(["replica": .text("\($0.replica)"), "through": .text("\($0.time)")]) }),
      "deletions": .array(state.deletions.map { .object(["stamp": .text("\($0.stamp)")]) }),
      "fields": .array(fields.compactMap(value(of:))),
      "cases": .array(
        cases.filter { item in
          guard let onlyField, item["kind"]?.textValue == ConflictCase.Subject.Kind.field.rawValue else { return true }
          return item["detail"]?.textValue?.split(separator: ".").first.map(String.init) == onlyField
        }),
    ])
  }

  private func value(of field: FieldSchema) -> CBORValue? {
    guard let content = state.content(of: field.tag) else { return nil }
    let shown = state.shown(field, schema)
    var candidates: [CBORValue] = []
    var reason = "the only value"
    switch content {
    case .register(let siblings):
      let isFact = schema.mutability == .immutable
      let decision = field.rule.choose(among: siblings, owner: state.owner(schema))
      reason = isFact && siblings.count > 1 ? "the first write; a record of this kind is written once" : decision.reason
      let first = state.firstStamp
      candidates = siblings.enumerated().map { index, sibling in
        candidate(
          sibling.value.shownValue(field), sibling.stamp,
          isShown: isFact ? sibling.stamp == first : index == decision.shownIndex)
      }
    case .set(let elements):
      reason = "what was added and not removed by one who had seen it"
      candidates = elements.flatMap { element in
        element.stamps.map { candidate(element.value.shownValue(field), $0, isShown: true) }
      }
    case .counter(let shares):
      reason = "the sum of what each replica has added"
      candidates = shares.map { candidate(.integer($0.sum), $0.stamp, isShown: true) }
    case .map(let entries):
      reason = "the latest write, key by key"
      candidates = entries.flatMap { entry in
        entry.siblings.enumerated().map { index, sibling in
          candidate(
            .object(["key": .text(entry.key), "value": sibling.value.shownValue(field)]), sibling.stamp,
            isShown: index == entry.siblings.count - 1)
        }
      }
    }
    return .object([
      "name": .text(field.name), "rule": .text(field.rule.name), "shown": shown.shownValue(field),
      "reason": .text(reason), "candidates": .array(candidates),
    ])
  }

  private func candidate(_ value: CBORValue, _ stamp: Stamp, isShown: Bool) -> CBORValue {
    .object([
      "value": value, "node": .text("\(stamp.replica.node)"), "stamp": .text("\(stamp)"),
      "at": .text(RFC3339.format(stamp.time.wall)), "isShown": .boolean(isShown),
    ])
  }
}

extension Value {
  /// The value as a person reads it: ids and times as text.
  func shownValue(_ field: FieldSchema?) -> CBORValue {
    switch (field?.type, self) {
    case (.boolean, .integer(let bit)): return .boolean(bit != 0)
    case (.timestamp, .integer(let milliseconds)): return .text(RFC3339.format(WallTime(milliseconds: milliseconds)))
    case (let type?, let value):
      if let identity = type.identity, let id = identity.id(from: value) { return .text(identity.text(of: id)) }
      return value.controlValue
    default: return controlValue
    }
  }
}

extension FieldContent {
  fileprivate func shownValue(_ field: FieldSchema) -> CBORValue {
    switch self {
    case .value(let value): value.shownValue(field)
    case .set(let values): .array(values.map { $0.shownValue(field) })
    case .counter(let sum): .integer(sum)
    case .customFields(let fields): .map(fields.map { CBORValue.Pair(.text($0.key), $0.value.controlValue) })
    }
  }
}
