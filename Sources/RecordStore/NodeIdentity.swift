package import Causality

/// The identity of a change log. New after a restore: cursors are bound to it.
package struct Epoch: Hashable, Sendable, CustomStringConvertible {
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  package var description: String { String(rawValue, radix: 16) }
}

/// Who a node is: as a writer, and as the keeper of a change log.
package struct NodeIdentity: Hashable, Sendable {
  package var replica: ReplicaID
  package var epoch: Epoch

  package init(replica: ReplicaID, epoch: Epoch) {
    self.replica = replica
    self.epoch = epoch
  }

  package var isHQ: Bool { replica.node == .hq }
}
