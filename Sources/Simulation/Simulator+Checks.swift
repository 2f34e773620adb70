import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession

// The checkers read the backends, and share no code with what they check beyond the meaning of a single record.

extension Simulator {
  /// Wherever a commit group is visible at HQ or at a store, all of it is: facts (a sale's order, lines, payment,
  /// movements, points) and records that change.
  func checkWholeGroups() throws(Violation) {
    for index in nodes.indices where !nodes[index].isRetired {
      var open: [Int] = []
      for number in unsettled(at: index) {
        let commit = oracle.commits[number]
        guard !nodes[commit.node].isUntold else {
          open.append(number)
          continue
        }
        let visible = try visibleRecords(of: commit, at: index)
        if visible.held != visible.expected { open.append(number) }
      }
      unsettledCommits[index] = open
    }
  }

  /// Commits of other nodes that were not wholly there at the last look.
  private func unsettled(at index: Int) -> [Int] {
    while unsettledCommits.count < nodes.count { unsettledCommits.append([]) }
    if index == 0 {
      for number in settledFrom..<oracle.commits.count {
        for node in nodes.indices where oracle.commits[number].node != node { unsettledCommits[node].append(number) }
      }
      settledFrom = oracle.commits.count
    }
    return unsettledCommits[index]
  }

  private func visibleRecords(of commit: Oracle.Commit, at index: Int) throws(Violation) -> (held: Int, expected: Int) {
    let node = nodes[index]
    let atHQ = nodes[0].backend
    if index > 0, !commit.keys.allSatisfy({ atHQ.find($0)?.vector.covers(commit.stamp) ?? false }) { return (0, 1) }
    let keys = index == 0 ? commit.keys : commit.keys.filter { isSteadilyInScope($0, of: node.number) }
    let held = keys.filter { node.backend.find($0)?.vector.covers(commit.stamp) ?? false }
    guard !held.isEmpty, held.count < keys.count, !isIncomplete(at: index, from: commit.node) else {
      return (held.count, keys.count)
    }
    // What HQ lets go on to others while a part of it waits is whole there when HQ has healed (RELIABILITY.md).
    if index > 0, hqWasPutBack { return (held.count, keys.count) }
    // What waits for its author, while HQ heals from a loss of its own, is shown as waiting.
    let waiting = parkedKeys(at: nodes[0])
    let missing = keys.filter { !held.contains($0) && !waiting.contains($0) }
    guard !missing.isEmpty else { return (held.count, keys.count) }
    throw Violation(
      "\(node.name) shows a part of \(commit.stamp): \(held.map(\.summary)) without \(missing.map(\.summary))")
  }

  /// Tasks move between stores; what is visible of them says nothing about whole groups.
  private func isSteadilyInScope(_ key: RecordKey, of store: NodeNumber) -> Bool {
    guard key.entity != StoreTask.tag, let schema = nodes[0].backend.model.entity(key.entity),
      let state = nodes[0].backend.find(key)?.state
    else { return false }
    return state.scope(schema).contains(store)
  }

  private func isIncomplete(at index: Int, from origin: Int) -> Bool {
    // What HQ forwards while it has a part only is not marked on the second leg (RELIABILITY.md).
    if index > 0, partialOrigins.contains(origin) { return true }
    let peer = index == 0 ? nodes[origin].number : .hq
    // What reaches a store through HQ may be incomplete on either leg.
    let legs = [(nodes[index], peer)] + (index == 0 || origin == 0 ? [] : [(nodes[0], nodes[origin].number)])
    return legs.contains { node, peer in isIncomplete(node, from: peer) }
  }

  private func isIncomplete(_ node: SimulatedNode, from peer: NodeNumber) -> Bool {
    Lane.allCases.contains { node.backend.receiveCursor(peer: peer, lane: $0)?.isIncomplete ?? false }
  }

  /// Remembers from whom HQ has ever had a part of a chain that was too long for one batch.
  func notePartialOrigins() {
    for index in nodes.indices.dropFirst() where isIncomplete(nodes[0], from: nodes[index].number) {
      partialOrigins.insert(index)
    }
  }

  /// No cursor has passed what is neither applied nor parked.
  /// - Parameter isWhole: looks at all entries, and not only at those that a cursor has passed since the last look.
  func checkCursors(isWhole: Bool) throws(Violation) {
    if isWhole { forgetChecked() }
    let parked = parkedKeys(at: nodes[0])
    for store in nodes.dropFirst() where !store.isRetired {
      try checkCursor(of: nodes[0], in: store, parked: parked, isWhole: isWhole)
      try checkCursor(of: store, in: nodes[0], parked: parkedKeys(at: store), isWhole: isWhole)
    }
    for (number, commit) in oracle.commits.enumerated()
    where commit.node != 0 && commit.isInLog && !nodes[commit.node].isRetired && !arrivedCommits.contains(number) {
      let store = nodes[commit.node]
      let cursor = nodes[0].backend.receiveCursor(peer: store.number, lane: commit.lane)
      guard let cursor, cursor.through >= commit.sequence, !isIncomplete(at: 0, from: commit.node),
        let end = sharedEnd(of: nodes[0], in: store), end >= commit.sequence
      else { continue }
      // What the store has let go of since comes to an HQ that was put back from whoever holds it now: the end's check sees
      // to that.
      let missing = commit.keys.filter { !(nodes[0].backend.find($0)?.vector.covers(commit.stamp) ?? false) }
      if missing.isEmpty { arrivedCommits.insert(number) }
      for key in missing where !parked.contains(key) && store.backend.holds(key, commit.stamp) {
        throw Violation(
          "HQ's cursor of \(store.name), \(commit.lane) \(cursor.through), has passed \(commit.sequence), "
            + "and HQ has not seen \(commit.stamp) of \(key.summary)")
      }
    }
  }

