package import Base
package import Merge
import StoreModel

extension StoreEngine {
  /// Does what a request asks for, unless it has been done: within the transaction that commits it, so that effect and
  /// answer are durable together, and two of one key can't both take effect.
  ///
  /// - Parameters:
  ///   - request: nil for one whose sender does not ask again.
  ///   - body: commits, and gives the answer. One that changed nothing need not be remembered: it would be answered anew.
  package func once(
    _ request: RequestIdentity?, at wall: WallTime,
    _ body: () throws(StoreError) -> (answer: RequestAnswer, tookEffect: Bool)
  ) throws(StoreError) -> RequestOutcome {
    guard let request else { return .answered(try body().answer) }
    let times =
      wall.advanced(
        byMilliseconds: -Self.requestMilliseconds)...wall.advanced(
        byMilliseconds: Self.requestMilliseconds)
    if let known = try backend.answeredRequest(scope: request.scope, key: request.key) {
      return known.request.digest == request.digest ? .repeated(known.answer) : .keyReused
    }
    let (answer, tookEffect) = try body()
    guard tookEffect else { return .answered(answer) }
    guard answer.body.count <= StoreLimits.requestAnswerBytes else {
      throw StoreError(
        .internalError,
        "an answer of \(answer.body.count) bytes, expected at most \(StoreLimits.requestAnswerBytes) to keep")
    }
    // A clock that was wrong for a while leaves times that lie ahead: those go as well.
    try backend.dropAnsweredRequests(
      keptOutside: times, beyond: StoreLimits.requestCount, limit: StoreLimits.requestDropCount)
    try backend.keep(AnsweredRequest(request: request, answer: answer, at: wall))
    return .answered(answer)
  }

  private static var requestMilliseconds: Int64 { StoreLimits.requestDays * 86_400_000 }

  // MARK: Reading

  /// The page of a query, read at one moment.
  package func page(_ plan: RecordQueryPlan) throws(StoreError) -> RecordPage {
    // One more tells whether another page follows.
    var records = try backend.records(plan, limit: plan.limit + 1)
    guard records.count > plan.limit else { return RecordPage(records: records, next: nil) }
    records.removeLast()
    return RecordPage(records: records, next: records.last.flatMap { plan.position(of: $0) })
  }

  package func balances(_ name: String, _ query: BalanceQuery) throws(StoreError) -> [Balance] {
    try backend.balances(name, query)
  }

  package func look(for key: RecordKey) throws(StoreError) -> RecordPresence {
    guard let stored = try backend.find(key) else { return .unknown }
    guard let state = stored.state else { return .elsewhere }
    let isDeleted = model.entity(key.entity).map { state.isDeleted($0.deletion) } ?? false
    return isDeleted ? .deleted : .here(state)
  }
}

/// Whether a node can show a record.
package enum RecordPresence: Hashable, Sendable {
  case here(RecordState)
  case deleted
  /// It has become another store's, or was purged; HQ has it.
  case elsewhere
  case unknown
}
