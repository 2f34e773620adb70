package import Base
package import Causality
package import Merge
package import StoreModel

/// What is to become of a record that differs between two nodes, at the one that has it.
package struct Mending: Hashable, Sendable {
  package var key: RecordKey
  /// Both have seen the same, and their contents differ: this node's count from now on, as something that it has written.
  package var overrules: Bool

  package init(_ key: RecordKey, overrules: Bool = false) {
    self.key = key
    self.overrules = overrules
  }
}

extension StoreEngine {
  /// Logs records once more, as they are, so that they are sent again. Each is a group of its own: one that a peer cannot take
  /// holds up no other.
  /// - Parameter peer: who holds the record, whether or not it is to: HQ takes it back from a store whose it is not.
  /// - Returns: how many there were; a record that this node does not hold is passed over.
  package func sendAgain(
    _ mendings: [Mending], heldBy peer: NodeNumber, at wall: WallTime
  ) throws(StoreError) -> Int {
    try write(at: wall) { transaction throws(StoreError) in
      var count = 0
      for mending in mendings {
        guard let stored = try backend.find(mending.key), var state = stored.state else { continue }
        let stamp = Stamp(time: transaction.node.clock.tick(wall: wall), replica: transaction.node.identity.replica)
        if mending.overrules { state.vector.insert(stamp) }
        try transaction.write(
          [StoreTransaction<Backend>.Change(stored: stored, state: state)], stamp: stamp,
          lane: model.entity(mending.key.entity)?.lane ?? .normal, from: peer)
        count += 1
      }
      return count
    }
  }

  /// Adds up the balances of entities anew: what had changed behind the node's back was never taken into account.
  package func recountBalances(of entities: Set<EntityTag>) throws(StoreError) {
    let names = model.entities.filter { entities.contains($0.tag) }.flatMap { $0.balances.map(\.name) }
    guard !names.isEmpty else { return }
    try backend.transaction { () throws(StoreError) in
      for name in names.sorted() { try backend.recountBalance(name) }
    }
  }
}
