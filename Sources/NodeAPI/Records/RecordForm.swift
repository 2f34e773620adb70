import Interchange
import JSON
import Merge
import RecordStore
import StoreModel

/// How an entity's records stand in JSON: as `syncctl` exports and imports them, money in minor units, with counters.
struct RecordForm: Sendable {
  let entity: EntitySchema
  private let exporter: RecordExporter

  init(_ entity: EntitySchema) {
    self.entity = entity
    exporter = RecordExporter(entity, .jsonl, form: ValueForm(), withCounters: true)
  }

  /// Writes the JSON of a record.
  func append(_ state: RecordState, to bytes: inout [UInt8]) throws(StoreError) {
    do throws(MappingError) {
      try exporter.append(state.id, state.allShown(entity), to: &bytes)
    } catch {
      throw StoreError(.internalError, "a \(entity.name) that cannot be written as JSON: \(error)")
    }
  }

  /// The JSON text of one plain value.
  func text(of value: Value, _ field: FieldSchema) throws(StoreError) -> String {
    do throws(MappingError) {
      return try exporter.json(value, of: field)
    } catch {
      throw StoreError(.internalError, "a value that cannot be written as JSON: \(error)")
    }
  }

  /// A value as a question names it.
  func value(_ text: String, of field: FieldSchema) throws(MappingError) -> Value {
    try RecordMapper(entity).value(ofText: text, of: field)
  }
}

extension Problem {
  /// - Parameter path: where in the body the object stands, with a point behind it; empty for all of the body.
  init(_ error: MappingError, at path: String = "") {
    let code: ProblemCode =
      switch error.code {
      case .invalid: .invalidValue
      case .missing: .missingField
      case .unknown: .unknownField
      }
    self.init(code, path + error.description, at: error.field.map { [Place(path + $0, error.reason)] } ?? [])
  }
}
