package import Base
package import Causality
package import Merge
import StoreModel

extension StoreEngine {
  /// HQ erases a record for good: see `Erasure`. Asked again, it takes away what is left.
  /// - Parameter mayBeUnknown: also one that HQ does not hold; a store that is away may.
  package func erase(
    _ key: RecordKey, reason: String, mayBeUnknown: Bool, at wall: WallTime
  ) throws(StoreError) -> EraseResult {
    try erase(key, reason: reason, requestedAt: wall, mayBeUnknown: mayBeUnknown, at: wall)
  }

  /// The same for what was asked for earlier, and has been forgotten here since.
  package func erase(
    _ key: RecordKey, reason: String, requestedAt: WallTime, mayBeUnknown: Bool, at wall: WallTime
  ) throws(StoreError) -> EraseResult {
    guard identity.isHQ else { return .unfit("only HQ erases, for all its stores; ask there") }
    guard let schema = model.entity(key.entity), schema.isErasable else {
      return .unfit("records of this kind are not about a person, and are not erased")
    }
    guard schema.identity.isValid(key.id) else { return .unfit("the id is not \(schema.identity.expectation)") }
    guard (1...StoreLimits.noteBytes).contains(reason.utf8.count) else {
      return .unfit("found a reason of \(reason.utf8.count) bytes, expected 1 to \(StoreLimits.noteBytes)")
    }
    return try write(at: wall) { transaction throws(StoreError) in
      let stored = try backend.find(key)
      let known = try backend.erasure(of: key)
      guard stored != nil || known != nil || mayBeUnknown else { return .notFound }
      var erasure = known ?? Erasure(key: key, reason: reason, requestedAt: requestedAt)
      if !erasure.isInForce {
        erasure = Erasure(key: key, reason: reason, requestedAt: requestedAt)
        for confirmation in try backend.confirmations(of: key) {
          try backend.removeConfirmation(of: key, by: confirmation.node)
        }
      }
      if stored?.state?.isErased != true {
        try transaction.eraseValues(of: key, stored)
        erasure.lastAt = wall
        erasure.cleanedAt = nil
      }
      erasure.lastAt = max(erasure.lastAt, erasure.requestedAt)
      try backend.put(erasure)
      try transaction.wipe(key)
      return .erased(erasure)
    }
  }

  /// From now on the id of an erased record may be used again.
  /// - Returns: nil if it was not erased.
  package func liftErasure(of key: RecordKey, at wall: WallTime) throws(StoreError) -> Erasure? {
    try backend.transaction { () throws(StoreError) -> Erasure? in
      guard var erasure = try backend.erasure(of: key) else { return nil }
      erasure.liftedAt = erasure.liftedAt ?? wall
      try backend.put(erasure)
      return erasure
    }
  }

  /// Takes away what this node keeps beside records, as far as they are erased here.
  /// - Returns: what it cannot take away by itself.
  package func wipe(_ keys: [RecordKey], at wall: WallTime) throws(StoreError) -> [ErasureRemnant] {
    try write(at: wall) { transaction throws(StoreError) in
      var remnants: [ErasureRemnant] = []
      for key in keys {
        let state = try backend.find(key)?.state
        if state == nil || state?.isErased == true { remnants += try transaction.wipe(key) }
      }
      return remnants
    }
  }

  package func erasures() throws(StoreError) -> [Erasure] { try backend.erasures() }
  package func erasure(of key: RecordKey) throws(StoreError) -> Erasure? { try backend.erasure(of: key) }

  /// Ascending by node.
  package func confirmations(of key: RecordKey) throws(StoreError) -> [ErasureConfirmation] {
    try backend.confirmations(of: key)
  }

  /// What is erased, and a store has not shown to have nothing of; `limit` at the most, ascending by key.
  /// - Parameter incarnation: of the store's present database.
  package func unconfirmedErasures(
    by node: NodeNumber, incarnation: UInt32, limit: Int
  ) throws(StoreError) -> [RecordKey] {
    try backend.unconfirmedErasures(by: node, incarnation: incarnation, limit: limit)
  }

  package func confirm(_ keys: [RecordKey], _ confirmation: ErasureConfirmation) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      for key in keys where try backend.erasure(of: key) != nil { try backend.put(confirmation, of: key) }
    }
  }

  /// HQ's own files have nothing of these any more.
  package func noteCleaned(_ keys: [RecordKey], at wall: WallTime) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      for key in keys {
        guard var erasure = try backend.erasure(of: key), erasure.cleanedAt == nil else { continue }
        erasure.cleanedAt = wall
        try backend.put(erasure)
      }
    }
  }
}
