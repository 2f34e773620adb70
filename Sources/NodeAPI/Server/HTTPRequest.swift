/// One request as it came, before anybody has looked at what it means.
package struct HTTPRequest: Sendable {
  package struct Parameter: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package var method: String
  /// As it stands in the request, still escaped, without what is behind the question mark.
  package var path: String
  /// What stands behind the question mark, unescaped, in order.
  package var query: [Parameter]
  /// Names in lower case, in order.
  package var headers: [Parameter]
  package var body: [UInt8]
  /// The address at the other end, without its port.
  package var peer: String

  package init(
    method: String, path: String, query: [Parameter] = [], headers: [Parameter] = [], body: [UInt8] = [],
    peer: String = ""
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.peer = peer
  }

  /// The first header field of that name, which is in lower case.
  package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// What goes back.
package struct HTTPResponse: Sendable {
  package enum Body: Sendable {
    case bytes([UInt8])
    /// Goes on until the stream is finished.
    case stream(HTTPStream)
  }

  package var status: Int
  package var headers: [HTTPRequest.Parameter]
  package var body: Body

  package init(status: Int, headers: [HTTPRequest.Parameter] = [], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// Answers a request, on any thread, once.
package typealias HTTPHandler = @Sendable (HTTPRequest, @escaping @Sendable (HTTPResponse) -> Void) -> Void
