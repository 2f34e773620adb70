package import Base
package import Causality
package import Dispatch
package import Wire

/// What both daemons are to the control service.
package protocol RunningNode: AnyObject, Sendable {
  var gate: StoreGate { get }
  var queue: DispatchQueue { get }
  var log: LogSink { get }
  /// Whether a daemon runs it.
  var isRunning: Bool { get }
  /// On `queue`.
  func peerStatuses() -> [PeerStatus]
  /// HQ: connections that have not come in yet. On `queue`.
  var greetingCount: Int { get }
  /// Ends the link of a store, if there is one, with a reason. On `queue`.
  func endLink(of node: NodeNumber, _ refusal: Refusal)
  /// HQ: tells its stores new addresses. A store: tries HQ at new addresses. On `queue`, once they are written down.
  func endpointsChanged()
  /// HQ: begins to compare what a store has with what it should have, or joins the comparison that is on. On `queue`.
  /// - Returns: why it cannot; nil if it does.
  func verify(_ node: NodeNumber, isRepairing: Bool) -> String?
  /// HQ: how the last comparison with a store goes, or went, in this run. On `queue`.
  func verification(of node: NodeNumber) -> Verification.Report?
  /// At HQ, posts what changes to those who want to hear of it; nil if it does not run. On `queue`.
  var webhooks: WebhookSender? { get }
  /// HQ's keys, or what a store takes for HQ, were changed. On `queue`, once that is written down.
  func keysChanged()
  /// HQ: something was erased, or is to be looked at again. On `queue`, once that is written down.
  func erasuresChanged()
  /// HQ: why a connected store has not confirmed an erasure, as last heard; nil if nothing is wrong. On `queue`.
  func erasureProblem(of node: NodeNumber) -> String?
  /// On `queue`.
  func stop(_ completion: @escaping @Sendable () -> Void)
}

extension RunningNode {
  package var isRunning: Bool { true }
  package var greetingCount: Int { 0 }
  package var webhooks: WebhookSender? { nil }
  package func endpointsChanged() {}
  package func erasuresChanged() {}
  package func keysChanged() {}
  package func erasureProblem(of node: NodeNumber) -> String? { nil }
  package func verify(_ node: NodeNumber, isRepairing: Bool) -> String? { "the node is not running" }
  package func verification(of node: NodeNumber) -> Verification.Report? { nil }
  package func endLink(of node: NodeNumber, _ refusal: Refusal) {}
}
