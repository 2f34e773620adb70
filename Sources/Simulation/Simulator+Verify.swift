import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

extension Simulator {
  /// HQ's session with a store.
  private func link(to store: Int) -> Int? {
    nodes[0].sessions.first {
      sessions[$0]?.session.peer == nodes[store].number && sessions[$0]?.session.canAsk == true
    }
  }

  /// HQ begins to compare a store with what it should have, if it can ask it.
  func verify(_ store: Int, isRepairing: Bool) throws(Violation) {
    guard nodes[0].isUp, let id = link(to: store), verifications[id] == nil else { return }
    do throws(StoreError) {
      let scanner = RangeScanner(SimulatedDigests(store: nodes[0].store, scope: nodes[store].number))
      let survey = try scanner.survey(nodes[0].store.model.entities.map(\.tag))
      verifications[id] = SimulatedVerification(of: store, isRepairing: isRepairing, survey.ranges, survey.sketch)
    } catch {
      throw Violation("HQ cannot read its records: \(error)")
    }
    note("HQ compares store \(store)")
    if !isQuiet { probes.hit(.verifiedBusy) }
    try compareNext(id)
  }

  private func ask(
    _ id: Int, ranges: [VerifyQuestion.Range] = [], keys: [RecordKey] = [], resend: [RecordKey] = [],
    recount: [EntityTag] = []
  ) throws(Violation) {
    guard let run = verifications[id] else { return }
    run.number += 1
    try tell(
      id,
      .verify(VerifyQuestion(number: run.number, ranges: ranges, keys: keys, resend: resend, recount: recount)))
  }

  private func compareNext(_ id: Int) throws(Violation) {
    guard let run = verifications[id] else { return }
    if let ranges = run.reconciler.next() { return try ask(id, ranges: ranges) }
    run.looks = RepeatedLooks(run.reconciler.differences)
    note("HQ looks again at \(run.looks.moved.map(\.summary)) of store \(run.store)")
    probes.hit(.lookedAgain, run.looks.moved.count)
    try lookAgain(id)
  }

  private func lookAgain(_ id: Int) throws(Violation) {
    guard let run = verifications[id] else { return }
    guard let keys = run.looks.nextRound() else { return try compared(id) }
    run.toLookAt = keys
    whenQuiet(id, .looks)
  }

  private func whenQuiet(_ id: Int, _ stage: SimulatedVerification.Stage) {
    guard let run = verifications[id] else { return }
    (run.stage, run.isWaiting) = (stage, true)
    plan(.verifyStep(session: id), after: SimulationLimits.verifyPollMilliseconds)
  }

  /// Goes on once all that HQ has for the store is acknowledged.
  func verifyStep(_ id: Int) throws(Violation) {
    guard let run = verifications[id], run.isWaiting, let live = sessions[id] else { return }
    guard live.session.isQuiet, nodes[0].isIdle else {
      return plan(.verifyStep(session: id), after: SimulationLimits.verifyPollMilliseconds)
    }
    run.isWaiting = false
    switch run.stage {
    case .looks, .lastLooks: try lookAtNext(id)
    case .ranges, .recount, .resend: break
    }
  }

  private func lookAtNext(_ id: Int) throws(Violation) {
    guard let run = verifications[id] else { return }
    guard !run.toLookAt.isEmpty else {
      return run.stage == .lastLooks ? try finish(id) : try lookAgain(id)
    }
    run.asked = Array(run.toLookAt.prefix(VerifyLimits.keysOfQuestion))
    run.toLookAt.removeFirst(run.asked.count)
    try ask(id, keys: run.asked)
  }

  /// A store answers; what it has not sent yet goes first.
  func answerVerify(_ id: Int, _ question: VerifyQuestion) throws(Violation) {
    guard let live = sessions[id] else { return }
    let node = nodes[live.node]
    if !question.keys.isEmpty, !live.session.isQuiet || !node.isIdle {
      return plan(
        .verifyAnswer(session: id, question), after: SimulationLimits.verifyPollMilliseconds)
    }
    var answer = VerifyAnswer(number: question.number)
    do throws(StoreError) {
      let source = SimulatedDigests(store: node.store, scope: nil)
      let scanner = RangeScanner(source)
      for asked in question.ranges { answer.findings.append(try scanner.finding(asked.range, theirs: asked.summary)) }
      for key in question.keys { answer.looks.append(try source.look(at: key)) }
      _ = try node.store.sendAgain(question.resend.map { Mending($0) }, heldBy: .hq, at: correctedWall(node))
    } catch {
      throw Violation("\(node.name) cannot answer what it has: \(error)")
    }
    try recount(Set(question.recount), at: live.node)
    try tell(id, .verified(answer))
    if !question.resend.isEmpty { try logGrew(at: live.node) }
  }

  private func recount(_ entities: Set<EntityTag>, at index: Int) throws(Violation) {
    do throws(StoreError) {
      try nodes[index].store.recountBalances(of: entities)
    } catch {
      throw Violation("\(nodes[index].name) cannot add up its balances: \(error)")
    }
  }

