import Base
import Causality
import Merge
import StoreModel

/// Short names for tables: node 0 is HQ.
func stamp(_ time: UInt64, _ node: UInt32, incarnation: UInt32 = 1) -> Stamp {
  Stamp(
    time: HybridTimestamp(rawValue: time), replica: ReplicaID(node: NodeNumber(node), incarnation: incarnation))
}

func write(_ field: Thing.Field, _ edit: FieldEdit) -> FieldWrite { FieldWrite(FieldTag(field.rawValue), edit) }
func write(_ field: Fact.Field, _ edit: FieldEdit) -> FieldWrite { FieldWrite(FieldTag(field.rawValue), edit) }

extension RecordState {
  static func thing() -> RecordState { RecordState(entity: Thing.tag, id: RecordID(key: "one")) }
  static func fact() -> RecordState { RecordState(entity: Fact.tag, id: RecordID(key: "one")) }

  /// This state after one more commit.
  func writing(_ stamp: Stamp, _ writes: FieldWrite...) -> RecordState {
    var copy = self
    copy.write(writes, stamp: stamp)
    return copy
  }

  func writingBeside(_ stamp: Stamp, _ writes: FieldWrite...) -> RecordState {
    var copy = self
    copy.writeBeside(writes, stamp: stamp)
    return copy
  }

  func deleting(_ stamp: Stamp) -> RecordState {
    var copy = self
    copy.delete(stamp: stamp)
    return copy
  }

  func merging(_ others: RecordState...) -> RecordState {
    var copy = self
    for other in others { copy.merge(other) }
    return copy
  }

  func shows(_ field: Thing.Field, _ schema: EntitySchema = Thing.schema()) -> FieldContent? {
    schema.field(FieldTag(field.rawValue)).map { shown($0, schema) }
  }

  func shows(_ field: Fact.Field) -> FieldContent? {
    let schema = Fact.schema()
    return schema.field(FieldTag(field.rawValue)).map { shown($0, schema) }
  }
}

/// A `Concurrence` that a test can write down.
struct Case: Hashable {
  var kind: Concurrence.Kind
  var field: FieldTag?
  var key: String?
  var candidates: [Concurrence.Candidate]
  var reason: String
  var needsPerson: Bool
}

extension RecordState {
  func cases(_ schema: EntitySchema) -> [Case] {
    concurrences(schema).map {
      Case(
        kind: $0.kind, field: $0.field, key: $0.key, candidates: $0.candidates, reason: $0.reason,
        needsPerson: $0.needsPerson)
    }
  }
}
