import Base
import Causality
import Dispatch
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

extension StoreNode {
  /// HQ compares what this store has with what it should have.
  func asked(_ link: LinkDriver, _ question: VerifyQuestion) {
    guard question.resend.isEmpty, question.recount.isEmpty else { return mend(link, question) }
    guard question.keys.isEmpty else {
      // What HQ does not have yet is no difference.
      return link.whenQuiet { question.areErased ? self.wipe(link, question) : self.look(link, question) }
    }
    look(link, question)
  }

  /// HQ has erased these: what lies beside them goes as well, before the store says how it has them.
  private func wipe(_ link: LinkDriver, _ question: VerifyQuestion) {
    let clock = gate.clock
    let directory = gate.directory
    gate.write { engine throws(StoreError) -> VerifyAnswer in
      var answer = VerifyAnswer(number: question.number)
      let remnants = try engine.wipe(question.keys, at: clock.now)
      if case .unreadableGroup(let number)? = remnants.first {
        answer.problem =
          "the parked group \(number) cannot be read and may hold an erased record: retry it, or drop it, at the store"
        return answer
      }
      guard try ErasureCleaning.scrub(engine) else {
        answer.problem = "somebody reads its database, so that it cannot be cleaned just now; it is asked again"
        return answer
      }
      let source = RecordDigests(engine: engine, scope: nil, isUnhurried: false)
      for key in question.keys { answer.looks.append(try source.look(at: key)) }
      answer.isWiped = true
      answer.remark = ErasureCleaning.oldDatabases(in: directory)
      return answer
    } completion: {
      self.answer(link, question, $0)
    }
  }

  private func look(_ link: LinkDriver, _ question: VerifyQuestion) {
    gate.scan { engine throws(StoreError) in
      let source = RecordDigests(engine: engine, scope: nil, isUnhurried: question.isUnhurried)
      let scanner = RangeScanner(source)
      var answer = VerifyAnswer(number: question.number)
      for asked in question.ranges { answer.findings.append(try scanner.finding(asked.range, theirs: asked.summary)) }
      for key in question.keys { answer.looks.append(try source.look(at: key)) }
      return answer
    } completion: {
      self.answer(link, question, $0)
    }
  }

  private func mend(_ link: LinkDriver, _ question: VerifyQuestion) {
    let clock = gate.clock
    let log = log
    gate.write { engine throws(StoreError) in
      let count = try engine.sendAgain(question.resend.map { Mending($0) }, heldBy: .hq, at: clock.now)
      try engine.recountBalances(of: Set(question.recount))
      if count > 0 { log(LogEvent(.warning, "verify.mended", "HQ has asked for \(count) records once more")) }
      return VerifyAnswer(number: question.number)
    } completion: {
      self.answer(link, question, $0)
    }
  }

  private func answer(_ link: LinkDriver, _ question: VerifyQuestion, _ result: Result<VerifyAnswer, StoreError>) {
    queue.async {
      switch result {
      case .success(let answer): link.answer(.verified(answer))
      // Records that cannot be read are no reason to end the link: sales go on.
      case .failure(let error):
        self.log(
          LogEvent(
            .error, "verify.unanswered",
            "HQ asked which records this store has, and they cannot be read: \(error.description)",
            [.init("code", error.code.rawValue)]))
        let problem = String(error.description.unicodeScalars.prefix(500).map(Character.init))
        link.answer(.verified(VerifyAnswer(number: question.number, problem: problem)))
      }
    }
  }
}
