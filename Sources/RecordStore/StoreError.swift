/// Why a store could not do what it was asked: for the operator and the log. A record that does not fit the model is a
/// `ModelError` instead.
package struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    /// Another process has the database open for writing.
    case inUse = "in-use"
    case notFound = "not-found"
    /// A new node is to be made where there is one.
    case occupied
    case corrupt
    case diskFull = "disk-full"
    case notWritable = "not-writable"
    case newerFormat = "newer-format"
    case io
    /// A batch that does not start at the receiver's cursor, or comes from another log than announced.
    case wrongCursor = "wrong-cursor"
    /// A peer has more parked here than a node keeps.
    case parkedFull = "parked-full"
    /// A batch with stamps further ahead than a clock may be.
    case clockAhead = "clock-ahead"
    /// Somebody has ended it before it was done; nothing of it is left.
    case interrupted
    /// A mistake of ours that was noticed in time.
    case internalError = "internal-error"
  }

  package var code: Code
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(code.rawValue): \(message)" }
}
