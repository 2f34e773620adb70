import Base
import Causality
import RecordStore

/// One line on how a running node is, for `systemctl status`.
enum ServiceStatus {
  /// On the node's queue.
  static func line(of node: any RunningNode) -> String {
    let identity = node.gate.identity
    return line(node: identity.replica.node, peers: node.peerStatuses(), problem: node.gate.problem?.message)
  }

  static func line(node: NodeNumber, peers: [PeerStatus], problem: String?) -> String {
    if let problem { return "cannot write: \(problem)" }
    guard node == .hq else { return store(node, peers.first { $0.node == .hq }) }
    let expected = peers.filter { peer in
      peer.enrolment.map { $0.state == .active && $0.hasJoined } ?? peer.isConnected
    }
    let connected = expected.count { $0.isConnected }
    return "HQ: \(connected) of \(expected.count) \(expected.count == 1 ? "store" : "stores") connected"
  }

  private static func store(_ node: NodeNumber, _ hq: PeerStatus?) -> String {
    guard let hq, hq.isConnected else {
      return "store \(node): HQ is not connected\(hq?.lastProblem.map { " (\($0))" } ?? ""); the shop sells on"
    }
    return "store \(node): connected to HQ"
  }
}
