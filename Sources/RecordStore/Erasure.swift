package import Base
package import Causality
package import Merge

/// What HQ remembers of a record that was erased at a person's request, so that it stays erased, and so that it can be shown where.
package struct Erasure: Hashable, Sendable {
  package var key: RecordKey
  /// Why, in the words of whoever did it: a ticket's number, not a name.
  package var reason: String
  package var requestedAt: WallTime
  /// When HQ last took something of it away: at the request, or when a store that had not heard of it brought more.
  package var lastAt: WallTime
  /// Nothing of it is left in HQ's own files, since this time; nil until that is so.
  package var cleanedAt: WallTime?
  /// The id may be used again since this time.
  package var liftedAt: WallTime?
  /// HQ had lost its own word, and heard it from this store.
  package var foundAt: NodeNumber?

  package init(key: RecordKey, reason: String, requestedAt: WallTime, foundAt: NodeNumber? = nil) {
    self.key = key
    self.reason = reason
    self.requestedAt = requestedAt
    self.foundAt = foundAt
    lastAt = requestedAt
  }

  /// Whether what comes of the record is taken away.
  package var isInForce: Bool { liftedAt == nil }
}

/// A store has nothing of an erased record any more, and has said so; or a person has.
package struct ErasureConfirmation: Hashable, Sendable {
  package var node: NodeNumber
  package var at: WallTime
  /// Of the database that was looked at. Another one, which a backup has brought back, is to be looked at anew.
  package var incarnation: UInt32
  /// What the store cannot clean by itself, such as an old database beside the present one; empty if there is nothing.
  package var remark: String
  /// A person answers for a store that cannot: how its database was destroyed.
  package var voucher: String?

  package init(node: NodeNumber, at: WallTime, incarnation: UInt32, remark: String = "", voucher: String? = nil) {
    self.node = node
    self.at = at
    self.incarnation = incarnation
    self.remark = remark
    self.voucher = voucher
  }
}

/// What became of a request to erase.
package enum EraseResult: Hashable, Sendable {
  /// Nothing of it is shown or sent any more from here.
  case erased(Erasure)
  /// HQ has no such record.
  case notFound
  /// It cannot be asked of this node or this record.
  case unfit(String)
}

/// What is still there of an erased record, and takes a person.
package enum ErasureRemnant: Hashable, Sendable {
  /// A parked group that cannot be read has the id in it.
  case unreadableGroup(Int64)
}

/// How the raw bytes of parked groups are read and written.
package struct ParkedCoding: Sendable {
  package var decode: @Sendable ([UInt8]) -> IncomingGroup
  package var encode: @Sendable (CommitGroup) -> [UInt8]

  package init(
    decode: @escaping @Sendable ([UInt8]) -> IncomingGroup, encode: @escaping @Sendable (CommitGroup) -> [UInt8]
  ) {
    self.decode = decode
    self.encode = encode
  }
}
