import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

// Who comes in, as `HQNode` and `StoreNode` do it: what they decide is in `StoreHistory` and in `RecordStore`.

extension Simulator {
  var stores: [NodeNumber] { nodes.dropFirst().map(\.number) }

  func greet(_ index: Int) throws(StoreError) {
    let node = nodes[index]
    try node.store.noteLogShown()
    let (log, cursors) = try node.store.knownLog(of: .hq)
    let hello = Hello(
      replica: node.store.identity.replica, credential: [1], epoch: node.store.identity.epoch, clock: wall(node),
      peerEpoch: log?.epoch, cursors: cursors, window: plan.storeWindow, software: SoftwareVersion.text,
      token: node.memory.token, ancestors: try node.store.toldAncestors(knowing: nil),
      peerAncestors: log?.told(keeping: nil) ?? [],
      answersVerify: plan.further.asksAtAll || plan.restoresHQ,
      codecs: plan.further.storesReadColumns && !node.version.isOlder ? Codec.readable : nil)
    connect(index, hello, head: try node.store.logHead())
  }

  private func visit(_ hello: Hello, isLinked: Bool) throws(StoreError) -> StoreHistory.Visit {
    StoreHistory.Visit(
      node: hello.replica.node, incarnation: hello.replica.incarnation, token: hello.token, address: "simulated",
      isLinked: isLinked, standing: try nodes[0].store.standing(of: hello.replica.node, in: hello.log, resumingAt: nil))
  }

  /// - Parameter isKept: whether the store comes in, so that its new token is written down; a refusal always is.
  private func refusal(_ hello: Hello, isLinked: Bool, isKept: Bool) throws(StoreError) -> Refusal? {
    let hq = nodes[0]
    let node = hello.replica.node
    guard !hq.memory.retired.contains(node) else { return Refusal(.retired, "this store is retired") }
    var history = hq.memory.histories[node] ?? StoreHistory()
    let refusal = history.admit(try visit(hello, isLinked: isLinked), random: identities.next(), at: wall(hq))
    if isKept || refusal != nil { hq.memory.histories[node] = history }
    return refusal
  }

  private func isLinked(_ store: NodeNumber, besides id: Int) -> Bool {
    nodes[0].sessions.contains { $0 != id && sessions[$0]?.session.peer == store }
  }

  /// HQ looks a caller up.
  func check(_ hello: Hello, of session: Int) throws(StoreError) {
    let store = hello.replica.node
    if let refusal = try refusal(hello, isLinked: isLinked(store, besides: session), isKept: false) {
      answer = (session, .denied(refusal))
    } else {
      fence(store, except: session)
      enqueue(.admit(session: session, hello), at: 0)
    }
  }

  func admit(_ hello: Hello, of session: Int) throws(StoreError) {
    let hq = nodes[0]
    let store = hello.replica.node
    // Another connection of this store may have come in meanwhile.
    if isLinked(store, besides: session) {
      fence(store, except: session)
      return enqueue(.admit(session: session, hello), at: 0)
    }
    let known = hq.memory.histories[store]
    if let refusal = try refusal(hello, isLinked: false, isKept: true) {
      answer = (session, .denied(refusal))
      return
    }
    try hq.store.noteLogShown()
    let resumption = try hq.store.resumption(of: hello)
    if hq.store.hasLost(hello, resumingAt: resumption, known) { try noteLoss() }
    let meeting = try hq.store.meet(store, hello.log, resumingAt: nil)
    hq.isUntold = false
    cameIn.insert(store)
    if nodes.dropFirst().allSatisfy({ $0.isRetired || cameIn.contains($0.number) }) { isHQUnaware = false }
    nodes[Int(store.rawValue)].isUntold = false
    answer = (
      session,
      .admitted(
        Admission(
          identity: hq.store.identity, head: try hq.store.logHead(), clock: wall(hq), cursors: meeting.cursors,
          resumption: resumption, token: hq.memory.histories[store]?.token,
          ancestors: try hq.store.toldAncestors(knowing: hello.peerEpoch), brought: meeting.brought,
          codecs: plan.further.hqReadsColumns ? Codec.readable : nil))
    )
  }

