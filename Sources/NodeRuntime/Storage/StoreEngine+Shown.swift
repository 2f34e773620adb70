import Merge
import RecordStore
import StoreModel

extension StoreEngine {
  /// A record as its entity's own type; nil if it is not there, deleted, or lacks what the type needs.
  func shown<E: Entity>(_ entity: E.Type, _ id: RecordID) throws(StoreError) -> E? {
    try record(RecordKey(entity: E.tag, id: id)).flatMap { shown(entity, $0) }
  }

  func shown<E: Entity>(_ entity: E.Type, _ state: RecordState) -> E? {
    guard let schema = model.entity(E.tag), !state.isDeleted(schema.deletion) else { return nil }
    let source = FieldSource<E.Field>(schema) { tag in schema.field(tag).map { state.shown($0, schema) } }
    return try? E(id: state.id, reading: source)
  }
}
