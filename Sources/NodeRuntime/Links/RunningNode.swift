package import Dispatch

/// What both daemons are to the control service.
package protocol RunningNode: AnyObject, Sendable {
  var gate: StoreGate { get }
  var queue: DispatchQueue { get }
  /// Whether a daemon runs it.
  var isRunning: Bool { get }
  /// On `queue`.
  func peerStatuses() -> [PeerStatus]
  /// On `queue`.
  func stop(_ completion: @escaping @Sendable () -> Void)
}

extension RunningNode {
  package var isRunning: Bool { true }
}
