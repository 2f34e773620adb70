/// A socket that listens, for a library that accepts on it. Whoever takes it closes it.
package struct ListeningDescriptor: Sendable {
  package let descriptor: Int32
  /// The address that it has: port 0 took a free one.
  package let endpoint: Endpoint

  package init(_ endpoint: Endpoint) throws(TransportError) {
    let bound = try BoundSocket(.tcp(endpoint))
    descriptor = bound.descriptor
    if case .tcp(let address) = bound.address { self.endpoint = address } else { self.endpoint = endpoint }
  }
}