  private func noteLoss() throws(StoreError) {
    let hq = nodes[0]
    guard hq.memory.loss?.epoch != hq.store.identity.epoch else { return }
    try hq.store.takeIncarnation(newIncarnation())
    hq.memory.loss = (hq.store.identity.epoch, wall(hq))
    isHQUnaware = false
    hq.store.isHealing = hq.memory.isHealing(of: stores)
    probes.hit(.toldLoss)
    note("HQ is told that it has lost something, and goes on as \(hq.store.identity.replica)")
  }

  func newIncarnation() -> UInt32 { UInt32(truncatingIfNeeded: identities.next()) }

  /// HQ has all that a store had to send.
  func caughtUp(_ store: NodeNumber) throws(StoreError) {
    let hq = nodes[0]
    guard hq.store.isHealing else { return }
    hq.memory.histories[store, default: StoreHistory()].healedAt = wall(hq)
    let count = try retryParked(trusting: false)
    probes.hit(.healed, count)
    hq.store.isHealing = hq.memory.isHealing(of: stores)
    note(
      "HQ has all of store \(store); \(count) parked groups are applied; \(hq.store.isHealing ? "heals on" : "healed")")
  }

  /// - Returns: how many groups are applied now.
  func retryParked(trusting: Bool) throws(StoreError) -> Int {
    let outcomes = try nodes[0].store.retryParked(
      nil, at: wall(nodes[0]), trusting: trusting, decoding: SessionPerformer.decodeParked)
    let count = outcomes.count { $0.isApplied }
    if count > 0 { pendingGrowth = 0 }
    return count
  }

  func keep(_ keeping: Keeping, of session: Int, at index: Int, isAnswered: Bool) throws(StoreError) {
    let node = nodes[index]
    if !isAnswered, faults.chance(perMille: 500) {
      // The node dies after the first of three transactions.
      guard let log = keeping.log else { return }
      _ = try node.store.meet(.hq, log, resumingAt: keeping.resumption, spareIncarnation: newIncarnation())
      return
    }
    let measured = wall(node)
    let repaired = try node.store.keep(
      keeping, measured: measured, correction: node.correction, spareIncarnation: newIncarnation()
    ) { token in
      node.memory.token = token
    }
    node.correction = ClockCorrection.offset(keeping.clock.milliseconds(since: measured))
    if let repaired {
      note("\(node.name) stamps \(repaired.commitCount) commits anew: its clock was wrong")
      probes.hit(.clockRepairs, repaired.commitCount)
      rename(repaired, at: index)
    }
    if isAnswered { answer = (session, .kept) }
  }

  /// A store does what a refusal asks for, and calls again.
  func answer(_ refusal: Refusal, at index: Int) throws(StoreError) {
    let node = nodes[index]
    node.isUntold = false
    if let repaired = try node.store.answer(refusal, newIncarnation: newIncarnation()) {
      note(
        "\(node.name) stamps \(repaired.commitCount) commits anew and is \(node.store.identity.replica): \(refusal.code)"
      )
      rename(repaired, at: index)
      probes.hit(.toldRestored)
      probes.hit(.movedCommits, repaired.commitCount)
    }
  }

  private func rename(_ restampings: [Restamping], at index: Int) {
    let model = nodes[0].backend.model
    arrivedCommits = []
    for restamping in restampings {
      oracle.rename(restamping, at: index) { model.entity($0.entity)?.mutability == .immutable }
    }
    // One of before would bring the old names back, for commits that HQ has under the new ones: RELIABILITY.md.
    guard restampings.commitCount > 0 else { return }
    nodes[index].backups = []
    if case .putBack = nodes[index].pending { nodes[index].pending = nil }
  }
}
