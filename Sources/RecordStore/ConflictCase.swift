package import Base
package import Causality
package import Merge
package import StoreModel

/// A concurrency, a broken uniqueness or a broken rule that a person can see and settle.
package struct ConflictCase: Hashable, Sendable {
  /// What the case is about; a node has one case of a subject at a time.
  package struct Subject: Hashable, Comparable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
      case field, immutable, deletion, unique
    }

    package var kind: Kind
    package var entity: EntityTag
    /// The record; for `unique`, empty: the clash is about a value, and `ConflictCase.records` names who share it.
    package var record: RecordID
    /// The field's name (with `.key` for custom fields), or the unique key's name and value.
    package var detail: String

    package init(kind: Kind, entity: EntityTag, record: RecordID, detail: String) {
      self.kind = kind
      self.entity = entity
      self.record = record
      self.detail = detail
    }

    package static func < (left: Self, right: Self) -> Bool {
      (left.entity, left.record, left.kind.rawValue, left.detail)
        < (right.entity, right.record, right.kind.rawValue, right.detail)
    }
  }

  package enum Status: String, Hashable, Sendable {
    /// A person should look at it.
    case open
    /// A declared rule has decided it; the other values are kept.
    case decided
    /// A person has seen to it, and it stays as it is; it opens again if more comes to it.
    case accepted
    /// It has ended: somebody wrote the field again, or the clash is gone.
    case closed
  }

  /// Counts from 1 at this node.
  package var number: Int64
  package var subject: Subject
  package var status: Status
  package var records: [RecordID]
  package var candidates: [Concurrence.Candidate]
  package var reason: String
  package var openedAt: WallTime
  package var changedAt: WallTime

  package init(
    number: Int64, subject: Subject, status: Status, records: [RecordID], candidates: [Concurrence.Candidate],
    reason: String, openedAt: WallTime, changedAt: WallTime
  ) {
    self.number = number
    self.subject = subject
    self.status = status
    self.records = records
    self.candidates = candidates
    self.reason = reason
    self.openedAt = openedAt
    self.changedAt = changedAt
  }
}

/// A received group that could not be applied: kept raw, with the reason, out of everyone else's way.
package struct ParkedGroup: Hashable, Sendable {
  /// Counts from 1 at this node.
  package var number: Int64
  package var peer: NodeNumber
  package var lane: Lane
  package var receivedAt: WallTime
  package var code: String
  package var reason: String
  /// The records that it touches, as far as they are known: later groups that touch them park behind it.
  package var keys: [RecordKey]
  /// The group as it came, decodable by itself; empty where only the rest was asked for.
  package var payload: [UInt8]

  package init(
    number: Int64, peer: NodeNumber, lane: Lane, receivedAt: WallTime, code: String, reason: String, keys: [RecordKey],
    payload: [UInt8]
  ) {
    self.number = number
    self.peer = peer
    self.lane = lane
    self.receivedAt = receivedAt
    self.code = code
    self.reason = reason
    self.keys = keys
    self.payload = payload
  }
}
