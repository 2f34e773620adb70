import Base
package import Causality
import Dispatch
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

/// What a running HQ does about erased records.
struct ErasureWatch {
  /// What one store is being asked.
  struct Question {
    var number: UInt64
    var keys: [RecordKey]
    /// Of the database that is asked.
    var incarnation: UInt32
  }

  var timer: (any DispatchSourceTimer)?
  var questions: [NodeNumber: Question] = [:]
  /// Connected stores of which it is not known that they have confirmed all erasures.
  var unconfirmed: Set<NodeNumber> = []
  /// HQ's own files may hold something of an erased record.
  var mayBeUnclean = true
  /// Why a store has not confirmed.
  var problems: [NodeNumber: String] = [:]

  /// A store may have brought more of what was erased.
  mutating func noteBatch(of node: NodeNumber) {
    unconfirmed.insert(node)
    mayBeUnclean = true
  }
}

/// HQ asks its stores whether they have nothing of erased records any more, and writes down what they say.
extension HQNode {
  /// Between two looks at what is not confirmed yet. A store answers once HQ has all of its log, so there is no hurry.
  private static let tickMilliseconds = 2_000

  func watchErasures() {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let interval = DispatchTimeInterval.milliseconds(Self.tickMilliseconds)
    timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(200))
    timer.setEventHandler { [weak self] in self?.lookAfterErasures() }
    timer.activate()
    erasures.timer = timer
  }

  package func erasuresChanged() {
    dispatchPrecondition(condition: .onQueue(queue))
    erasures.mayBeUnclean = true
    erasures.unconfirmed.formUnion(links.keys)
    lookAfterErasures()
  }

  package func erasureProblem(of node: NodeNumber) -> String? {
    dispatchPrecondition(condition: .onQueue(queue))
    return erasures.problems[node]
  }

  private func lookAfterErasures() {
    if erasures.mayBeUnclean { clean() }
    let asked = erasures.unconfirmed.filter { node in
      guard let link = links[node] else { return false }
      return link.canAsk && erasures.questions[node] == nil && verifications[node]?.isFinished ?? true
    }
    guard !asked.isEmpty else { return }
    let stores = asked.sorted().compactMap { node in
      links[node]?.information.map { (node: node, incarnation: $0.peer.incarnation) }
    }
    gate.read { engine throws(StoreError) in
      var open: [(node: NodeNumber, incarnation: UInt32, keys: [RecordKey])] = []
      for (node, incarnation) in stores {
        let keys = try engine.unconfirmedErasures(
          by: node, incarnation: incarnation, limit: WireLimits.maximumVerifyKeys)
        open.append((node, incarnation, keys))
      }
      return open
    } completion: { result in
      guard case .success(let open) = result else { return }
      self.queue.async { for (node, incarnation, keys) in open { self.ask(node, incarnation, keys) } }
    }
  }

  private func ask(_ node: NodeNumber, _ incarnation: UInt32, _ keys: [RecordKey]) {
    guard !keys.isEmpty else {
      erasures.unconfirmed.remove(node)
      erasures.problems[node] = nil
      return
    }
    guard let link = links[node], link.canAsk, link.information?.peer.incarnation == incarnation,
      erasures.questions[node] == nil, verifications[node]?.isFinished ?? true
    else { return }
    let question = VerifyQuestion(
      number: UInt64.random(in: 1 << 32...UInt64(Int64.max)), keys: keys, areErased: true)
    erasures.questions[node] = ErasureWatch.Question(number: question.number, keys: keys, incarnation: incarnation)
    link.answer(.verify(question))
  }

  /// - Returns: whether the answer is one about erasures.
  func answeredErasure(_ node: NodeNumber, _ answer: VerifyAnswer) -> Bool {
    guard let question = erasures.questions[node], question.number == answer.number else { return false }
    erasures.questions[node] = nil
    startDeferred(node)
    guard answer.problem == nil, answer.isWiped, answer.looks.count == question.keys.count else {
      erasures.problems[node] =
        answer.problem ?? "its program does not know of erasing: upgrade it, so that it can confirm"
      return true
    }
    let looks = zip(question.keys, answer.looks).map { (key: $0, look: $1) }
    let now = gate.clock.now
    let confirmation = ErasureConfirmation(
      node: node, at: now, incarnation: question.incarnation, remark: answer.remark ?? "")
    gate.write { engine throws(StoreError) -> Int in
      let source = RecordDigests(engine: engine, scope: node, isUnhurried: false)
      // What differs has yet to come, one way or the other.
      var same: [RecordKey] = []
      for (key, look) in looks where try source.look(at: key)?.digest == look?.digest { same.append(key) }
      try engine.confirm(same, confirmation)
      return looks.count - same.count
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(0): self.erasures.problems[node] = nil
        case .success(let count): self.erasures.problems[node] = "\(count) erased records have yet to come to it"
        case .failure(let error): self.erasures.problems[node] = error.message
        }
      }
    }
    return true
  }

  func erasureLinkClosed(_ node: NodeNumber) {
    erasures.questions[node] = nil
    startDeferred(node)
  }

  /// A comparison that a person has asked for meanwhile.
  private func startDeferred(_ node: NodeNumber) {
    deferredVerifications.removeValue(forKey: node)?.start()
  }

  /// HQ's own files.
  private func clean() {
    erasures.mayBeUnclean = false
    let now = gate.clock.now
    gate.write { engine throws(StoreError) -> Bool in
      try ErasureCleaning.clean(engine, at: now)
    } completion: { [log] result in
      switch result {
      case .success(true): break
      // Somebody reads just now, or a person is to look at a parked group.
      case .success(false): self.queue.async { self.erasures.mayBeUnclean = true }
      case .failure(let error):
        log(LogEvent(.warning, "erase.uncleaned", error.description))
        self.queue.async { self.erasures.mayBeUnclean = true }
      }
    }
  }
}
