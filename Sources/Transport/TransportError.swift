/// Why a connection could not be made, was refused, or ended.
package struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure: stable, to decide on.
  package enum Code: String, Hashable, Sendable {
    /// The name has no address, or the resolver did not answer.
    case resolve
    /// No way to the address.
    case connect
    /// The machine answers, but nobody listens there.
    case refused
    /// No answer in the time given.
    case timedOut
    /// The other end doesn't speak TLS 1.3 as we do.
    case tls
    /// The other end speaks TLS, with a key that is not the pinned one.
    case pinMismatch
    /// The other end went away.
    case closed
    /// Somebody else listens there already.
    case addressInUse
    /// The operating system does not let this user do so.
    case notPermitted
    /// The address can't be listened on or connected to as written.
    case invalidAddress
    /// The owner of the stream sent more than the buffer takes.
    case overflow
    /// Anything else that the operating system reports.
    case io
  }

  package var code: Code
  /// Found, expected, what to do. No personal data.
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(code.rawValue): \(message)" }
}
