import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Wire

extension Simulator {
  /// Hands an event to a session, if it still lives, and does what it asks for.
  func tell(_ id: Int, _ event: SessionEvent) throws(Violation) {
    guard sessions[id] != nil else { return }
    var effects: [SessionEffect] = []
    let wasCaughtUp = sessions[id]?.session.peerIsCaughtUp ?? false
    sessions[id]?.session.handle(event, at: Instant(milliseconds: now), into: &effects)
    for effect in effects { try perform(effect, of: id) }
    if !wasCaughtUp, let live = sessions[id], live.side == .hq, live.session.peerIsCaughtUp,
      let peer = live.session.peer
    {
      enqueue(.caughtUp(peer), at: 0)
    }
    planDeadline(id)
  }

  private func planDeadline(_ id: Int) {
    guard let live = sessions[id], let deadline = live.session.deadline?.milliseconds else { return }
    guard live.plannedDeadline.map({ deadline < $0 || $0 <= now }) ?? true else { return }
    sessions[id]?.plannedDeadline = deadline
    events.plan(.deadline(session: id), at: max(deadline, now + 1))
  }

  func deadline(_ id: Int) throws(Violation) {
    guard let live = sessions[id], let deadline = live.session.deadline?.milliseconds else { return }
    if now >= deadline { return try tell(id, .deadlineReached) }
    planDeadline(id)
  }

  private func perform(_ effect: SessionEffect, of id: Int) throws(Violation) {
    guard let live = sessions[id] else { return }
    let node = nodes[live.node]
    switch effect {
    case .send(let message): try send(message, from: live)
    case .admit(let hello):
      enqueue(.check(session: id, hello), at: live.node)
    case .enrol, .enrolled: break  // The simulated stores have joined.
    case .keepKeys, .keysKept: break  // Nor keys.
    case .keepEndpoints, .endpointsKept: break  // Simulated nodes have no addresses.
    case .keep(let keeping): enqueue(.keep(session: id, keeping), at: live.node)
    case .confirmed(let token):
      if let peer = live.session.peer { enqueue(.confirm(peer, token: token), at: live.node) }
    case .verify(let question): plan(.verifyAnswer(session: id, question), after: diskTime(live.node))
    case .verified(let answer): try verified(answer, at: id)
    case .load(var request):
      request.budgetBytes = plan.batchBytes
      request.chainBytes = plan.chainBytes
      request.scanLimit = plan.scanEntries
      sessions[id]?.isReading = true
      plan(.read(session: id, request), after: diskTime(live.node))
    case .store(let batch, let peer, let epoch):
      try receive(batch, peer: peer, epoch: epoch, at: live)
    case .linked(let information):
      note("session \(id) is linked to \(information.peer), acknowledged \(information.acknowledged.summary)")
      node.backoff.succeeded()
    case .acknowledged(let lane, let through, let exceptions, _):
      probes.hit(.acknowledgements)
      probes.hit(.exceptions, exceptions.count)
      if let peer = live.session.peer {
        enqueue(.note(peer: peer, LanePosition(lane: lane, through: through)), at: live.node)
      }
    case .close(let reason): try closed(live, reason)
    }
  }

  private func send(_ message: Message, from live: SimulatedSession) throws(Violation) {
    if case .batch(let batch) = message {
      probes.hit(.batches)
      if batch.incompleteUntil > 0 { probes.hit(.incompleteBatches) }
      let codec = UInt8(exactly: batch.codec).flatMap(Codec.init)
      if codec == .zstd || codec == .packedColumns { probes.hit(.packed) }
      if codec?.isColumns == true { probes.hit(.columns) }
    }
    do {
      send(try FrameWriter.frame(message.encoded()), on: live.connection, to: live.side.other)
    } catch {
      throw Violation("session \(live.id) made a message that fits no frame: \(error)")
    }
  }

