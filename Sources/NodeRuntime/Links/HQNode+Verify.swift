package import Base
package import Causality
import Dispatch
import RecordStore
import StoreModel
import SyncSession
import Wire

extension HQNode {
  package func verify(_ node: NodeNumber, isRepairing: Bool) -> String? {
    dispatchPrecondition(condition: .onQueue(queue))
    if let current = verifications[node], !current.isFinished {
      guard isRepairing, !current.report.isRepairing else { return nil }
      return "store \(node) is being verified; try again once that is done"
    }
    return begin(node, isRepairing: isRepairing, isInBackground: false)
  }

  package func verification(of node: NodeNumber) -> Verification.Report? {
    dispatchPrecondition(condition: .onQueue(queue))
    return verifications[node]?.report
  }

  private func begin(_ node: NodeNumber, isRepairing: Bool, isInBackground: Bool) -> String? {
    guard let link = links[node] else { return "store \(node) is not connected" }
    guard link.canAsk || erasures.questions[node] != nil else {
      return "the program of store \(node) does not know of verify; upgrade it"
    }
    let verification = Verification(
      of: node, over: link, gate: gate, queue: queue, isRepairing: isRepairing, isInBackground: isInBackground
    ) { [weak self] in
      self?.finished($0)
    }
    verifications[node] = verification
    if erasures.questions[node] == nil { verification.start() } else { deferredVerifications[node] = verification }
    return nil
  }

  func answered(_ link: LinkDriver, _ answer: VerifyAnswer) {
    guard let node = link.information?.peer.node, links[node] === link else { return }
    if !answeredErasure(node, answer) { verifications[node]?.answered(answer) }
  }

  private func finished(_ verification: Verification) {
    let (node, report) = (verification.node, verification.report)
    if let problem = report.problem {
      return log(LogEvent(.warning, "verify.failed", "store \(node) could not be verified: \(problem)"))
    }
    if !report.differences.isEmpty {
      log(
        LogEvent(
          .warning, "verify.differs",
          "of \(report.records) records of store \(node) \(report.differences.count) differed, and \(report.remaining) still "
            + "do; `syncctl verify --store \(node)` names them"
        ))
    }
    gate.write { engine throws(StoreError) in
      guard var enrolment = try NodeSettings.enrolment(of: node, engine) else { return }
      enrolment.verifiedAt = report.startedAt
      enrolment.differing = UInt64(report.remaining)
      try NodeSettings.save(enrolment, of: node, in: engine)
    } completion: { [log] result in
      if case .failure(let error) = result { log(.enrolmentUnwritten(error, "of store \(node)")) }
    }
  }
}

// MARK: - In the background

/// Which store is verified next, when nobody asks.
package enum VerifySchedule {
  /// A day: drift is rare, and reading what HQ has takes its time.
  package static let intervalMilliseconds: Int64 = 24 * 3_600_000
  /// Between two looks at whose turn it is: so many runs an hour at the most, one at a time.
  static let tickSeconds = 60

  /// When a store was last verified, as far as that counts. What was found before HQ lost something says nothing; once the store
  /// has brought what it has, it is to be looked at soon: it may have let go of what HQ counts as the store's again.
  package static func last(_ verifiedAt: WallTime?, healedAt: WallTime?, loss: WallTime?) -> WallTime? {
    guard let verifiedAt, let loss, let healedAt, healedAt > loss else { return verifiedAt }
    return verifiedAt < healedAt ? nil : verifiedAt
  }

  /// The one that was verified least recently, if that is long enough ago.
  package static func next(
    _ stores: [(node: NodeNumber, verifiedAt: WallTime?)], at now: WallTime
  ) -> NodeNumber? {
    let due = stores.filter { store in
      store.verifiedAt.map { now.milliseconds - $0.milliseconds >= intervalMilliseconds || $0 > now } ?? true
    }
    return due.min { left, right in
      (left.verifiedAt?.milliseconds ?? .min, left.node) < (right.verifiedAt?.milliseconds ?? .min, right.node)
    }?.node
  }
}

extension HQNode {
  func verifyInBackground() {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let interval = DispatchTimeInterval.seconds(VerifySchedule.tickSeconds)
    timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .seconds(5))
    timer.setEventHandler { [weak self] in self?.verifyNext() }
    timer.activate()
    verifyTimer = timer
  }

  private func verifyNext() {
    guard verifications.values.allSatisfy(\.isFinished) else { return }
    // One that failed in this run is tried again only after as long: a link that is never at rest must not keep the others waiting.
    let tried = verifications.mapValues(\.report.startedAt)
    let connected = links.filter { $0.value.canAsk }.map(\.key)
    gate.read { engine throws(StoreError) in
      var stores: [(node: NodeNumber, verifiedAt: WallTime?)] = []
      let loss = try NodeSettings.loss(engine)?.noticedAt
      for node in connected.sorted() {
        guard let enrolment = try NodeSettings.enrolment(of: node, engine) else { continue }
        let last = [enrolment.verifiedAt, tried[node]].compactMap { $0 }.max()
        stores.append((node, VerifySchedule.last(last, healedAt: enrolment.history.healedAt, loss: loss)))
      }
      return VerifySchedule.next(stores, at: self.gate.clock.now)
    } completion: { result in
      guard case .success(let node?) = result else { return }
      self.queue.async { _ = self.begin(node, isRepairing: false, isInBackground: true) }
    }
  }
}
