import Causality

/// Which log a node keeps now, and which ones it went on from.
///
/// A log takes a new epoch whenever its node starts, so a database that was put back to an earlier state goes on under
/// another epoch than the one that it has forgotten: what two epochs share ends where the first of them branched off.
package struct Lineage: Hashable, Sendable {
  /// A log that another one went on from.
  package struct Ancestor: Hashable, Sendable {
    package var epoch: Epoch
    /// The last sequence that both have.
    package var end: Sequence64

    package init(epoch: Epoch, end: Sequence64) {
      self.epoch = epoch
      self.end = end
    }
  }

  package var epoch: Epoch
  /// The newest first.
  package var ancestors: [Ancestor]

  package init(epoch: Epoch, ancestors: [Ancestor] = []) {
    self.epoch = epoch
    self.ancestors = ancestors
  }

  /// How far this log is the same as that of an epoch; nil if they have nothing in common that is remembered.
  package func end(of other: Epoch) -> Sequence64? {
    guard other != epoch else { return .max }
    var end = Sequence64.max
    for ancestor in ancestors {
      // Ends fall with age in an honest lineage; in any other, the least one holds.
      end = min(end, ancestor.end)
      if ancestor.epoch == other { return end }
    }
    return nil
  }

  /// How far two logs are the same; nil if they have nothing in common that is remembered.
  package func shared(with other: Lineage) -> Sequence64? {
    for known in [epoch] + ancestors.map(\.epoch) {
      if let mine = end(of: known), let theirs = other.end(of: known) { return min(mine, theirs) }
    }
    return nil
  }

  /// What a greeting names of the logs that this one went on from: the latest, and one that the other side knows, however many
  /// starts have come since of which it has heard nothing.
  package func told(keeping known: Epoch?) -> [Ancestor] {
    var told = Array(ancestors.prefix(StoreLimits.toldAncestorCount))
    if told.count < ancestors.count, let known, let ancestor = ancestors.first(where: { $0.epoch == known }),
      !told.contains(where: { $0.epoch == known })
    {
      told[told.count - 1] = ancestor
    }
    return told
  }

  /// This lineage, as a peer tells it of its log, with what was known of that log before: what an epoch that both name went
  /// on from is the same for good.
  package func remembering(_ known: Lineage) -> Lineage {
    let epochs = [known.epoch] + known.ancestors.map(\.epoch)
    let positions = Dictionary(zip(epochs, 0...)) { first, _ in first }
    guard let shared = ([epoch] + ancestors.map(\.epoch)).lazy.compactMap({ positions[$0] }).first else { return self }
    let told = Set([epoch] + ancestors.map(\.epoch))
    var all = ancestors
    for ancestor in known.ancestors[shared...] where !told.contains(ancestor.epoch) {
      // Ends fall with age.
      all.insert(ancestor, at: all.firstIndex { $0.end < ancestor.end } ?? all.endIndex)
    }
    return Lineage(epoch: epoch, ancestors: Array(all.prefix(StoreLimits.ancestorCount)))
  }

  /// The lineage of a log that goes on from this one at `end`.
  /// - Parameter hidden: how many of the latest ancestors no peer can know; nil if one may know the present epoch.
  /// - Returns: and how many no peer can know then.
  package func branched(to new: Epoch, at end: Sequence64, hidden: Int?) -> (lineage: Lineage, hidden: Int) {
    var ancestors = [Ancestor(epoch: epoch, end: end)] + ancestors
    var count = hidden.map { $0 + 1 } ?? 0
    // Those that peers know must stay, or they would not know this log again.
    if count > StoreLimits.hiddenAncestorCount {
      ancestors.remove(at: count - 1)
      count -= 1
    }
    return (Lineage(epoch: new, ancestors: Array(ancestors.prefix(StoreLimits.ancestorCount))), count)
  }
}

/// What the first greeting of a link tells about the peer's log.
package struct Meeting: Hashable, Sendable {
  /// Where this node stands in the peer's log as it is now.
  package var cursors: LaneMap<Sequence64>
  /// The peer no longer has all that this node has taken from it: its database was put back to an earlier state, or is
  /// another one.
  package var hasLost: Bool
  /// What this node has of the peer's log beyond the cursors.
  package var brought = LaneMap<[Sequence64]>(repeating: [])

  package var coverage: LogCoverage { LogCoverage(cursors: cursors, brought: brought) }

  package init(cursors: LaneMap<Sequence64>, hasLost: Bool) {
    self.cursors = cursors
    self.hasLost = hasLost
  }
}
