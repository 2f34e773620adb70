package import Base
import Causality
import Dispatch
package import Merge
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Wire

/// HQ compares what one connected store has with what it should have, and sees to what differs, while both keep working.
///
/// What is on its way is no difference: a record counts only if both ends look the same at it twice (`RepeatedLooks`).
///
/// Confined to the link's queue, which guards its state (`@unchecked Sendable`).
package final class Verification: @unchecked Sendable {
  package enum Kind: String, Sendable {
    /// The store lacks what HQ has for it.
    case missingThere = "missing-at-store"
    /// HQ lacks what the store has.
    case missingHere = "missing-at-hq"
    /// The store holds what is not (any more) its own.
    case notItsOwn = "not-its-own"
    /// One has not seen what the other has.
    case behind
    /// Both have seen the same, and the contents differ: one of the databases was changed behind its node's back.
    case contents
  }

  package struct Difference: Sendable {
    package var key: RecordKey
    package var kind: Kind
    package var isMended = false
    /// A group that is parked or was refused touches it: that is to be seen to first.
    package var isWaiting = false
  }

  package struct Report: Sendable {
    package var startedAt: WallTime
    package var finishedAt: WallTime?
    package var isRepairing: Bool
    package var isInBackground: Bool
    /// Records of HQ's that were compared.
    package var records: UInt64 = 0
    package var questions = 0
    /// All that travelled for it in messages of its own.
    package var bytes = 0
    package var differences: [Difference] = []
    /// Records that were changed all the time: the next run looks at them.
    package var moving = 0
    package var isCutShort = false
    /// Why it did not come to its end.
    package var problem: String?

    package var remaining: Int { differences.count { !$0.isMended } }
  }

  /// For a link to come to rest, before the run gives up: a catalogue that is being imported goes first.
  private static let restSeconds = 120

  private static let frameHeadBytes = 4

  private(set) var report: Report
  let node: NodeNumber
  private let link: LinkDriver
  private let gate: StoreGate
  private let queue: DispatchQueue
  private var reconciler = RangeReconciler([])
  private var sketch = RangeSketch()
  private var number: UInt64 = 0
  private var onAnswer: ((VerifyAnswer) -> Void)?
  private var waits = 0
  private var looks = RepeatedLooks([:])
  /// To be looked at in this round.
  private var toLookAt: [RecordKey] = []
  private var isMended = false
  private let completion: (Verification) -> Void

  init(
    of node: NodeNumber, over link: LinkDriver, gate: StoreGate, queue: DispatchQueue, isRepairing: Bool,
    isInBackground: Bool, completion: @escaping (Verification) -> Void
  ) {
    self.node = node
    self.link = link
    self.gate = gate
    self.queue = queue
    self.completion = completion
    number = UInt64.random(in: 1...UInt64(UInt32.max))
    report = Report(startedAt: gate.clock.now, isRepairing: isRepairing, isInBackground: isInBackground)
  }

  var isFinished: Bool { report.finishedAt != nil }

  func start() {
    dispatchPrecondition(condition: .onQueue(queue))
    let entities = gate.model.entities.map(\.tag)
    scan { source throws(StoreError) in
      try RangeScanner(source).survey(entities)
    } then: { run, survey in
      run.report.records = survey.ranges.reduce(0) { $0 + $1.summary.count }
      run.reconciler = RangeReconciler(survey.ranges)
      run.sketch = survey.sketch
      run.compareNext()
    }
  }

  func linkClosed() { fail("the link to the store was lost") }

  func answered(_ answer: VerifyAnswer) {
    guard !isFinished else { return }
    if let problem = answer.problem { return fail("the store cannot read its records: \(problem)") }
    report.bytes += Message.verified(answer).encoded().count + Self.frameHeadBytes
    let take = onAnswer
    onAnswer = nil
    take?(answer)
  }

  private func ask(_ question: VerifyQuestion, _ then: @escaping (VerifyAnswer) -> Void) {
    guard link.canAsk else { return fail("the store's program does not know of verify; upgrade it") }
    onAnswer = then
    report.questions += 1
    report.bytes += Message.verify(question).encoded().count + Self.frameHeadBytes
    link.answer(.verify(question))
  }

  private func question(
    ranges: [VerifyQuestion.Range] = [], keys: [RecordKey] = [], resend: [RecordKey] = [], recount: [EntityTag] = []
  ) -> VerifyQuestion {
    number += 1
    return VerifyQuestion(
      number: number, ranges: ranges, keys: keys, resend: resend, recount: recount,
      isUnhurried: report.isInBackground)
  }

  private func scan<Value: Sendable>(
    _ body: @escaping @Sendable (RecordDigests) throws(StoreError) -> Value,
    then: @escaping @Sendable (Verification, Value) -> Void
  ) {
    let (node, isUnhurried) = (node, report.isInBackground)
    gate.scan { engine throws(StoreError) in
      try body(RecordDigests(engine: engine, scope: node, isUnhurried: isUnhurried))
    } completion: {
      self.proceed($0, then)
    }
  }

  private func write<Value: Sendable>(
    _ body: @escaping @Sendable (StoreGate.Engine) throws(StoreError) -> Value,
    then: @escaping @Sendable (Verification, Value) -> Void
  ) {
    gate.write(body) { self.proceed($0, then) }
  }

  private func proceed<Value: Sendable>(
    _ result: Result<Value, StoreError>, _ then: @escaping @Sendable (Verification, Value) -> Void
  ) {
    queue.async {
      guard !self.isFinished else { return }
      switch result {
      case .success(let value): then(self, value)
      case .failure(let error): self.fail("HQ's database: \(error)")
      }
    }
  }

  private func fail(_ problem: String) {
    guard !isFinished else { return }
    report.problem = problem
    finish()
  }

  private func finish() {
    onAnswer = nil
    report.finishedAt = gate.clock.now
    completion(self)
  }
}

