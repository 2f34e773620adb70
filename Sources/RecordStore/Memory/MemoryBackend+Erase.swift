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

  package func removeConfirmation(of key: RecordKey, by node: NodeNumber) {
    guard storage.confirmations[key]?[node] != nil else { return }
    var all = storage.confirmations[key] ?? [:]
    all[node] = nil
    write(\.confirmations[key], all)
  }
}
