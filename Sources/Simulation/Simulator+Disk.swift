import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

extension Simulator {
  func diskTime(_ index: Int) -> Int64 {
    let slowness = plan.slowNode == index ? 20 : 1
    return Int64(network.draw(0...plan.diskMilliseconds * slowness))
  }

  func enqueue(_ operation: DiskOperation, at index: Int) {
    nodes[index].diskQueue.append(operation)
    beginNext(index)
  }

  private func beginNext(_ index: Int) {
    let node = nodes[index]
    guard node.isUp, node.running == nil, !node.diskQueue.isEmpty else { return }
    node.running = node.diskQueue.removeFirst()
    node.runningNumber += 1
    plan(.disk(node: index, process: node.process, number: node.runningNumber), after: diskTime(index))
  }

  func diskDone(_ index: Int, _ process: Int, _ number: Int) throws(Violation) {
    let node = nodes[index]
    guard node.process == process, node.runningNumber == number, let operation = node.running else { return }
    node.running = nil
    try perform(operation, at: index, isAnswered: true)
    beginNext(index)
  }

  /// Does what the disk was asked for. `isAnswered` is false if the node dies before anybody hears of it.
  func perform(_ operation: DiskOperation, at index: Int, isAnswered: Bool) throws(Violation) {
    do throws(StoreError) {
      switch operation {
      case .commit:
        if try commit(at: index), isAnswered { pendingGrowth = index }
      case .greet: if isAnswered { try greet(index) }
      case .check(let session, let hello):
        if isAnswered, sessions[session] != nil { try check(hello, of: session) }
      case .admit(let session, let hello):
        if isAnswered, sessions[session] != nil { try admit(hello, of: session) }
      case .confirm(let store, let token):
        if nodes[0].memory.histories[store]?.token == token {
          nodes[0].memory.histories[store]?.tokenIsConfirmed = true
        }
      case .caughtUp(let store): try caughtUp(store)
      case .keep(let session, let keeping): try keep(keeping, of: session, at: index, isAnswered: isAnswered)
      case .answer(let refusal):
        try answer(refusal, at: index)
        if isAnswered { callLater(index, retryAfter: 0) }
      case .store(let session, let batch): try apply(batch, session, at: index, isAnswered)
      case .chore(let chore): try perform(chore, at: index)
      case .note(let peer, let position):
        try nodes[index].store.noteAcknowledged(by: peer, lane: position.lane, through: position.through)
      }
    } catch {
      try failed(operation, at: index, error, isAnswered: isAnswered)
    }
    try deliver()
  }

  /// A full disk fails anything, and HQ takes no stamp far ahead of its clock; nothing else may happen.
  private func failed(
    _ operation: DiskOperation, at index: Int, _ error: StoreError, isAnswered: Bool
  ) throws(Violation) {
    answer = nil
    switch error.code {
    case .diskFull: probes.hit(.fullDisks)
    case .clockAhead where index == 0: break
    case .interrupted: probes.hit(.tornTransactions)
    // What came behind a batch that found no room.
    case .wrongCursor where operation.session.map { sessions[$0] == nil } ?? false: break
    default: throw Violation("\(nodes[index].name) failed in \(operation.name): \(error)")
    }
    note("\(nodes[index].name) fails in \(operation.name): \(error.code)")
    guard isAnswered else { return }
    if let session = operation.session { answer = (session, .storageFailed(error)) }
    switch operation {
    case .greet: callFailed(index, nodes[index].process)
    case .answer: callLater(index, retryAfter: 0)
    default: break
    }
  }

  /// Answers go out after the transaction, as events of their own.
  private func deliver() throws(Violation) {
    if let (session, event) = answer {
      answer = nil
      if sessions[session] == nil { probes.hit(.droppedResults) }
      try tell(session, event)
    }
    if let grown = pendingGrowth {
      pendingGrowth = nil
      try logGrew(at: grown)
    }
    if let broken = brokenRule {
      brokenRule = nil
      throw broken
    }
  }

  private func apply(
    _ batch: IncomingBatch, _ session: Int, at index: Int, _ isAnswered: Bool
  ) throws(StoreError) {
    let node = nodes[index]
    // What a session has asked for is done even if it is gone by now: its successor's cursors are read after that.
    probeBefore(batch, at: node)
    let head = try node.store.logHead()
    let results = try node.store.apply(batch, at: correctedWall(node))
    probeAfter(results, of: batch, at: node)
    if index == 0 { notePartialOrigins() }
    note("\(node.name) applied \(batch.lane) (\(batch.after), \(batch.through)] of \(batch.peer)")
    guard isAnswered else { return }
    answer = (session, .stored(lane: batch.lane, results: results))
    if try node.store.logHead() > head { pendingGrowth = index }
  }

