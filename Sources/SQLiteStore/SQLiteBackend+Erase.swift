package import Causality
package import Merge
package import RecordStore

extension SQLiteBackend {
  package func removeConflictCase(_ number: Int64) throws(StoreError) {
    try judgements.removeSettlements(of: number)
    try cases.remove(number)
  }

  package func rewriteParked(_ group: ParkedGroup) throws(StoreError) {
    try parked.remove(group.number)
    try parked.park(group)
  }

  package func dropCounterSteps(of ref: RecordRef) throws(StoreError) { try log.dropCounterSteps(of: ref) }
  package func emptyAnswers(containing bytes: [UInt8]) throws(StoreError) { try requests.empty(containing: bytes) }
  package func exceptions() throws(StoreError) -> [PeerException] { try judgements.exceptions() }

  package func erasures() throws(StoreError) -> [Erasure] { try erased.all() }
  package func erasure(of key: RecordKey) throws(StoreError) -> Erasure? { try erased.find(key) }
  package func put(_ erasure: Erasure) throws(StoreError) { try erased.put(erasure) }

  package func confirmations(of key: RecordKey) throws(StoreError) -> [ErasureConfirmation] {
    try erased.confirmations(of: key)
  }

  package func put(_ confirmation: ErasureConfirmation, of key: RecordKey) throws(StoreError) {
    try erased.put(confirmation, of: key)
  }

  package func unconfirmedErasures(
    by node: NodeNumber, incarnation: UInt32, limit: Int
  ) throws(StoreError) -> [RecordKey] {
    try erased.unconfirmed(by: node, incarnation: incarnation, limit: max(limit, 0))
  }

  package func removeConfirmation(of key: RecordKey, by node: NodeNumber) throws(StoreError) {
    try erased.removeConfirmation(of: key, by: node)
  }

  /// Says that whatever was deleted in this file was overwritten, from its making or its last `VACUUM` on.
  private static let overwritesDeleted = "overwrites-deleted"

  func noteOverwriting() throws(StoreError) { try settings.set(Self.overwritesDeleted, [1]) }

  /// Sees to it that the files have nothing of what is no more in the tables. What is deleted is overwritten with zeros at once
  /// (`secure_delete`); the pages of before lie in the write-ahead log until this has emptied it. A file that an earlier version
  /// has written is made anew first, which takes as long as a backup.
  /// - Throws: `inUse` while somebody reads; nothing is wrong, but the log is not empty yet.
  package func scrub() throws(StoreError) {
    if try setting(Self.overwritesDeleted) == nil {
      try connection.execute("VACUUM")
      try transaction { () throws(StoreError) in try noteOverwriting() }
    }
    let isBusy = try SQLiteStatement(connection, "PRAGMA wal_checkpoint(TRUNCATE)").first { row throws(StoreError) in
      try row.integer(0) != 0
    }
    guard isBusy == false else {
      throw StoreError(
        .inUse, "\(connection.path): somebody reads, so that the write-ahead log cannot be emptied yet; try again")
    }
  }
}
