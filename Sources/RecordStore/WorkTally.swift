/// What writing transactions have done, for counting. Only of those that were committed.
package struct WorkTally: Hashable, Sendable {
  /// A conflict case that was opened, or opened again.
  package struct Opening: Hashable, Sendable {
    package var kind: ConflictCase.Subject.Kind
    package var status: ConflictCase.Status

    package init(kind: ConflictCase.Subject.Kind, status: ConflictCase.Status) {
      self.kind = kind
      self.status = status
    }
  }

  // MARK: Local commits
  package internal(set) var committed = 0
  package internal(set) var unchanged = 0
  package internal(set) var refused = 0

  // MARK: Received records
  package internal(set) var new = 0
  /// What was here the sender had seen.
  package internal(set) var replaced = 0
  /// Nothing in it was new.
  package internal(set) var dominated = 0
  /// Each side had something that the other had not seen.
  package internal(set) var merged = 0
  /// Of merged records: fields that now hold what both sides have written, by the name of the field's rule.
  package internal(set) var concurrentFields: [String: Int] = [:]

  package internal(set) var openedCases: [Opening: Int] = [:]

  package init() {}

  mutating func count(_ result: CommitResult) {
    switch result {
    case .committed: committed += 1
    case .unchanged: unchanged += 1
    case .refused: refused += 1
    }
  }
}
