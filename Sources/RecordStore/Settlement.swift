package import Base
package import Causality
package import StoreModel

/// What a person wants done about a conflict case.
package enum SettlementChoice: Hashable, Sendable {
  /// A field's case: the value that was written with this stamp.
  case take(Stamp)
  /// A field's case: another value.
  case value(Value)
  /// A deletion against an edit: the record goes.
  case delete
  /// A deletion against an edit: the record stays, with the edit.
  case keep
  /// A fact with two contents, or a value that records share: it stays as it is, and has been seen to.
  case accept

  package var word: String {
    switch self {
    case .take: "take"
    case .value: "value"
    case .delete: "delete"
    case .keep: "keep"
    case .accept: "accept"
    }
  }
}

/// Who settled a case at this node, when, and why. It stays at the node; what was chosen travels as a write like any.
package struct Settlement: Hashable, Sendable {
  package var caseNumber: Int64
  package var choice: String
  package var note: String?
  package var at: WallTime
  /// Of the commit that wrote the choice; nil if nothing was written.
  package var stamp: Stamp?

  package init(caseNumber: Int64, choice: String, note: String?, at: WallTime, stamp: Stamp?) {
    self.caseNumber = caseNumber
    self.choice = choice
    self.note = note
    self.at = at
    self.stamp = stamp
  }
}

/// What became of a person's choice.
package enum SettleResult: Hashable, Sendable {
  /// The case afterwards.
  case settled(ConflictCase, Settlement)
  case notFound
  /// The choice does not fit the case, with what would.
  case unfit(String)
  /// This node may not write it.
  case refused(ModelError)
}
