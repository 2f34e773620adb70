package import Base
import Causality
import StoreModel

extension StoreEngine {
  /// Begins to write as another incarnation, without a new log: what the present one has written stays as it is.
  package func takeIncarnation(_ incarnation: UInt32) throws(StoreError) {
    try change { (node) throws(StoreError) in node.identity.replica.incarnation = incarnation }
  }
}

extension StoreEngine {
  /// This node's log, and the ones that it went on from.
  package func lineage() throws(StoreError) -> Lineage {
    Lineage(epoch: try backend.loadNode().identity.epoch, ancestors: try backend.ancestors(of: nil))
  }

  /// What a greeting tells a peer of the logs that this node's went on from.
  /// - Parameter known: an epoch that the peer has named; nil for the one in which HQ has last let this store in.
  package func toldAncestors(knowing known: Epoch?) throws(StoreError) -> [Lineage.Ancestor] {
    let lastKnown = try backend.lastWelcome()?.epoch
    return try lineage().told(keeping: known ?? lastKnown)
  }

  /// A node starts: its log goes on under a new epoch. Should this database be an earlier state of the node's, the peers
  /// find out by the epoch where the two parted.
  /// - Parameter incarnation: what the node writes as from now on, where it is known to have been restored or copied.
  package func begin(_ epoch: Epoch, incarnation: UInt32? = nil) throws(StoreError) {
    try change { (node) throws(StoreError) in
      let lineage = Lineage(epoch: node.identity.epoch, ancestors: try backend.ancestors(of: nil))
      let hidden = try backend.hiddenAncestors()
      // An epoch that nobody has been told of, and that wrote nothing, needs no memory. One that wrote something may be in a
      // backup, from which this node begins more than once.
      if hidden == nil || node.head > lineage.ancestors.first?.end ?? 0 {
        let next = lineage.branched(to: epoch, at: node.head, hidden: hidden)
        try backend.setAncestors(next.lineage.ancestors, of: nil)
        try backend.setHiddenAncestors(next.hidden)
      }
      let measurement = try backend.clockMeasurement()
      if measurement.epoch == node.identity.epoch {
        try backend.setClockMeasurement(ClockMeasurement(through: node.head, epoch: nil))
        try noteStamped(through: node.clock.last.wall)
      }
      node.identity.epoch = epoch
      if let incarnation { node.identity.replica.incarnation = incarnation }
    }
  }

  /// Commits that a measured clock has stamped tell the time as well as the measurement does.
  private func noteStamped(through time: WallTime) throws(StoreError) {
    guard var welcome = try backend.lastWelcome(), welcome.time < time else { return }
    welcome.time = time
    try backend.setLastWelcome(welcome)
  }

  /// What a store adds to this machine's clock from its start until HQ lets it in and the clock is measured, in milliseconds.
  package func clockCorrection(startingAt wall: WallTime) throws(StoreError) -> Int64 {
    try backend.lastWelcome()?.correction(startingAt: wall) ?? 0
  }

  /// To be durable before a peer is told of the present epoch.
  package func noteLogShown() throws(StoreError) {
    guard try backend.hiddenAncestors() != nil else { return }
    try backend.transaction { () throws(StoreError) in try backend.setHiddenAncestors(nil) }
  }

  /// Changes what this node says of itself.
  func change<Result>(
    _ body: (inout NodeState) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try write(at: WallTime(milliseconds: 0)) { transaction throws(StoreError) in try body(&transaction.node) }
  }
}