// MARK: - Comparing

extension Verification {
  private func compareNext() {
    guard let ranges = reconciler.next() else {
      report.isCutShort = reconciler.isCutShort
      sketch = RangeSketch()
      looks = RepeatedLooks(reconciler.differences)
      return lookAgain()
    }
    ask(question(ranges: ranges)) { answer in
      let (before, sketch) = (self.reconciler, self.sketch)
      self.scan { source throws(StoreError) in
        var reconciler = before
        let problem = try reconciler.take(answer.findings, scanning: RangeScanner(source, knowing: sketch))
        return (reconciler, problem)
      } then: { run, result in
        run.reconciler = result.0
        if let problem = result.1 { return run.fail("the store's answer: \(problem)") }
        run.compareNext()
      }
    }
  }

  /// Looks once more at what was seen to differ, and differently from before, once each end has what the other had then.
  private func lookAgain() {
    guard !isMended else { return finish() }
    guard let keys = looks.nextRound() else {
      report.moving = looks.moved.count
      return mend()
    }
    toLookAt = keys
    whenQuiet { $0.lookAtNext() }
  }

  private func whenQuiet(_ then: @escaping @Sendable (Verification) -> Void) {
    waits += 1
    let number = waits
    link.whenQuiet {
      guard !self.isFinished, self.waits == number else { return }
      self.waits += 1
      then(self)
    }
    queue.asyncAfter(deadline: .now() + .seconds(Self.restSeconds)) {
      guard self.waits == number else { return }
      self.fail("the link did not come to rest within \(Self.restSeconds) s: too much is being sent; try again later")
    }
  }

  private func lookAtNext() {
    guard !toLookAt.isEmpty else { return lookAgain() }
    let keys = Array(toLookAt.prefix(VerifyLimits.keysOfQuestion))
    toLookAt.removeFirst(keys.count)
    ask(question(keys: keys)) { answer in
      guard answer.looks.count == keys.count else { return self.fail("the store's answer: found too few records") }
      // After the answer: what the store had sent before it is durable here.
      self.scan { source throws(StoreError) in
        var mine: [VerifyAnswer.Look?] = []
        for key in keys { mine.append(try source.look(at: key)) }
        return mine
      } then: { run, mine in
        for (index, key) in keys.enumerated() { run.take(key, mine[index], answer.looks[index]) }
        run.lookAtNext()
      }
    }
  }

  private func take(_ key: RecordKey, _ mine: VerifyAnswer.Look?, _ theirs: VerifyAnswer.Look?) {
    if isMended {
      guard mine?.digest == theirs?.digest, let index = report.differences.firstIndex(where: { $0.key == key }) else {
        return
      }
      report.differences[index].isMended = true
    } else {
      looks.take(key, mine, theirs)
    }
  }
}

// MARK: - Mending