  /// HQ has an answer.
  func verified(_ answer: VerifyAnswer, at id: Int) throws(Violation) {
    guard let run = verifications[id], answer.number == run.number else { return }
    do throws(StoreError) {
      let source = SimulatedDigests(store: nodes[0].store, scope: nodes[run.store].number)
      switch run.stage {
      case .ranges:
        let scanner = RangeScanner(source, knowing: run.sketch)
        if let problem = try run.reconciler.take(answer.findings, scanning: scanner) {
          brokenRule = Violation("store \(run.store) answers what was not asked: \(problem)")
        }
      case .looks, .lastLooks:
        for (key, theirs) in zip(run.asked, answer.looks) { take(key, try source.look(at: key), theirs, run) }
      case .resend, .recount: break
      }
    } catch {
      throw Violation("HQ cannot read its records: \(error)")
    }
    switch run.stage {
    case .ranges: try compareNext(id)
    case .looks, .lastLooks: try lookAtNext(id)
    case .recount: try mend(id)
    case .resend: lookAtMended(id)
    }
  }

  private func take(
    _ key: RecordKey, _ mine: VerifyAnswer.Look?, _ theirs: VerifyAnswer.Look?, _ run: SimulatedVerification
  ) {
    guard run.stage == .lastLooks else { return run.looks.take(key, mine, theirs) }
    if mine?.digest == theirs?.digest { run.unmended.remove(key) }
  }

  // MARK: What was found

  private func compared(_ id: Int) throws(Violation) {
    guard let run = verifications[id] else { return }
    run.confirmed = run.looks.confirmed.sorted()
    probes.hit(.verified)
    note("HQ finds \(run.confirmed.count) records in which store \(run.store) differs")
    let drifted = drift.keys(of: run.store)
    let waiting = try waitingKeys(of: run.store)
    for key in run.confirmed where !drifted.contains(key) && !waiting.contains(key) && !hqWasPutBack {
      throw Violation("verify finds that store \(run.store) differs in \(key.summary), which nobody changed")
    }
    guard run.isRepairing else { return verifications[id] = nil }
    // An earlier run that was cut off may have mended some.
    let missed = drifted.subtracting(run.confirmed).subtracting(drift.beingMended)
    guard missed.isEmpty else {
      throw Violation("verify does not find that store \(run.store) differs in \(missed.sorted().map(\.summary))")
    }
    try beginMending(id, besides: waiting)
  }

  /// The records that groups touch which are parked at either end, or were refused.
  private func waitingKeys(of store: Int) throws(Violation) -> Set<RecordKey> {
    var keys = parkedKeys(at: nodes[0]).union(parkedKeys(at: nodes[store]))
    do throws(StoreError) {
      let number = nodes[store].number
      let acknowledged = try nodes[0].store.acknowledged(by: number)
      for exception in try nodes[0].store.exceptions(of: number, acknowledged: acknowledged) {
        keys.formUnion(exception.keys)
      }
    } catch {
      throw Violation("HQ cannot read what was not applied: \(error)")
    }
    return keys
  }

  /// Both add up their balances before anything is mended, so that a run that is cut off leaves nothing wrong unseen.
  private func beginMending(_ id: Int, besides waiting: Set<RecordKey>) throws(Violation) {
    guard let run = verifications[id] else { return }
    run.confirmed.removeAll { waiting.contains($0) }
    run.unmended = Set(run.confirmed)
    guard !run.confirmed.isEmpty else { return try finish(id) }
    let entities = Set(run.confirmed.map(\.entity)).sorted()
    try recount(Set(entities), at: 0)
    run.stage = .recount
    try ask(id, recount: entities)
  }

  private func mend(_ id: Int) throws(Violation) {
    guard let run = verifications[id] else { return }
    let hq = nodes[0]
    var resend: [RecordKey] = []
    do throws(StoreError) {
      var mendings: [Mending] = []
      for key in run.confirmed {
        guard let found = run.looks.found[key] else { continue }
        let order = found.mine.flatMap { mine in found.theirs.map { mine.vector.compare($0.vector) } }
        if order != .dominated { mendings.append(Mending(key, overrules: order == .equal)) }
        if order == .dominated || order == .concurrent { resend.append(key) }
      }
      drift.beingMended.formUnion(run.confirmed)
      _ = try hq.store.sendAgain(mendings, heldBy: nodes[run.store].number, at: correctedWall(hq))
      for mending in mendings where mending.overrules {
        oracle.overrule(mending.key, with: hq.backend.find(mending.key))
      }
    } catch {
      throw Violation("HQ cannot mend what differs: \(error)")
    }
    try logGrew(at: 0)
    run.stage = .resend
    if resend.isEmpty { lookAtMended(id) } else { try ask(id, resend: resend) }
  }

  private func lookAtMended(_ id: Int) {
    guard let run = verifications[id] else { return }
    run.toLookAt = run.confirmed
    whenQuiet(id, .lastLooks)
  }

  private func finish(_ id: Int) throws(Violation) {
    guard let run = verifications[id] else { return }
    guard run.unmended.isEmpty else {
      throw Violation("verify did not mend store \(run.store)'s \(run.unmended.sorted().map(\.summary))")
    }
    probes.hit(.drifted, run.confirmed.count)
    drift.mended.insert(run.store)
    verifications[id] = nil
  }
}

extension Oracle {
  /// HQ has written its contents over others that claimed to be the same.
  mutating func overrule(_ key: RecordKey, with stored: StoredRecord?) {
    guard let stored else { return }
    floors[key, default: VersionVector()].join(stored.vector)
  }
}
