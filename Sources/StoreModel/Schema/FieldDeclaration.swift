/// What a field's plain values mean.
package enum FieldType: Hashable, Sendable {
  case text
  case integer
  case boolean
  /// Minor units of the currency that the record's store carries (ISO 4217).
  case money
  /// A whole number in the product's own unit and scale.
  case quantity
  /// Business time: milliseconds since 1970-01-01T00:00:00Z.
  case timestamp
  /// A calendar day without a time zone, as the number yyyymmdd.
  case day
  /// One of a list of words. A word that is not on the list comes from a newer version and is kept.
  case choice([String])
  /// The id of a record of another entity. It may arrive after the record that names it.
  case reference(EntityTag, Identity)
  /// An id that may name records of several entities or of none, such as the document behind a stock movement.
  case identifier(Identity)

  /// Of the ids that the field holds, if it holds ids.
  package var identity: Identity? {
    switch self {
    case .reference(_, let identity), .identifier(let identity): identity
    case .text, .integer, .boolean, .money, .quantity, .timestamp, .day, .choice: nil
    }
  }
}

/// How concurrent values of a field become one shown value. All are kept; the rule only chooses (design, §2).
package enum ConflictRule: Hashable, Sendable {
  /// The highest stamp.
  case latest
  /// The authority's value; between equals the highest stamp.
  case authority(Authority)
  /// The highest stamp, and an open conflict case until a person picks.
  case manual
  /// The one furthest along the declared order; words not on it come first.
  case progress([String])
  /// The lowest stamp among the values that are not null.
  case first
  /// The largest or smallest value; null only if there is no other.
  case maximum, minimum
  /// Add-wins set of plain values.
  case set
  /// One running sum a replica.
  case counter
  /// Key by key, `latest`.
  case customFields
}

package enum Authority: Hashable, Sendable {
  case hq
  /// The store that the record's owner field names.
  case owner
}

/// Who may write a field.
package enum Writers: Hashable, Sendable {
  case hq
  /// The store that the record's owner field names, and HQ.
  case owner
  case anyone
}

/// What an entity's file says of one field.
package struct FieldDeclaration: Hashable, Sendable {
  package var name: String
  package var type: FieldType
  package var rule: ConflictRule
  package var writers: Writers
  package var isRequired: Bool

  /// - Parameters:
  ///   - name: in camel case; the SQL column is the same in snake case.
  ///   - isRequired: whether a record without a value is refused when it is written first.
  package init(
    _ name: String, _ type: FieldType, _ rule: ConflictRule, by writers: Writers, required isRequired: Bool = false
  ) {
    self.name = name
    self.type = type
    self.rule = rule
    self.writers = writers
    self.isRequired = isRequired
  }
}

/// Which stores hold a record; HQ holds all.
package enum Scope<Field: Hashable & Sendable>: Hashable, Sendable {
  case everyone
  /// The stores whose numbers stand in these fields.
  case stores([Field])
  /// No store.
  case hq
}

/// A stream of its own, with its own cursor, so that the urgent never waits behind the bulky.
package enum Lane: UInt8, Hashable, Comparable, CaseIterable, Sendable {
  case urgent = 0
  case normal = 1
  case bulk = 2

  /// More urgent lanes come first.
  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What wins between deleting a record and a concurrent edit.
package enum DeletionPolicy: Hashable, Sendable {
  case editWins
  case deleteWins
}

/// Whether records change after they were written.
package enum Mutability: Hashable, Sendable {
  case mutable
  /// Written once. The same id with other contents is a conflict case, never an overwrite.
  case immutable
}

/// Fields that no two records should share together. A clash is a conflict case, never a deletion or a refusal.
package struct UniqueKey<Field: Hashable & Sendable>: Hashable, Sendable {
  package var name: String
  package var fields: [Field]

  package init(_ name: String, _ fields: [Field]) {
    self.name = name
    self.fields = fields
  }
}

/// A sum over an entity's records, kept up to date in the transaction that changes them, at every node.
package struct BalanceDeclaration<Field: Hashable & Sendable>: Hashable, Sendable {
  /// In snake case: it is the SQL table's name too.
  package var name: String
  package var keys: [Field]
  package var sum: Field

  package init(_ name: String, of sum: Field, by keys: [Field]) {
    self.name = name
    self.keys = keys
    self.sum = sum
  }
}
