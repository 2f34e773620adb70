package import Base
package import StoreModel

extension StoreEngine {
  /// What would become of drafts if they were committed now, as `commit(at:planning:)` would. Nothing is.
  package func check<Result>(
    at wall: WallTime, planning body: ((CommitDraft) throws(StoreError) -> CommitResult) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    var result: Result?
    try backend.transaction { () throws(StoreError) in
      // Writing and taking it back is the only check that can't differ from the real thing.
      _ = try backend.savepoint { () throws(StoreError) -> Void? in
        var transaction = StoreTransaction(
          backend: backend, model: model, node: try backend.loadNode(), wall: wall, rules: rules)
        result = try body { draft throws(StoreError) in try transaction.commit(draft) }
        return nil
      }
    }
    guard let result else { throw StoreError(.internalError, "a check that was not made") }
    return result
  }
}
