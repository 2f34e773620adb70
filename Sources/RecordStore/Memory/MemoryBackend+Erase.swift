package import Causality
package import Merge

extension MemoryBackend {
  package func removeConflictCase(_ number: Int64) {
    write(\.settlements, storage.settlements.filter { $0.caseNumber != number })
    if let found = conflictCase(number: number) { write(\.cases[found.subject], nil) }
  }

  package func rewriteParked(_ group: ParkedGroup) {
    write(\.parked, storage.parked.map { $0.number == group.number ? group : $0 })
  }

  package func dropCounterSteps(of ref: RecordRef) {
    guard storage.counterSteps.contains(where: { $0.ref == ref }) else { return }
    write(\.counterSteps, storage.counterSteps.filter { $0.ref != ref })
  }

  package func emptyAnswers(containing bytes: [UInt8]) {
    write(
      \.requests,
      storage.requests.map { request in
        var request = request
        if request.answer.body.hasPart(bytes) { request.answer.body = [] }
        return request
      })
  }

  package func erasures() -> [Erasure] { storage.erasures.values.sorted { $0.key < $1.key } }
  package func erasure(of key: RecordKey) -> Erasure? { storage.erasures[key] }
  package func put(_ erasure: Erasure) { write(\.erasures[erasure.key], erasure) }

  package func confirmations(of key: RecordKey) -> [ErasureConfirmation] {
    (storage.confirmations[key] ?? [:]).values.sorted { $0.node < $1.node }
  }

  package func put(_ confirmation: ErasureConfirmation, of key: RecordKey) {
    var all = storage.confirmations[key] ?? [:]
    all[confirmation.node] = confirmation
    write(\.confirmations[key], all)
  }

  package func unconfirmedErasures(by node: NodeNumber, incarnation: UInt32, limit: Int) -> [RecordKey] {
    let open = erasures().filter { erasure in
      guard let found = storage.confirmations[erasure.key]?[node] else { return erasure.isInForce }
      return erasure.isInForce && (found.incarnation != incarnation || found.voucher != nil)
    }
    return Array(open.map(\.key).prefix(limit))
  }

  package func removeConfirmation(of key: RecordKey, by node: NodeNumber) {
    guard storage.confirmations[key]?[node] != nil else { return }
    var all = storage.confirmations[key] ?? [:]
    all[node] = nil
    write(\.confirmations[key], all)
  }
}
