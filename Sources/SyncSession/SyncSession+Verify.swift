import Base
import Causality
import RecordStore
import StoreModel
import Wire

/// HQ asks what the store has, one question at a time.
extension SyncSession {
  /// HQ: whether the peer can be asked what it has, and is not being asked.
  package var canAsk: Bool {
    if case .linked(let link) = phase { link.answersVerify && link.question == nil } else { false }
  }

  mutating func ask(_ question: VerifyQuestion, at now: Instant, into effects: inout [SessionEffect]) {
    guard canAsk, case .linked(var link) = phase else { return }
    link.question = question.number
    phase = .linked(link)
    send(.verify(question), at: now, into: &effects)
  }

  mutating func asked(_ question: VerifyQuestion, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase else { return }
    link.question = question.number
    phase = .linked(link)
    effects.append(.verify(question))
  }

  mutating func answered(_ answer: VerifyAnswer, at now: Instant, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase, link.question == answer.number else { return }
    link.question = nil
    phase = .linked(link)
    send(.verified(answer), at: now, into: &effects)
  }

  mutating func received(_ answer: VerifyAnswer, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase else { return }
    link.question = nil
    phase = .linked(link)
    effects.append(.verified(answer))
  }
}