/// What is done about the records that differ.
private struct MendingPlan: Sendable {
  var differences: [Verification.Difference] = []
  var here: [Mending] = []
  var there: [RecordKey] = []
}

extension Verification {
  private func mend() {
    let found = looks.confirmed.sorted().map {
      (key: $0, mine: looks.found[$0]?.mine, theirs: looks.found[$0]?.theirs)
    }
    guard !found.isEmpty else { return finish() }
    let (node, isRepairing, isInBackground) = (node, report.isRepairing, report.isInBackground)
    write { engine throws(StoreError) in
      var plan = MendingPlan()
      let waiting = try engine.waitingKeys(of: node)
      for (key, mine, theirs) in found {
        let held = try engine.record(key)
        var difference = Difference(key: key, kind: .behind)
        var (isSentHere, isSentThere, overrules) = (false, false, false)
        switch (mine, theirs) {
        case (nil, _?) where held == nil: (difference.kind, isSentThere) = (.missingHere, true)
        case (nil, let theirs?):
          difference.kind = .notItsOwn
          isSentHere = true
          let order = held?.vector.compare(theirs.vector)
          isSentThere = order == .dominated || order == .concurrent
        case (_?, nil): (difference.kind, isSentHere) = (.missingThere, true)
        case (let mine?, let theirs?):
          let order = mine.vector.compare(theirs.vector)
          isSentHere = order == .dominates || order == .concurrent
          isSentThere = order == .dominated || order == .concurrent
          // Joining loses nothing; putting one's contents in the place of the other's does, so a person says so.
          if order == .equal { (difference.kind, overrules) = (.contents, isRepairing) }
        case (nil, nil): continue
        }
        difference.isWaiting = waiting.contains(key)
        plan.differences.append(difference)
        guard isRepairing || isInBackground, !difference.isWaiting else { continue }
        if isSentHere || overrules { plan.here.append(Mending(key, overrules: overrules)) }
        if isSentThere { plan.there.append(key) }
      }
      return plan
    } then: { run, plan in
      run.report.differences = plan.differences
      run.isMended = true
      run.recount(plan)
    }
  }

  /// What had changed behind a node's back was never taken into its balances. Before anything is mended: a run that is cut off
  /// in between leaves the records different, so that the next one finds them, and taking them back counts right.
  private func recount(_ plan: MendingPlan) {
    guard !plan.here.isEmpty || !plan.there.isEmpty else { return mendHere(plan) }
    let model = gate.model
    let entities = Set(plan.differences.map(\.key.entity)).filter { model.entity($0)?.balances.isEmpty == false }
    guard !entities.isEmpty else { return mendHere(plan) }
    ask(question(recount: entities.sorted())) { _ in
      self.write { engine throws(StoreError) in
        try engine.recountBalances(of: entities)
      } then: { run, _ in
        run.mendHere(plan)
      }
    }
  }

  private func mendHere(_ plan: MendingPlan) {
    guard !plan.here.isEmpty else { return mendThere(plan) }
    let mendings = Array(plan.here.prefix(StorageLimits.sliceWrites))
    let (node, clock) = (node, gate.clock)
    write { engine throws(StoreError) in
      try engine.sendAgain(mendings, heldBy: node, at: clock.now)
    } then: { run, _ in
      var rest = plan
      rest.here.removeFirst(mendings.count)
      run.mendHere(rest)
    }
  }

  private func mendThere(_ plan: MendingPlan) {
    guard !plan.there.isEmpty else { return lookAtMended() }
    let keys = Array(plan.there.prefix(VerifyLimits.keysOfQuestion))
    ask(question(resend: keys)) { _ in
      var rest = plan
      rest.there.removeFirst(keys.count)
      self.mendThere(rest)
    }
  }

  private func lookAtMended() {
    guard report.isRepairing || report.isInBackground else { return finish() }
    toLookAt = report.differences.map(\.key)
    whenQuiet { $0.lookAtNext() }
  }
}

extension StoreGate.Engine {
  /// The records that groups touch which are parked at either end, or were refused.
  func waitingKeys(of node: NodeNumber) throws(StoreError) -> Set<RecordKey> {
    var keys: Set<RecordKey> = []
    for group in try backend.parkedSummaries() where group.peer == node { keys.formUnion(group.keys) }
    for exception in try exceptions(of: node, acknowledged: try acknowledged(by: node)) {
      keys.formUnion(exception.keys)
    }
    return keys
  }
}
