import StoreModel

/// What the HTTP server takes at the most, and how long it waits, with the reasons.
package enum APILimits {
  /// Connections at once: the tills of a large shop, its back office and a monitor, with room; a store's PC is small.
  package static let connections: UInt32 = 512
  /// Of one address, so that one broken client leaves room for the others. Tills on this machine share one.
  package static let connectionsPerAddress: UInt32 = 256
  /// Silence within a request, or on a connection that waits for the next one, in seconds.
  package static let silenceSeconds: UInt32 = 60
  /// A request's beginning to its last byte, in milliseconds: who sends a byte now and then holds a connection no longer.
  package static let requestMilliseconds: Int64 = 30_000
  /// A connection on which no request is whole, be it silent or not, from the last answer on, in milliseconds.
  package static let restMilliseconds: Int64 = 600_000
  /// Between two looks for requests that take too long, in milliseconds.
  package static let sweepMilliseconds: Int64 = 5_000
  /// A request's head with all header fields, and what the library keeps of the answer's.
  package static let headBytes = 32 << 10
  /// A request's body: as much as a commit group may hold, written as JSON.
  package static let bodyBytes = 2 * ModelLimits.groupBytes
  /// Bodies that are being received, all together: ten of the largest.
  package static let allBodyBytes = 10 * bodyBytes
  /// A path, so that nothing looks at longer ones: an entity and an id, all of it escaped.
  package static let pathBytes = 2 << 10
  /// Parameters behind the question mark: more than any question has.
  package static let queryParameters = 64
  /// What a stream keeps for a client that is slow to take it; it gets no more until that is gone.
  package static let streamBytes = 256 << 10
  /// Requests without a valid token from one address in a minute that are answered one by one; the rest is told to wait.
  package static let failuresPerMinute = 20
  /// Addresses whose failures are remembered.
  package static let failureAddresses = 1_024
  /// What a stop waits for requests at work, in milliseconds.
  package static let stopMilliseconds: Int64 = 2_000
  /// Writes in one commit over HTTP: a till's largest basket, and an answer that is small enough to keep. The writer is taken for
  /// some tens of milliseconds, for which other tills wait.
  package static let commitWrites = 500
}
