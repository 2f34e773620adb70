/// Which commits of each replica a record has seen: replica → latest hybrid timestamp.
///
/// A replica writes in increasing order, and a record travels whole; so an entry covers that replica's earlier writes
/// to the record as well. A replica that is absent counts as before everything (an entry is never `.zero`).
package struct VersionVector: Hashable, Sendable, CustomStringConvertible {
  package struct Entry: Hashable, Sendable {
    package var replica: ReplicaID
    package var time: HybridTimestamp

    package init(replica: ReplicaID, time: HybridTimestamp) {
      self.replica = replica
      self.time = time
    }
  }

  /// Ascending by replica, no replica twice, no zero times.
  package private(set) var entries: [Entry]

  package init() {
    entries = []
  }

  package init(_ stamp: Stamp) {
    entries = []
    insert(stamp)
  }

  /// Nil unless the entries are strictly ascending by replica and none is zero: for bytes from outside.
  package init?(ascending entries: [Entry]) {
    for (index, entry) in entries.enumerated() {
      guard entry.time > .zero, index == 0 || entries[index - 1].replica < entry.replica else { return nil }
    }
    self.entries = entries
  }

  package var isEmpty: Bool { entries.isEmpty }

  /// Whether this one commit is all that it has seen.
  package func isOnly(_ stamp: Stamp) -> Bool {
    entries.count == 1 && entries[0].time == stamp.time && entries[0].replica == stamp.replica
  }

  package subscript(replica: ReplicaID) -> HybridTimestamp {
    let index = firstIndex(notBelow: replica)
    return index < entries.count && entries[index].replica == replica ? entries[index].time : .zero
  }

  /// Whether the commit named by `stamp` is among those seen.
  package func covers(_ stamp: Stamp) -> Bool {
    self[stamp.replica] >= stamp.time
  }

  package mutating func insert(_ stamp: Stamp) {
    guard stamp.time > .zero else { return }
    let index = firstIndex(notBelow: stamp.replica)
    if index < entries.count, entries[index].replica == stamp.replica {
      entries[index].time = max(entries[index].time, stamp.time)
    } else {
      entries.insert(Entry(replica: stamp.replica, time: stamp.time), at: index)
    }
  }

  /// The least vector that covers all that either covers.
  package mutating func join(_ other: VersionVector) {
    guard self != other else { return }
    var joined: [Entry] = []
    joined.reserveCapacity(max(entries.count, other.entries.count))
    var left = entries[...]
    var right = other.entries[...]
    while let mine = left.first, let theirs = right.first {
      if mine.replica == theirs.replica {
        joined.append(mine.time >= theirs.time ? mine : theirs)
        left.removeFirst()
        right.removeFirst()
      } else if mine.replica < theirs.replica {
        joined.append(left.removeFirst())
      } else {
        joined.append(right.removeFirst())
      }
    }
    entries = joined + left + right
  }

  package func joined(_ other: VersionVector) -> VersionVector {
    var result = self
    result.join(other)
    return result
  }

  private func firstIndex(notBelow replica: ReplicaID) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].replica < replica { low = middle + 1 } else { high = middle }
    }
    return low
  }

  package var description: String {
    "{" + entries.map { "\($0.replica): \($0.time)" }.joined(separator: ", ") + "}"
  }
}

/// How two vectors stand to each other.
package enum CausalOrder: Hashable, Sendable {
  case equal
  /// The left one has seen all that the right one has, and more.
  case dominates
  case dominated
  case concurrent
}

extension VersionVector {
  /// A merge-join over the sorted entries (as in Syncthing's `protocol/vector.go`); an absent entry is the least.
  package func compare(_ other: VersionVector) -> CausalOrder {
    var ahead = false
    var behind = false
    var left = entries[...]
    var right = other.entries[...]
    while !(ahead && behind) {
      guard let mine = left.first else {
        behind = behind || !right.isEmpty
        break
      }
      guard let theirs = right.first else {
        ahead = true
        break
      }
      if mine.replica == theirs.replica {
        ahead = ahead || mine.time > theirs.time
        behind = behind || mine.time < theirs.time
        left.removeFirst()
        right.removeFirst()
      } else if mine.replica < theirs.replica {
        ahead = true
        left.removeFirst()
      } else {
        behind = true
        right.removeFirst()
      }
    }
    return switch (ahead, behind) {
    case (false, false): .equal
    case (true, false): .dominates
    case (false, true): .dominated
    case (true, true): .concurrent
    }
  }
}
