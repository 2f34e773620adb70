import Base
package import Causality
package import Merge
package import StoreModel

/// What could be read of a database's commits that HQ has not taken.
package struct Salvage: Sendable {
  /// A commit group, as far as it could be read. A record that was written again is in its last group only.
  package struct Group: Sendable {
    package var sequence: Sequence64
    package var lane: Lane
    package var stamp: Stamp
    package var records: [RecordState] = []
    /// Records that could not be read, or make no sense.
    package var unreadable: [RecordRef] = []

    package init(sequence: Sequence64, lane: Lane, stamp: Stamp) {
      self.sequence = sequence
      self.lane = lane
      self.stamp = stamp
    }
  }

  /// What a record's counters gained in unsent commits, by field.
  package typealias Steps = [FieldTag: Int64]

  /// Ascending by sequence.
  package var groups: [Group] = []
  /// The latest commit of each replica that HQ has.
  package var lastSent: [ReplicaID: HybridTimestamp] = [:]
  package var steps: [RecordKey: Steps] = [:]
  /// How many of its own commits there are in the log that HQ had not confirmed, beyond those in `groups`, because they
  /// cannot be read; a guess where the log itself is damaged.
  package var unreadableEntries = 0

  package init() {}
}

/// What became of salvaged groups.
package struct SalvageResult: Hashable, Sendable {
  /// Written here, under new stamps.
  package var taken: [Sequence64] = []
  /// All of it is here already.
  package var known: [Sequence64] = []

  package init() {}
}

extension StoreEngine {
  /// Writes what another database of this store had not sent as commits of this one: the same records, at the times at which
  /// they were written, by this replica. What this database has of it already stays as it is.
  ///
  /// This replica must not have written anything yet: its stamps would else meet those that it takes over.
  package func takeOver(_ salvage: Salvage) throws(StoreError) -> SalvageResult {
    let names = salvage.names(as: identity.replica)
    var result = SalvageResult()
    var rest = salvage.groups[...]
    while !rest.isEmpty {
      let slice = rest.prefix(StoreLimits.salvageGroupCount)
      rest = rest.dropFirst(slice.count)
      try write(at: WallTime(milliseconds: 0)) { transaction throws(StoreError) in
        for group in slice {
          if try transaction.takeOver(group, salvage, names) {
            result.taken.append(group.sequence)
          } else {
            result.known.append(group.sequence)
          }
        }
      }
    }
    return result
  }
}

extension Salvage {
  /// What each unsent commit is called from now on, by the replica that wrote it.
  fileprivate func names(as replica: ReplicaID) -> [ReplicaID: Restamping] {
    var all: [ReplicaID: Restamping] = [:]
    for group in groups {
      let old = group.stamp.replica
      all[old, default: Restamping(replica: old, lastSent: lastSent[old] ?? .zero, names: [:])]
        .names[group.stamp.time] = Stamp(time: group.stamp.time, replica: replica)
    }
    return all
  }
}

extension StoreTransaction {
  /// - Returns: false if there was nothing new in it.
  fileprivate mutating func takeOver(
    _ group: Salvage.Group, _ salvage: Salvage, _ names: [ReplicaID: Restamping]
  ) throws(StoreError) -> Bool {
    var changes: [Change] = []
    for state in group.records {
      let unsent = state.vector.entries.filter { names[$0.replica]?.names[$0.time] != nil }
      let stored = try backend.find(state.key)
      let known = stored?.state?.vector
      let isNew = unsent.contains { known?.covers(Stamp(time: $0.time, replica: $0.replica)) != true }
      guard isNew else { continue }
      var renamed = state
      // One replica after the other, always in the same order.
      for old in unsent.map(\.replica).sorted() {
        guard let restamping = names[old] else { continue }
        let isImmutable = model.entity(state.entity)?.mutability == .immutable
        renamed = renamed.restamped(restamping, isImmutable: isImmutable) { field in
          unsentSteps(of: field, by: old, state, stored?.state, salvage.steps[state.key])
        }
      }
      var merged = stored?.state ?? renamed
      if stored?.state != nil, merged.merge(renamed) == .unchanged { continue }
      for entry in merged.vector.entries where entry.replica == node.identity.replica { node.clock.observe(entry.time) }
      changes.append(Change(stored: stored, state: merged))
    }
    guard !changes.isEmpty else { return false }
    try write(changes, stamp: Stamp(time: group.stamp.time, replica: node.identity.replica), lane: group.lane)
    return true
  }

  /// What a counter gained that HQ does not have: exactly so where this database has HQ's state of it.
  private func unsentSteps(
    of field: FieldTag, by old: ReplicaID, _ state: RecordState, _ known: RecordState?, _ steps: Salvage.Steps?
  ) -> Int64 {
    func share(_ state: RecordState?) -> Int64? {
      state?.content(of: field)?.shares?.first { $0.stamp.replica == old }?.sum
    }
    guard let known = share(known), let sum = share(state) else { return steps?[field] ?? 0 }
    return sum.addingSaturating(0 &- known)
  }
}

extension RecordState {
  /// Whether it is one that a node takes from another.
  package func isSound(_ schema: EntitySchema?) -> Bool { problem(schema) == nil }
}
