package import Base
package import Causality
package import Merge
import StoreModel

/// A group that one end of a link has not applied: the two nodes are not the same, however often they connect, until it
/// is.
package struct PeerException: Hashable, Sendable {
  package enum Side: UInt8, Hashable, Sendable {
    /// This node has refused a group of the peer's. (What it has parked is a `ParkedGroup`.)
    case here = 0
    /// The peer has parked or refused a group of this node's.
    case there = 1
  }

  /// Counts from 1 at this node.
  package var number: Int64
  package var peer: NodeNumber
  package var side: Side
  package var notedAt: WallTime
  /// `parked` or `refused`.
  package var outcome: String
  package var code: String
  package var reason: String
  /// There: the entry of this node's log; 0 if it is not known which.
  package var sequence: Sequence64
  /// The group's, if it is known which group it was.
  package var stamp: Stamp?
  /// The group's records, as far as the other end has not shown to have them in a later way.
  package var keys: [RecordKey]

  package init(
    number: Int64, peer: NodeNumber, side: Side, notedAt: WallTime, outcome: String, code: String, reason: String,
    sequence: Sequence64, stamp: Stamp?, keys: [RecordKey]
  ) {
    self.number = number
    self.peer = peer
    self.side = side
    self.notedAt = notedAt
    self.outcome = outcome
    self.code = code
    self.reason = reason
    self.sequence = sequence
    self.stamp = stamp
    self.keys = keys
  }
}

/// A peer's word that it has not applied a group.
package struct NotApplied: Hashable, Sendable {
  package var outcome: String
  package var code: String
  package var reason: String
  /// Which group it is, if that is known.
  package var stamp: Stamp?

  package init(outcome: String, code: String, reason: String, stamp: Stamp? = nil) {
    self.stamp = stamp
    self.outcome = outcome
    self.code = code
    self.reason = reason
  }
}
