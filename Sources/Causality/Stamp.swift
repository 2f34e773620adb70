/// The name of one commit at one replica. Unique in the chain; ordered by time, then replica, so that concurrent
/// writes have one order everywhere.
package struct Stamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var time: HybridTimestamp
  package var replica: ReplicaID

  package init(time: HybridTimestamp, replica: ReplicaID) {
    self.time = time
    self.replica = replica
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.time != right.time ? left.time < right.time : left.replica < right.replica
  }

  package var description: String { "\(time)@\(replica)" }
}
