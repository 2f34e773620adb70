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
      return link.whenQuiet { self.look(link, question) }
    }
    look(link, question)
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
