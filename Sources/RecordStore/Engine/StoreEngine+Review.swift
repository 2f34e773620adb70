package import Base
package import Merge
import StoreModel

extension StoreEngine {
  /// Opens the conflict cases that the present model calls for in what an older one has stored: of a field that it did not know
  /// it could not tell that its values are at odds. Goes through some records at a time, so that nobody waits for it.
  /// - Parameter last: where the call before has ended; nil to begin.
  /// - Returns: where to go on; nil if all have been looked at.
  package func reviewConflictCases(after last: RecordKey?, at wall: WallTime) throws(StoreError) -> RecordKey? {
    try write(at: wall) { transaction throws(StoreError) in
      let schemas = model.entities.filter { $0.tag >= last?.entity ?? EntityTag(0) }.sorted { $0.tag < $1.tag }
      for schema in schemas {
        let id = last.flatMap { $0.entity == schema.tag ? $0.id : nil }
        let states = try backend.records(of: schema.tag, after: id, limit: StoreLimits.reviewedRecordCount)
        for state in states {
          try transaction.updateConflictCases(
            StoreTransaction<Backend>.Change(stored: nil, state: state), schema)
        }
        if let state = states.last { return state.key }
      }
      return nil
    }
  }
}
