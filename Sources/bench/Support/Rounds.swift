/// Runs contestants against each other: all of them in every round, and in every round another one first, so that neither
/// a warm cache nor a busy machine favours one.
enum Rounds {
  /// - Parameter contestants: each gives its readings of one run; what it prepares is not in them.
  /// - Returns: the readings of each contestant, a round after the other.
  static func run<Readings>(_ rounds: Int, _ contestants: [(Int) throws -> Readings]) throws -> [[Readings]] {
    var all = contestants.map { _ in [Readings]() }
    for round in 0..<rounds {
      for place in contestants.indices {
        let turn = (place + round) % contestants.count
        all[turn].append(try contestants[turn](round))
      }
    }
    return all
  }
}

extension [Reading] {
  var seconds: [Double] { map(\.seconds) }
  var processorSeconds: [Double] { map(\.processorSeconds) }
}

/// One number after the other divided by its counterpart.
func ratios(_ above: [Double], _ below: [Double]) -> Spread {
  Spread(zip(above, below).map { $0 / $1 })
}
