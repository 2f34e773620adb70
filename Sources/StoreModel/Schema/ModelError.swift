/// A record or a value that does not fit the model: what was found where, and what was expected. Values that could be
/// personal data are never quoted.
package struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    case unknownEntity = "unknown-entity"
    case unknownField = "unknown-field"
    case invalidID = "invalid-id"
    case invalidValue = "invalid-value"
    case missingField = "missing-field"
    case tooLarge = "too-large"
    case notAllowed = "not-allowed"
    case immutable
    case inconsistentState = "inconsistent-state"
    /// A store sends what only another node can have written.
    case forged
    /// HQ was put back to an earlier state, and a store has seen what HQ has lost: it waits for whoever wrote that.
    case awaitingAuthor = "awaiting-author"
    /// The record was erased at a person's request, and is not to come back by the way.
    case erased
    /// A store sends a record that is none of its own.
    case outOfScope = "out-of-scope"
  }

  package var code: Code
  package var entity: String
  package var field: String?
  package var reason: String

  package init(_ code: Code, entity: String, field: String? = nil, _ reason: String) {
    self.code = code
    self.entity = entity
    self.field = field
    self.reason = reason
  }

  package var description: String {
    field.map { "\(entity).\($0): \(reason)" } ?? "\(entity): \(reason)"
  }
}
