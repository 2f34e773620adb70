package import NodeRuntime

/// One resource and method: who may use it, what does it, and its description.
package struct Route: Sendable {
  package enum Method: String, Sendable, CaseIterable {
    case get = "GET"
    case put = "PUT"
    case patch = "PATCH"
    case post = "POST"
    case delete = "DELETE"
  }

  package typealias Respond = @Sendable (HTTPResponse) -> Void
  package typealias Handler = @Sendable (APIRequest, @escaping Respond) -> Void

  enum Segment: Hashable, Sendable {
    case literal(String)
    case name(String)
  }

  package let method: Method
  package let pattern: String
  let segments: [Segment]
  package let role: APIToken.Role
  /// Nil for a resource that needs no token.
  package let needsToken: Bool
  /// The parameters behind the question mark; nil where the handler looks at them itself.
  package let parameters: [String]?
  /// One a path of the description: a pattern with `{entity}` has one for each entity.
  package let operations: [OpenAPIOperation]
  package let handler: Handler

  /// - Parameter pattern: such as `/v1/records/{entity}/{id}`; each name stands for one segment, which may hold anything, escaped.
  package init(
    _ method: Method, _ pattern: String, for role: APIToken.Role, needsToken: Bool = true, parameters: [String]? = [],
    _ operations: [OpenAPIOperation], handler: @escaping Handler
  ) {
    self.method = method
    self.pattern = pattern
    self.role = role
    self.needsToken = needsToken
    self.parameters = parameters
    self.operations = operations
    self.handler = handler
    segments = pattern.split(separator: "/").map { part in
      part.hasPrefix("{") ? .name(String(part.dropFirst().dropLast())) : .literal(String(part))
    }
  }

  /// What the names of the pattern stand for in a path; nil if it is another's.
  func match(_ path: [String]) -> [String: String]? {
    guard path.count == segments.count else { return nil }
    var names: [String: String] = [:]
    for (segment, part) in zip(segments, path) {
      switch segment {
      case .literal(let text): guard text == part else { return nil }
      case .name(let name): names[name] = part
      }
    }
    return names
  }
}
