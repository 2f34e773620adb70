import Base
import Causality
import Merge
import StoreModel
import Wire

/// Merging, of what a peer may make up and of what histories lead to.
enum MergeFuzz {
  /// States that were decoded, and so are well formed and nothing more: every question can be asked, the vector never
  /// falls, and taking the same in again changes nothing.
  static func decoded(_ bytes: [UInt8]) -> String? {
    guard let decoded = try? BatchContents.decode(bytes) else { return nil }
    let states = decoded.groups.compactMap { try? $0.get() }.flatMap(\.records).prefix(6)
    guard let first = states.first else { return nil }
    let key = (first.entity, first.id)
    // One record, whatever they were.
    let schema = Model.retail.entity(key.0) ?? Model.retail.entities[0]
    let same = states.map {
      RecordState(entity: key.0, id: key.1, vector: $0.vector, fields: $0.fields, deletions: $0.deletions)
    }
    for left in same {
      look(at: left, schema)
      for right in same {
        var merged = left
        let outcome = merged.merge(right)
        look(at: merged, schema)
        if outcome == .unchanged, merged != left { return "unchanged, and yet changed" }
        if outcome == .replaced, merged != right { return "replaced, and not by the other" }
        guard merged.vector == left.vector.joined(right.vector) else { return "the vector is not the join of both" }
        for side in [left, right] where merged.merge(side) != .unchanged {
          return "a side has news afterwards"
        }
        if let problem = carried(merged) { return problem }
      }
    }
    return nil
  }

  /// What was merged travels as it is.
  private static func carried(_ state: RecordState) -> String? {
    let stamp = Stamp(time: HybridTimestamp(rawValue: 1), replica: ReplicaID(node: .hq, incarnation: 1))
    let bytes = BatchContents.encode([CommitGroup(stamp: stamp, records: [state])])
    guard let decoded = try? BatchContents.decode(bytes) else { return "what was merged cannot be read" }
    switch decoded.groups.first {
    case .success(let group)?:
      return group.records == [state] ? nil : "what was merged is read as another state"
    // Two states within a limit may be beyond it together; the receiver parks that.
    case .failure?: return nil
    case nil: return "what was merged is not in its batch"
    }
  }

  private static func look(at state: RecordState, _ schema: EntitySchema) {
    for field in schema.fields { _ = state.shown(field, schema) }
    _ = (state.isDeleted(schema.deletion), state.owner(schema), state.onlyStamp, state.approximateByteCount)
    for concurrence in state.concurrences(schema) {
      for candidate in concurrence.candidates { _ = state.contents(writtenBy: candidate.stamp) }
    }
  }

  /// Three replicas write a record and hear of each other, as the bytes tell: then the laws of a join hold in full, and
  /// the replicas agree as soon as they have heard all.
  static func history(_ bytes: [UInt8]) -> String? {
    var choices = Choices(bytes)
    let id = RecordID([1])
    var states = [RecordState](repeating: RecordState(entity: EntityTag(1), id: id), count: 3)
    var clocks = [HybridClock](repeating: HybridClock(), count: 3)
    var steps = 0
    while !choices.isAtEnd, steps < 64 {
      steps += 1
      let place = choices.below(3)
      if choices.below(4) == 0 {
        let other = states[(place + 1 + choices.below(2)) % 3]
        states[place].merge(other)
      } else {
        let replica = ReplicaID(node: NodeNumber(UInt32(place)), incarnation: 1)
        let time = clocks[place].tick(wall: WallTime(milliseconds: Int64(choices.below(8))))
        let stamp = Stamp(time: time, replica: replica)
        if choices.below(8) == 0 {
          states[place].delete(stamp: stamp)
        } else {
          states[place].write([write(&choices)], stamp: stamp)
        }
      }
    }
    return lawBroken(by: states)
  }

  private static func write(_ choices: inout Choices) -> FieldWrite {
    let value = Value.integer(Int64(choices.below(3)))
    switch choices.below(5) {
    case 0: return FieldWrite(FieldTag(1), .set(choices.below(3) == 0 ? .null : value))
    case 1: return FieldWrite(FieldTag(2), .addElements([value]))
    case 2: return FieldWrite(FieldTag(2), .removeElements([value]))
    case 3: return FieldWrite(FieldTag(3), .add(Int64(choices.below(5)) - 2))
    default: return FieldWrite(FieldTag(4), .put(key: choices.below(2) == 0 ? "a" : "b", value))
    }
  }

  private static func lawBroken(by states: [RecordState]) -> String? {
    func join(_ left: RecordState, _ right: RecordState) -> RecordState {
      var result = left
      result.join(right)
      return result
    }
    for (index, left) in states.enumerated() {
      let right = states[(index + 1) % 3]
      let both = join(left, right)
      guard join(left, left) == left else { return "a join with itself changes it" }
      guard both == join(right, left) else { return "a join depends on the order of its sides" }
      for (side, other) in [(left, right), (right, left)] {
        var merged = side
        merged.merge(other)
        guard merged == both else { return "the short cuts of merge give another state than the join" }
      }
    }
    let (first, second, third) = (states[0], states[1], states[2])
    return join(join(first, second), third) == join(first, join(second, third))
      ? nil : "joins depend on how they are grouped"
  }
}
