package import Merge
package import StoreModel

/// A question for the records of one entity that show themselves: which, in which order, and how many at once.
///
/// It is answered if an index serves it, and refused otherwise (`RecordQueryPlan`): what a till asks must not read a
/// year's sales, however it is asked.
package struct RecordQuery: Hashable, Sendable {
  package enum Subject: Hashable, Sendable {
    case id
    case field(FieldTag)
  }

  /// The raw values are the words of the API.
  package enum Comparison: String, Hashable, Sendable, CaseIterable {
    case equal = "eq"
    case less = "lt"
    case atMost = "lte"
    case greater = "gt"
    case atLeast = "gte"
  }

  package struct Condition: Hashable, Sendable {
    package var subject: Subject
    package var comparison: Comparison
    /// In the kind that the field has; an id is `Identity.value(of:)`.
    package var value: Value

    package init(_ subject: Subject, _ comparison: Comparison, _ value: Value) {
      self.subject = subject
      self.comparison = comparison
      self.value = value
    }
  }

  package var conditions: [Condition]
  /// Nil for the order of the index that serves the conditions: by id wherever they allow it.
  package var sort: Subject?
  package var isDescending: Bool
  /// Records at the most; at least 1, and not more than `StoreLimits.queryRecordCount`.
  package var limit: Int
  /// Where the page before ended.
  package var after: RecordPosition?

  package init(
    _ conditions: [Condition] = [], sort: Subject? = nil, isDescending: Bool = false, limit: Int,
    after: RecordPosition? = nil
  ) {
    self.conditions = conditions
    self.sort = sort
    self.isDescending = isDescending
    self.limit = limit
    self.after = after
  }
}

/// The place of a record in the order of a query.
package struct RecordPosition: Hashable, Sendable {
  /// Of the field that the query sorts by; nil if that is the id.
  package var value: Value?
  package var id: RecordID

  package init(value: Value?, id: RecordID) {
    self.value = value
    self.id = id
  }
}

/// Some records in the order of a query, and where the next page begins; nil after the last one.
package struct RecordPage: Hashable, Sendable {
  package var records: [RecordState]
  package var next: RecordPosition?

  package init(records: [RecordState], next: RecordPosition?) {
    self.records = records
    self.next = next
  }
}

/// Why a query is not answered. It quotes no values.
package struct RecordQueryError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// No index serves these conditions in this order.
    case notIndexed
    case invalidValue
    /// The position is none of this query.
    case wrongPosition
    case limit
  }

  package var code: Code
  /// The field that is meant, or `id`.
  package var field: String?
  package var reason: String

  package init(code: Code, field: String? = nil, reason: String) {
    self.code = code
    self.field = field
    self.reason = reason
  }

  package var description: String { field.map { "\($0): \(reason)" } ?? reason }
}
