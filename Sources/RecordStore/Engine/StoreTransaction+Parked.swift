package import Base
import Causality
import Merge
import StoreModel

/// What became of a parked group that was tried again.
package struct ParkedRetry: Hashable, Sendable {
  /// As it stands afterwards; without its payload.
  package var group: ParkedGroup
  package var isApplied: Bool

  package init(group: ParkedGroup, isApplied: Bool) {
    self.group = group
    self.isApplied = isApplied
  }
}

extension StoreTransaction {
  /// Applies parked groups again, from what came, each with those that wait behind it, in the order in which they came.
  /// What still does not fit stays parked, with the reason of now.
  mutating func retry(
    _ chain: [ParkedGroup], decoding decode: ([UInt8]) -> IncomingGroup
  ) throws(StoreError) -> [ParkedRetry] {
    var blocked: Set<RecordKey> = []
    var outcomes: [ParkedRetry] = []
    for summary in chain {
      guard var group = try backend.parkedGroup(summary.number) else { continue }
      let incoming = decode(group.payload)
      let before = group.payload
      if let problem = try problem(applying: incoming, &group, blocked) {
        (group.code, group.reason) = problem
        blocked.formUnion(group.keys)
        if group.payload == before { try backend.updateParked(group) } else { try backend.rewriteParked(group) }
        group.payload = []
        outcomes.append(ParkedRetry(group: group, isApplied: false))
      } else {
        try backend.removeParked(group.number)
        group.payload = []
        outcomes.append(ParkedRetry(group: group, isApplied: true))
      }
    }
    return outcomes
  }

  /// Why a group cannot be applied; nil if it now is.
  private mutating func problem(
    applying incoming: IncomingGroup, _ group: inout ParkedGroup, _ blocked: Set<RecordKey>
  ) throws(StoreError) -> (code: String, reason: String)? {
    let decoded: CommitGroup
    switch incoming {
    case .undecodable(let reason): return ("undecodable", reason)
    case .decoded, .facts:
      guard let found = incoming.group else { return ("undecodable", "it holds no group") }
      decoded = node.identity.isHQ ? try withoutErased(found, from: group.peer) : found
      if decoded.records.count < found.records.count { group.payload = try encoded(decoded) }
    }
    // One that could not be read named no records until now.
    group.keys = decoded.records.map(\.key) + decoded.evictions.map(\.key)
    guard blocked.isDisjoint(with: group.keys) else {
      return ("behind-parked", "a parked group touches the same record")
    }
    let (lane, peer) = (group.lane, group.peer)
    do throws(ApplyError) {
      try isolated { (transaction) throws(ApplyError) in
        // The peer may have another database by now, and gets back what it once sent.
        try transaction.merge(decoded, lane: lane, from: peer, batchStart: nil, isFromNow: false)
      }
      return nil
    } catch {
      switch error {
      case .store(let error) where error.code == .internalError: return (error.code.rawValue, error.message)
      case .store(let error): throw error
      // Parked once, it is kept: only a person drops what is parked.
      case .refused(let error), .model(let error): return (error.code.rawValue, error.description)
      }
    }
  }
}

extension StoreEngine {
  /// Tries parked groups again: all, or one with those of the same records that came before or after it.
  /// - Parameters:
  ///   - trusting: HQ takes them whatever the store may write: a person has said that they are right.
  package func retryParked(
    _ number: Int64?, at wall: WallTime, trusting: Bool, decoding decode: ([UInt8]) -> IncomingGroup
  ) throws(StoreError) -> [ParkedRetry] {
    var outcomes: [ParkedRetry] = []
    for chain in try parkedChains() where number == nil || chain.contains(where: { $0.number == number }) {
      outcomes += try write(at: wall) { transaction throws(StoreError) in
        transaction.trustsPeer = trusting
        return try transaction.retry(chain, decoding: decode)
      }
    }
    return outcomes.sorted { $0.group.number < $1.group.number }
  }

  /// The parked groups, put together where they touch the same records of one peer's.
  private func parkedChains() throws(StoreError) -> [[ParkedGroup]] {
    let groups = try backend.parkedSummaries()
    var leader = Array(groups.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while leader[index] != index {
        leader[index] = leader[leader[index]]
        index = leader[index]
      }
      return index
    }
    var first: [ParkedPlace: Int] = [:]
    for (index, group) in groups.enumerated() {
      for key in group.keys {
        let place = ParkedPlace(peer: group.peer, key: key)
        if let other = first[place] { leader[root(index)] = root(other) } else { first[place] = index }
      }
    }
    var chains: [Int: [ParkedGroup]] = [:]
    var order: [Int] = []
    for (index, group) in groups.enumerated() {
      let root = root(index)
      if chains[root] == nil { order.append(root) }
      chains[root, default: []].append(group)
    }
    return order.compactMap { chains[$0] }
  }

  /// Drops a parked group for good: what it would have written never comes, unless its writer writes it again.
  /// - Returns: the group, without its payload; nil if there is none of this number.
  package func dropParked(_ number: Int64) throws(StoreError) -> ParkedGroup? {
    try backend.transaction { () throws(StoreError) -> ParkedGroup? in
      guard var group = try backend.parkedGroup(number) else { return nil }
      try backend.removeParked(number)
      group.payload = []
      return group
    }
  }
}

/// Groups of one peer wait for each other where they touch the same record.
private struct ParkedPlace: Hashable {
  var peer: NodeNumber
  var key: RecordKey
}
