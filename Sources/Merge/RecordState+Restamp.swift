package import Causality
package import StoreModel

/// New names for commits of one replica that nobody else has seen: after a clock was wrong, or when a database turns out to
/// have been put back to an earlier state, so that its replica has written other commits since.
package struct Restamping: Sendable {
  /// The replica whose commits they are.
  package var replica: ReplicaID
  /// That replica's latest commit that others may have seen.
  package var lastSent: HybridTimestamp
  /// Each commit's new stamp; later times get later ones.
  package var names: [HybridTimestamp: Stamp]

  package init(replica: ReplicaID, lastSent: HybridTimestamp, names: [HybridTimestamp: Stamp]) {
    self.replica = replica
    self.lastSent = lastSent
    self.names = names
  }

  package func name(_ stamp: Stamp) -> Stamp {
    stamp.replica == replica ? names[stamp.time] ?? stamp : stamp
  }
}

extension RecordState {
  /// The same record under the new names.
  ///
  /// Where commits move to another replica, the vector goes on to say that it has seen what the old one has sent: that
  /// is so, because this node wrote it. An immutable record was written once, by a commit that moves, so it has seen none.
  /// - Parameter unsent: what the renamed commits added to this replica's share of a counter.
  package func restamped(
    _ restamping: Restamping, isImmutable: Bool, unsent: (FieldTag) -> Int64
  ) -> RecordState {
    var state = self
    state.vector = vector.restamped(restamping, isImmutable: isImmutable)
    state.fields = fields.map { field in
      FieldState(tag: field.tag, content: field.content.restamped(restamping, unsent: unsent(field.tag)))
    }
    state.deletions = deletions.map { mark in
      DeletionMark(
        stamp: restamping.name(mark.stamp), saw: mark.saw.restamped(restamping, isImmutable: isImmutable))
    }.sorted { $0.stamp < $1.stamp }
    // A receipt that was sent again with other contents was written twice: what others have seen stays covered.
    var vector = state.vector
    state.forEachStamp { if !vector.covers($0) { vector.insert($0) } }
    state.vector = vector
    return state
  }
}

extension VersionVector {
  package func restamped(_ restamping: Restamping, isImmutable: Bool) -> VersionVector {
    let old = self[restamping.replica]
    guard let new = restamping.names[old] else { return self }
    var vector = VersionVector()
    for entry in entries where entry.replica != restamping.replica {
      vector.insert(Stamp(time: entry.time, replica: entry.replica))
    }
    if new.replica != restamping.replica, !isImmutable, restamping.lastSent > .zero {
      vector.insert(Stamp(time: restamping.lastSent, replica: restamping.replica))
    }
    vector.insert(new)
    return vector
  }
}

extension FieldState.Content {
  fileprivate func restamped(_ restamping: Restamping, unsent: Int64) -> FieldState.Content {
    func siblings(_ siblings: some Sequence<Sibling>) -> [Sibling] {
      siblings.map { Sibling(stamp: restamping.name($0.stamp), value: $0.value) }.sorted { $0.stamp < $1.stamp }
    }
    switch self {
    case .register(let all): return .register(Siblings(siblings(all)))
    case .set(let elements):
      return .set(elements.map { Element(value: $0.value, stamps: $0.stamps.map(restamping.name).sorted()) })
    case .counter(let shares):
      var byReplica: [ReplicaID: Share] = [:]
      for share in shares.flatMap({ $0.restamped(restamping, unsent: unsent) }) {
        // The commits of two incarnations may move to one.
        byReplica[share.stamp.replica] = byReplica[share.stamp.replica].map { share.joined($0) } ?? share
      }
      return .counter(byReplica.values.sorted { $0.stamp.replica < $1.stamp.replica })
    case .map(let entries):
      return .map(entries.map { MapEntry(key: $0.key, siblings: siblings($0.siblings)) })
    }
  }
}

extension Array<Restamping> {
  /// How many commits got other names.
  package var commitCount: Int { reduce(0) { $0 + $1.names.count } }
}

extension Share {
  fileprivate func joined(_ other: Share) -> Share {
    Share(stamp: Swift.max(stamp, other.stamp), sum: sum.addingSaturating(other.sum))
  }

  /// What others have seen of the sum stays with the replica that they have seen it of.
  fileprivate func restamped(_ restamping: Restamping, unsent: Int64) -> [Share] {
    let new = restamping.name(stamp)
    guard new.replica != stamp.replica else { return [Share(stamp: new, sum: sum)] }
    let moved = Share(stamp: new, sum: unsent)
    let sent = sum.addingSaturating(0 &- unsent)
    guard sent != 0, restamping.lastSent > .zero else { return [moved] }
    return [Share(stamp: Stamp(time: restamping.lastSent, replica: stamp.replica), sum: sent), moved]
  }
}
