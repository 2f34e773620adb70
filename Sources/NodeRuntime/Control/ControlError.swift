/// Why a node did not do what `syncctl` asked for.
package struct ControlError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    /// The request itself is wrong.
    case usage
    case notFound = "not-found"
    case notAllowed = "not-allowed"
    /// The node could not be reached.
    case unreachable
    case storage
  }

  package var code: Code
  package var description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  package var exitStatus: ExitStatus {
    switch code {
    case .usage, .notFound, .notAllowed: .usage
    case .unreachable: .unreachable
    case .storage: .unsafe
    }
  }
}
