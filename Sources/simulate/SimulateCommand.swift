import Simulation

/// `simulate --seed N`, or many seeds: runs, prints what it found, and gives the exit status.
struct SimulateCommand {
  private static let usage = """
    usage: simulate [--seed N | --seeds A-B] [--stores N] [--operations N] [--backend memory|sqlite|both]
                    [--trace] [--double]
      --seed N        one run; the same seed gives the same run (default: 1)
      --seeds A-B     all of them; fails too if a rare path was never reached in 100 runs or more
      --stores N      1 to 64 stores instead of a number drawn from the seed
      --operations N  what the people do, 1 to 100000 (default: 150)
      --backend NAME  where the nodes keep their records: in memory, in SQLite, or in the one and then in the other, which
                      must be the same to the last event and record (default: memory, and every tenth seed both)
      --trace         print every event
      --double        run twice, and compare every line
    exit status: 0 all rules held, 1 a violation, 2 wrong usage
    """

  private var seeds: ClosedRange<UInt64> = 1...1
  private var runs = SimulationRuns()

  /// Nil if the arguments make no sense.
  init?(arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--trace": runs.traces = true
      case "--double": runs.isDouble = true
      case "--backend":
        guard let backend = rest.popFirst().flatMap(SimulationRuns.Backend.init) else { return nil }
        runs.backend = backend
      case "--seed":
        guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
        seeds = seed...seed
      case "--seeds":
        guard let range = rest.popFirst().flatMap(Self.range) else { return nil }
        seeds = range
      case "--stores":
        guard let number = Self.number(rest.popFirst(), in: 1...64) else { return nil }
        runs.stores = number
      case "--operations":
        guard let number = Self.number(rest.popFirst(), in: 1...100_000) else { return nil }
        runs.operations = number
      default: return nil
      }
    }
  }

  static func main(_ arguments: [String]) -> Int32 {
    guard let command = SimulateCommand(arguments: arguments) else {
      print(usage)
      return 2
    }
    return command.run() ? 0 : 1
  }

  private static func range(_ text: String) -> ClosedRange<UInt64>? {
    let ends = text.split(separator: "-").map { UInt64($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
    return first...last
  }

  private static func number(_ text: String?, in range: ClosedRange<Int>) -> Int? {
    text.flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
  }
}

extension SimulateCommand {
  private func run() -> Bool {
    var probes = ProbeCounts()
    var failed: [UInt64] = []
    var compared = 0
    runs.forEach(seeds) { seed, outcome in
      probes.add(outcome.report?.probes ?? ProbeCounts())
      if outcome.isCompared { compared += 1 }
      guard let problem = outcome.problem else { return }
      failed.append(seed)
      print("SEED \(seed): \(problem)")
      guard let report = outcome.report, report.violation != nil else { return }
      print("the last events:")
      for line in report.lastLines { print("  \(line)") }
      shrink(seed)
    }
    for line in probes.lines { print(line) }
    let count = seeds.upperBound - seeds.lowerBound + 1
    print(
      "\(count - UInt64(failed.count)) passed, \(failed.count) failed; \(compared) were the same in memory and in SQLite"
    )
    if !failed.isEmpty { print("failed seeds: \(failed)") }
    return isEnough(Int(count), probes) && failed.isEmpty
  }

  private func isEnough(_ count: Int, _ probes: ProbeCounts) -> Bool {
    let planned = count * runs.operations
    print("\(planned) operations planned, \(probes[.commits]) commits, \(probes[.batches]) batches")
    if probes[.commits] < planned / SimulationLimits.leastCommitsPart {
      print("too little work: at least \(planned / SimulationLimits.leastCommitsPart) commits were to be made")
      return false
    }
    let unreached = probes.unreached
    guard count >= SimulationLimits.probedRuns, !unreached.isEmpty else { return true }
    print("never reached: \(unreached.map(\.rawValue).joined(separator: "; "))")
    return false
  }

  /// Prints the shortest history with a violation that halving the operations finds: what happens up to the last of them
  /// stays the same.
  private func shrink(_ seed: UInt64) {
    var least = runs.operations
    var passing = 0
    while least - passing > 1 {
      let middle = (least + passing) / 2
      if runs.fails(seed, operations: middle) { least = middle } else { passing = middle }
    }
    print("the shortest history found: simulate --seed \(seed) --operations \(least)\(runs.options(seed)) --trace")
  }
}
