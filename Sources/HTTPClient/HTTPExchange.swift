/// What is asked of an HTTP server.
package struct HTTPClientRequest: Hashable, Sendable {
  package struct Header: Hashable, Sendable {
    /// In an answer in small letters.
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package var method: String
  /// `https://…`; `http://…` on this machine, or where `allowsPlainHTTP` says so.
  package var address: String
  package var headers: [Header]
  /// Nil for none.
  package var body: [UInt8]?
  /// From the first step of connecting to the last byte of the answer.
  package var timeoutMilliseconds: Int64
  /// Bytes of the answer's body, beyond which it is given up.
  package var answerLimitBytes: Int
  package var allowsPlainHTTP: Bool
  /// A file of certificates, as PEM, that vouch for the server; nil for those that the system trusts.
  package var trusting: String?

  package init(
    _ method: String, _ address: String, headers: [Header] = [], body: [UInt8]? = nil,
    timeoutMilliseconds: Int64 = HTTPLimits.timeoutMilliseconds, answerLimitBytes: Int = HTTPLimits.answerBytes,
    allowsPlainHTTP: Bool = false, trusting: String? = nil
  ) {
    self.method = method
    self.address = address
    self.headers = headers
    self.body = body
    self.timeoutMilliseconds = timeoutMilliseconds
    self.answerLimitBytes = answerLimitBytes
    self.allowsPlainHTTP = allowsPlainHTTP
    self.trusting = trusting
  }
}

/// What a server has answered, whatever its status.
package struct HTTPClientAnswer: Hashable, Sendable {
  package var status: Int
  package var headers: [HTTPClientRequest.Header]
  package var body: [UInt8]

  package init(status: Int, headers: [HTTPClientRequest.Header] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The first header of a name, in small letters.
  package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Why there is no answer.
package struct HTTPError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    /// The address is none, or of another scheme.
    case badAddress = "bad-address"
    /// Without TLS to another machine.
    case notAllowed = "not-allowed"
    case unreachable
    case timedOut = "timed-out"
    /// There is no TLS with it, or nobody vouches for who it says it is.
    case untrusted
    /// The connection broke, or what came is no HTTP.
    case broken
    case tooLarge = "too-large"
    case cancelled
  }

  package var code: Code
  package var description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// The bounds of what goes over HTTP as a client.
package enum HTTPLimits {
  /// An answer from the next room comes in milliseconds, one from a busy service in seconds; longer is a fault to tell of.
  package static let timeoutMilliseconds: Int64 = 30_000
  /// Until there is a connection: three attempts of TCP's own.
  package static let connectMilliseconds: Int64 = 10_000
  /// Bytes of an answer's body: a page of the API has a few at the most.
  package static let answerBytes = 8 << 20
  /// Bytes of an answer's headers; servers' own limits are about as large.
  package static let headerBytes = 64 << 10
  /// Bytes of an address; browsers and servers take about as many.
  package static let addressBytes = 2_000
  /// How long the loop rests at the most when nothing happens: it is woken up for all that there is to do.
  static let restMilliseconds: Int32 = 1_000
}
