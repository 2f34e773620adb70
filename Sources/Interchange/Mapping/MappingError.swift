/// Why a row does not become a write or a sale: which field, and why. It never quotes the value, which may be personal.
package struct MappingError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    case invalid
    case missing
    /// A name that is none of the entity's, or of the object's.
    case unknown
  }

  package var code: Code
  /// A field's name, or a path such as `lines[2].salesCents`; nil if the row as a whole is meant.
  package var field: String?
  package var reason: String

  package init(_ field: String? = nil, _ reason: String, code: Code = .invalid) {
    self.code = code
    self.field = field
    self.reason = reason
  }

  package var description: String {
    field.map { "\($0): \(reason)" } ?? reason
  }
}