  private func receive(
    _ batch: Batch, peer: NodeNumber, epoch: Epoch, at live: SimulatedSession
  ) throws(Violation) {
    let codec = SimulatedCodec(packs: plan.packs)
    switch SessionPerformer.decode(batch, peer: peer, epoch: epoch, codec: codec) {
    case .success(let incoming): enqueue(.store(session: live.id, incoming), at: live.node)
    case .failure(let error): throw Violation("session \(live.id) cannot read a batch: \(error.reason)")
    }
  }

  /// HQ lets go of a store's earlier sessions when it calls again: what they still receive must not move the cursors
  /// that the new one starts from.
  func fence(_ store: NodeNumber, except id: Int) {
    for other in nodes[0].sessions where other != id && sessions[other]?.session.peer == store {
      note("HQ drops session \(other): \(store) called again")
      probes.hit(.fencedSessions)
      remove(other, closing: true)
    }
  }

  private func closed(_ live: SimulatedSession, _ reason: CloseReason) throws(Violation) {
    note("session \(live.id) closes: \(reason)")
    var retryAfter: Int64 = 0
    switch reason {
    case .refusedByPeer(let refusal), .refusedByUs(let refusal):
      guard isExpected(refusal, at: live) else {
        throw Violation("session \(live.id) between honest nodes ended with a refusal: \(reason)")
      }
      retryAfter = Int64(clamping: refusal.retryAfter)
      if live.side == .store, case .refusedByPeer = reason, refusal.coverage != nil {
        remove(live.id, closing: true)
        return enqueue(.answer(refusal), at: live.node)
      }
    case .timedOut: probes.hit(.timeOuts)
    case .disconnected, .stopped, .enrolled: break
    }
    remove(live.id, closing: true)
    if live.side == .store { callLater(live.node, retryAfter: retryAfter) }
  }

  private func isExpected(_ refusal: Refusal, at live: SimulatedSession) -> Bool {
    switch Refusal.Code(rawValue: refusal.code) {
    case .shuttingDown, .restored, .storage: return true
    case .clock:
      probes.hit(.clockRefusals)
      return true
    case .fenced:
      probes.hit(.fencedDatabases)
      return true
    case .retired:
      probes.hit(.refusedRetired)
      let store = live.side == .store ? live.node : connections[live.connection]?.storeNode ?? 0
      return nodes[store].isRetired
    default: return false
    }
  }

  // MARK: Reading the log

  func read(_ id: Int, _ request: OutgoingRequest) throws(Violation) {
    guard let live = sessions[id] else { return }
    let result: Result<LoadedStretch, StoreError>
    do throws(StoreError) {
      let codec = SimulatedCodec(packs: plan.packs)
      result = .success(try SessionPerformer.load(request, from: nodes[live.node].store, codec: codec))
    } catch {
      result = .failure(error)
    }
    plan(.readDone(session: id, result), after: network.draw(0...Int64(plan.diskMilliseconds)))
  }

  func readDone(_ id: Int, _ result: Result<LoadedStretch, StoreError>) throws(Violation) {
    guard sessions[id] != nil else { return }
    sessions[id]?.isReading = false
    switch result {
    case .success(let stretch):
      let groups = stretch.batch?.groupCount ?? 0
      note(
        "session \(id) has read \(stretch.lane) (\(stretch.after), \(stretch.through)], \(groups) groups"
          + (stretch.hasMore ? ", and there is more" : ""))
      if groups > 1, plan.batchBytes == 1 { probes.hit(.chains) }
      try tell(id, .loaded(stretch))
    case .failure(let error): throw Violation("session \(id) cannot read the log: \(error)")
    }
  }

  /// Tells a node's sessions that its log has grown.
  func logGrew(at index: Int) throws(Violation) {
    for session in nodes[index].sessions {
      if sessions[session]?.isReading == true { probes.hit(.growthWhileReading) }
      try tell(session, .logGrew)
    }
  }
}
