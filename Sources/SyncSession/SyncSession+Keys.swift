import Base
import Wire

/// HQ tells a store about keys, one thing at a time.
extension SyncSession {
  /// HQ: whether the store can be told about keys, and has answered the last.
  package var canTellKeys: Bool {
    if case .linked(let link) = phase { link.knowsKeys && link.keyNumber == nil } else { false }
  }

  mutating func tellKeys(_ news: KeyNews, at now: Instant, into effects: inout [SessionEffect]) {
    guard canTellKeys, case .linked(var link) = phase else { return }
    link.keyNumber = news.number
    phase = .linked(link)
    send(.keys(news), at: now, into: &effects)
  }

  mutating func keysKept(_ receipt: KeyReceipt, at now: Instant, into effects: inout [SessionEffect]) {
    guard isLinked else { return }
    send(.keysKept(receipt), at: now, into: &effects)
  }

  /// One that nobody waits for counts for nothing.
  mutating func received(_ receipt: KeyReceipt, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase, link.keyNumber == receipt.number else { return }
    link.keyNumber = nil
    phase = .linked(link)
    effects.append(.keysKept(receipt))
  }
}
