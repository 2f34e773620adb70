package import Causality
package import Merge
package import StoreModel

/// What is compared of a record: 128 bits of its whole state, of contents as much as of what it has seen.
package struct RecordDigest: Hashable, Sendable {
  package var value: UInt128

  package init(_ value: UInt128) {
    self.value = value
  }

  /// - Parameter sha256: gives the 32 bytes of SHA-256; its first half is the digest.
  package init(_ state: RecordState, sha256: ([UInt8]) -> [UInt8]) {
    let nobody = Stamp(time: .zero, replica: ReplicaID(node: .hq, incarnation: 0))
    let contents = BatchContents.encode([CommitGroup(stamp: nobody, records: [state])])
    value = sha256(contents).prefix(Self.byteCount).reduce(0) { $0 << 8 | UInt128($1) }
  }

  package static let byteCount = 16
}

/// A stretch of an entity's records: those with ids after `after`, up to and including `through`.
package struct RecordRange: Hashable, Sendable {
  package var entity: EntityTag
  /// Nil for the beginning.
  package var after: RecordID?
  /// Nil for the end.
  package var through: RecordID?

  package init(entity: EntityTag, after: RecordID? = nil, through: RecordID? = nil) {
    self.entity = entity
    self.after = after
    self.through = through
  }

  package func contains(_ id: RecordID) -> Bool {
    (after.map { id > $0 } ?? true) && (through.map { id <= $0 } ?? true)
  }
}

/// How many records a range has, and the sum of their digests: it can be added up in any order and any parts.
package struct RangeSummary: Hashable, Sendable {
  package var count: UInt64
  package var sum: UInt128

  package init(count: UInt64 = 0, sum: UInt128 = 0) {
    self.count = count
    self.sum = sum
  }

  package mutating func add(_ digest: RecordDigest) {
    count += 1
    sum &+= digest.value
  }
}

/// HQ asks what a store has, to compare it with what the store should have.
package struct VerifyQuestion: Hashable, Sendable {
  package struct Range: Hashable, Sendable {
    package var range: RecordRange
    /// What HQ has in it for this store.
    package var summary: RangeSummary

    package init(_ range: RecordRange, _ summary: RangeSummary) {
      self.range = range
      self.summary = summary
    }
  }

  package var number: UInt64
  package var ranges: [Range]
  /// Records to be looked at one by one, once all that the store had to send when it was asked is durable at HQ.
  package var keys: [RecordKey]
  /// Records that the store is to send once more.
  package var resend: [RecordKey]
  /// Entities whose balances the store is to add up anew.
  package var recount: [EntityTag]
  /// Nobody waits: the store takes its time.
  package var isUnhurried: Bool
  /// HQ has erased the records of `keys`: the store takes away what else it has of them before it answers.
  package var areErased: Bool

  package init(
    number: UInt64, ranges: [Range] = [], keys: [RecordKey] = [], resend: [RecordKey] = [], recount: [EntityTag] = [],
    isUnhurried: Bool = false, areErased: Bool = false
  ) {
    self.areErased = areErased
    self.recount = recount
    self.number = number
    self.ranges = ranges
    self.keys = keys
    self.resend = resend
    self.isUnhurried = isUnhurried
  }
}

package struct VerifyAnswer: Hashable, Sendable {
  /// Of a range.
  package enum Finding: Hashable, Sendable {
    case equal
    /// All that the store has in it; a range of few records.
    case items([Item])
    /// What the store has in it, part by part: at least two, ascending, together the whole range.
    case parts([Part])
  }

  package struct Item: Hashable, Sendable {
    package var id: RecordID
    package var digest: RecordDigest

    package init(id: RecordID, digest: RecordDigest) {
      self.id = id
      self.digest = digest
    }
  }

  package struct Part: Hashable, Sendable {
    /// Its last id; nil for the last part, which ends where the range does.
    package var through: RecordID?
    package var summary: RangeSummary

    package init(through: RecordID?, summary: RangeSummary) {
      self.through = through
      self.summary = summary
    }
  }

  /// One record as the store has it.
  package struct Look: Hashable, Sendable {
    package var digest: RecordDigest
    package var vector: VersionVector

    package init(digest: RecordDigest, vector: VersionVector) {
      self.digest = digest
      self.vector = vector
    }
  }

  package var number: UInt64
  /// One for each range of the question.
  package var findings: [Finding]
  /// One for each key of the question; nil for what the store does not hold.
  package var looks: [Look?]
  /// Why the store cannot tell: a database that cannot be read.
  package var problem: String?
  /// Nothing is in the store's files of those of the records that it shows as erased.
  package var isWiped: Bool
  /// What a person is to see to, where erased records may still lie: old databases.
  package var remark: String?

  package init(
    number: UInt64, findings: [Finding] = [], looks: [Look?] = [], problem: String? = nil, isWiped: Bool = false,
    remark: String? = nil
  ) {
    self.isWiped = isWiped
    self.remark = remark
    self.problem = problem
    self.number = number
    self.findings = findings
    self.looks = looks
  }
}
