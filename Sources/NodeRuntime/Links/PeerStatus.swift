package import Base
package import Causality
package import RecordStore

/// What a running node knows of the other end of a link, for `status`.
package struct PeerStatus: Sendable {
  package var node: NodeNumber
  package var isConnected = false
  /// The peer has said that it has nothing more to send.
  package var isCaughtUp = false
  /// How long it has had something to send that is not durable here; nil if it has not, or is not connected.
  package var behindMilliseconds: Int64?
  package var address: String?
  package var software: String?
  package var protocolVersion: UInt64?
  package var connectedAt: WallTime?
  package var lastContact: WallTime?
  /// The peer's clock minus this node's, at the last handshake.
  package var clockOffsetMilliseconds: Int64?
  /// How far the peer has durably taken this node's log.
  package var acknowledged: LaneMap<Sequence64>
  /// Why the last connection ended or did not come about.
  package var lastProblem: String?
  /// At HQ: the store's enrolment.
  package var enrolment: Enrolment?

  package init(node: NodeNumber, acknowledged: LaneMap<Sequence64>) {
    self.node = node
    self.acknowledged = acknowledged
  }
}

extension PeerStatus {
  /// What was measured before the wall clock was set is off by as much.
  mutating func clockJumped(_ event: ClockWatch.Event) {
    guard case .wallClockSet(let milliseconds) = event else { return }
    clockOffsetMilliseconds = clockOffsetMilliseconds.map {
      WallTime(milliseconds: $0).milliseconds(since: WallTime(milliseconds: milliseconds))
    }
  }
}