  private func probeBefore(_ batch: IncomingBatch, at node: SimulatedNode) {
    for incoming in batch.groups {
      guard let group = incoming.group else { continue }
      for record in group.records {
        guard let stored = node.backend.find(record.key) else { continue }
        switch stored.body {
        case .held(let state): if state.vector.compare(record.vector) == .concurrent { probes.hit(.mergesJoined) }
        case .stub: probes.hit(.comebacks)
        }
      }
      for eviction in group.evictions {
        guard let state = node.backend.find(eviction.key)?.state else { continue }
        let order = state.vector.compare(eviction.vector)
        probes.hit(order == .equal || order == .dominated ? .evictions : .keptUnsent)
      }
    }
  }

  private func probeAfter(_ results: [GroupResult], of batch: IncomingBatch, at node: SimulatedNode) {
    for result in results {
      switch result {
      case .applied: break
      case .parked(let code, let reason):
        note("\(node.name) parked a group of \(batch.peer): \(code), \(reason)")
        probes.hit(code == "behind-parked" ? .behindParked : .parked)
      case .refused(let code, let reason):
        note("\(node.name) refused a group of \(batch.peer): \(code), \(reason)")
      }
    }
  }

  // MARK: Crashes

  func crash() throws(Violation) {
    defer { planNext(.crash, mean: plan.meanCrashMilliseconds) }
    let index = faults.below(nodes.count)
    let node = nodes[index]
    guard node.isUp else { return }
    note("\(node.name) crashes")
    probes.hit(node.isHQ ? .hqCrashes : .storeCrashes)
    try stopNode(index)
  }

  /// Ends a node's process wherever it is; another one starts later.
  func stopNode(_ index: Int, for downTime: Int64? = nil) throws(Violation) {
    let node = nodes[index]
    node.isUp = false
    node.process += 1
    for session in node.sessions {
      guard let connection = sessions[session]?.connection else { continue }
      remove(session, closing: false)
      breakDown(connection)
    }
    if let running = node.running {
      node.running = nil
      if further.chance(perMille: plan.further.tornPerMille) {
        try tear(running, at: index)
      } else if faults.chance(perMille: 500) {
        probes.hit(.doneUnacknowledged)
        note("\(node.name) had just done: \(running.name)")
        try perform(running, at: index, isAnswered: false)
      } else {
        probes.hit(.lostOperations)
      }
    }
    node.diskQueue = []
    node.isCalling = false
    node.backoff = Backoff()
    plan(.restart(node: index), after: (downTime ?? 0) + faults.draw(1...Int64(plan.downMilliseconds)))
  }

  func restart(_ index: Int) throws(Violation) {
    let node = nodes[index]
    guard untilOpen == 0 else { return plan(.restart(node: index), after: untilOpen + faults.draw(1...1_000)) }
    let (isDone, isNoticed) = try change(index)
    guard isDone else { return plan(.restart(node: index), after: 500) }
    note("\(node.name) starts again")
    node.backend.writesLeft = nil
    if plan.flatBattery == index, drainingSince == nil {
      node.skew = -(SimulationLimits.calendarStart + now)
      probes.hit(.deadBatteries)
    }
    do throws(StoreError) {
      try reopen(node)
      node.store = try makeStore(index, node.backend)
      try begin(node, isNoticed: isNoticed)
      node.correction = try node.store.clockCorrection(startingAt: wall(node))
      try retryAfterUpgrade(index)
    } catch {
      throw Violation("\(node.name) cannot open its store again: \(error)")
    }
    if let brokenRule { throw brokenRule }
    node.isUp = true
    if !node.isHQ { callLater(index, retryAfter: 0) }
  }

  /// As a node does it when it starts: its log goes on under another epoch, so that peers tell a database that was put back.
  private func begin(_ node: SimulatedNode, isNoticed: Bool) throws(StoreError) {
    try node.store.begin(Epoch(rawValue: identities.next()), incarnation: isNoticed ? newIncarnation() : nil)
    guard node.isHQ else { return }
    node.store.stampAheadMilliseconds = StoreLimits.stampAheadMilliseconds
    if isNoticed { node.memory.loss = (node.store.identity.epoch, wall(node)) }
    node.store.isHealing = node.memory.isHealing(of: stores)
  }

  func jump() {
    defer { planNext(.jump, mean: plan.meanJumpMilliseconds) }
    let node = nodes[faults.below(nodes.count)]
    let drawn = faults.pick([-1, -5_000, -3_600_000, 2_000, 900_000])
    let by = plan.hasSmallJumps ? drawn / 100 : drawn
    node.skew += Int64(by)
    if node.correction != 0 { node.correction = ClockCorrection.offset(node.correction - Int64(by)) }
    probes.hit(.clockJumps)
    note("the clock of \(node.name) jumps by \(by) ms")
  }
}
