/// How long a stream that closes waits for the other end to take what is unsent: as long as that goes on, and not for ever.
struct Linger {
  enum Verdict {
    /// The other end has it all, or enough time to say so.
    case done
    /// Some was taken: another while.
    case wait
    /// Nothing was taken in a while, or too little in all of them.
    case giveUp
  }

  /// The time between two looks.
  var milliseconds = Limits.lingerMilliseconds
  /// What was unsent at the look before.
  private(set) var before = 0
  private var turn = 0

  mutating func begin(unsent: Int) {
    before = unsent
    turn = 1
  }

  mutating func look(unsent: Int) -> Verdict {
    guard unsent > 0 else { return .done }
    guard unsent < before, turn < Limits.lingerTurns else { return .giveUp }
    before = unsent
    turn += 1
    return .wait
  }
}
