package import Causality
package import StoreModel

/// Names a record in the chain.
package struct RecordKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var entity: EntityTag
  package var id: RecordID

  package init(entity: EntityTag, id: RecordID) {
    self.entity = entity
    self.id = id
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.entity != right.entity ? left.entity < right.entity : left.id < right.id
  }

  package var description: String { "\(entity)/\(id)" }
}

/// Tells a store that a record has left its scope: it lets go of it, if it has nothing that `vector` has not seen.
/// Not a deletion, and never sent back.
package struct Eviction: Hashable, Sendable {
  package var key: RecordKey
  package var vector: VersionVector

  package init(key: RecordKey, vector: VersionVector) {
    self.key = key
    self.vector = vector
  }
}

/// A commit group on its way: the present states of the records that the commit wrote, as far as the receiver is to
/// hold them and no later group has taken them along.
package struct CommitGroup: Hashable, Sendable {
  /// The commit that the group is named after.
  package var stamp: Stamp
  package var records: [RecordState]
  package var evictions: [Eviction]

  package init(stamp: Stamp, records: [RecordState], evictions: [Eviction] = []) {
    self.stamp = stamp
    self.records = records
    self.evictions = evictions
  }
}

extension RecordState {
  package var key: RecordKey { RecordKey(entity: entity, id: id) }
}
