package import RecordStore

extension StoreGate {
  /// Commits what a request asks for unless it has been committed before, together with other commits that wait, like a till's.
  /// Its effect and its answer are durable when `completion` runs; one that comes while the first is under way waits for it.
  ///
  /// - Parameters:
  ///   - request: nil for one whose sender does not ask again.
  ///   - body: reads and commits in one transaction, and gives the answer, and whether there was an effect.
  package func commitOnce(
    _ request: RequestIdentity?, count: Int = 1,
    planning body: @escaping @Sendable (Engine, Commit) throws(StoreError) -> (answer: RequestAnswer, tookEffect: Bool),
    completion: @escaping @Sendable (Result<RequestOutcome, StoreError>) -> Void
  ) {
    let clock = clock
    commit(count: count) { engine, commit throws(StoreError) in
      try engine.once(request, at: clock.now) { () throws(StoreError) in try body(engine, commit) }
    } completion: {
      completion($0)
    }
  }
}