  /// What has been looked at may be otherwise now.
  func forgetChecked() {
    checkedCursors = [:]
    arrivedCommits = []
  }

  private func checkCursor(
    of receiver: SimulatedNode, in sender: SimulatedNode, parked: Set<RecordKey>, isWhole: Bool
  ) throws(Violation) {
    guard let end = sharedEnd(of: receiver, in: sender) else { return }
    for lane in Lane.allCases {
      guard let cursor = receiver.backend.receiveCursor(peer: sender.number, lane: lane) else { continue }
      let place = CursorPlace(receiver: receiver.number, sender: sender.number, lane: lane)
      let through = min(cursor.through, end)
      let checked = min(checkedCursors[place] ?? 0, through)
      checkedCursors[place] = through
      for entry in sender.backend.logEntries(lane: lane, after: checked, limit: .max) where entry.sequence <= through {
        guard entry.origin != receiver.number else { continue }
        for ref in entry.records {
          guard let stored = sender.backend.read(ref), stored.sequence == entry.sequence, let state = stored.state,
            !parked.contains(stored.key), let schema = sender.backend.model.entity(state.entity)
          else { continue }
          let isInScope = state.scope(schema).contains(receiver.number)
          let there = receiver.backend.find(stored.key)
          if isInScope, there?.vector.isAtLeast(state.vector) ?? false { continue }
          // Let go of in a time that HQ has forgotten, or passed over because it had moved on in that time: it comes when HQ has
          // compared the two, which the end's check sees to.
          let hasSeen = there?.state?.vector.covers(entry.stamp) ?? false
          if isInScope, hqWasPutBack, !isWhole, !hasSeen { continue }
          if !isInScope, there?.state.map({ !state.vector.isAtLeast($0.vector) }) ?? true { continue }
          // HQ does not know any more that the record was ever the receiver's: likewise.
          if !isInScope, hqWasPutBack, !isWhole { continue }
          throw Violation(
            "\(receiver.name)'s cursor of \(sender.name), \(lane) \(cursor.through), has passed \(entry.sequence): "
              + "\(stored.key.summary) is \(isInScope ? "not applied" : "not evicted")")
        }
      }
    }
  }

  /// How far the log that a receiver knows is the sender's log of today.
  private func sharedEnd(of receiver: SimulatedNode, in sender: SimulatedNode) -> Sequence64? {
    guard let known = try? receiver.store.knownLog(of: sender.number).log, let log = try? sender.store.lineage() else {
      return nil
    }
    return known.shared(with: log)
  }

  func parkedKeys(at node: SimulatedNode) -> Set<RecordKey> {
    node.droppedKeys.union(node.backend.parkedGroups().flatMap(\.keys))
  }

  // MARK: Quiet

  var isQuiet: Bool {
    let active = nodes.filter { !$0.isRetired }
    guard active.allSatisfy({ $0.isUp && $0.isIdle }), nodes[0].sessions.count == active.count - 1 else { return false }
    return active.allSatisfy { node in
      (node.isHQ || node.sessions.count == 1)
        && node.sessions.allSatisfy { sessions[$0].map { $0.session.isQuiet && $0.session.peerIsCaughtUp } ?? false }
    }
  }

  /// For a run that does not come to rest: who waits for what.
  var stateDump: String {
    var lines: [String] = []
    for node in nodes {
      let queue = ([node.running].compactMap(\.self) + node.diskQueue).map(\.name)
      lines.append(
        "\(node.name): \(node.isUp ? "up" : "down"), disk \(queue), log to \(node.backend.loadNode().head), "
          + "\(node.backend.parkedGroups().count) parked")
      for id in node.sessions {
        guard let live = sessions[id] else { continue }
        let state = live.session.isQuiet ? "quiet" : live.session.isLinked ? "linked" : "not linked"
        let acknowledged = live.session.acknowledged?.summary ?? "none"
        let peer = live.session.peerIsCaughtUp ? "the peer has no more" : "the peer has not said that it has no more"
        lines.append(
          "  session \(id) on connection \(live.connection): \(state), acknowledged \(acknowledged), \(peer)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

/// A cursor of one node in the log of another.
struct CursorPlace: Hashable {
  var receiver: NodeNumber
  var sender: NodeNumber
  var lane: Lane
}

extension StoredRecord {
  /// What the node has seen of the record, whether it holds it or has let go of it.
  var vector: VersionVector {
    switch body {
    case .held(let state): state.vector
    case .stub(let vector): vector
    }
  }
}

extension VersionVector {
  func isAtLeast(_ other: VersionVector) -> Bool {
    let order = compare(other)
    return order == .equal || order == .dominates
  }
}
