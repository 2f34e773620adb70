import Base
import Simulation

/// `simulate --seed N`, or many seeds: runs, prints what it found, and gives the exit status.
struct SimulateCommand {
  private static let usage = """
    usage: simulate [--seed N | --seeds A-B] [--stores N] [--operations N] [--trace] [--double]
      --seed N        one run; the same seed gives the same run (default: 1)
      --seeds A-B     all of them; fails too if a rare path was never reached in 100 runs or more
      --stores N      1 to 64 stores instead of a number drawn from the seed
      --operations N  what the people do, 1 to 100000 (default: 150)
      --trace         print every event
      --double        run twice, and compare every line
    exit status: 0 all rules held, 1 a violation, 2 wrong usage
    """

  private var seeds: ClosedRange<UInt64> = 1...1
  private var stores: Int?
  private var operations = SimulationLimits.operations
  private var traces = false
  private var isDouble = false

  /// Nil if the arguments make no sense.
  init?(arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--trace": traces = true
      case "--double": isDouble = true
      case "--seed":
        guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
        seeds = seed...seed
      case "--seeds":
        guard let range = rest.popFirst().flatMap(Self.range) else { return nil }
        seeds = range
      case "--stores":
        guard let number = Self.number(rest.popFirst(), in: 1...64) else { return nil }
        stores = number
      case "--operations":
        guard let number = Self.number(rest.popFirst(), in: 1...100_000) else { return nil }
        operations = number
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
    for seed in seeds {
      guard let report = run(seed) else { return false }
      probes.add(report.probes)
      guard let violation = report.violation else { continue }
      failed.append(seed)
      print("SEED \(seed): violation at \(report.endMilliseconds) ms: \(violation.what)")
      print("the last events:")
      for line in report.lastLines { print("  \(line)") }
      shrink(seed)
    }
    for line in probes.lines { print(line) }
    let runs = seeds.upperBound - seeds.lowerBound + 1
    print("\(runs - UInt64(failed.count)) passed, \(failed.count) failed")
    if !failed.isEmpty { print("failed seeds: \(failed)") }
    let planned = Int(runs) * operations
    print("\(planned) operations planned, \(probes[.commits]) commits, \(probes[.batches]) batches")
    if probes[.commits] < planned / SimulationLimits.leastCommitsPart {
      print("too little work: at least \(planned / SimulationLimits.leastCommitsPart) commits were to be made")
      return false
    }
    let unreached = probes.unreached
    guard runs >= SimulationLimits.probedRuns, !unreached.isEmpty else { return failed.isEmpty }
    print("never reached: \(unreached.map(\.rawValue).joined(separator: "; "))")
    return false
  }

  /// Prints the shortest history with a violation that halving the operations finds: what happens up to the last of them
  /// stays the same.
  private func shrink(_ seed: UInt64) {
    var least = operations
    var passing = 0
    while least - passing > 1 {
      let middle = (least + passing) / 2
      if fails(seed, middle) { least = middle } else { passing = middle }
    }
    let stores = stores.map { " --stores \($0)" } ?? ""
    print("the shortest history found: simulate --seed \(seed) --operations \(least)\(stores) --trace")
  }

  private func fails(_ seed: UInt64, _ operations: Int) -> Bool {
    let report = try? Simulator(seed: seed, stores: stores, operations: operations).run()
    return report?.violation != nil
  }

  /// Nil if the same seed gave two different runs, or no run at all.
  private func run(_ seed: UInt64) -> RunReport? {
    guard let report = runOnce(seed, traces: traces) else { return nil }
    guard isDouble else { return report }
    guard let again = runOnce(seed, traces: false) else { return nil }
    guard again.traceHash == report.traceHash, again.traceLines == report.traceLines else {
      print("SEED \(seed): two runs differ: \(report.traceLines) and \(again.traceLines) lines")
      return nil
    }
    return report
  }

  private func runOnce(_ seed: UInt64, traces: Bool) -> RunReport? {
    do {
      let simulator = try Simulator(
        seed: seed, stores: stores, operations: operations,
        traceSink: traces ? { print($0) } : nil)
      return simulator.run()
    } catch {
      print("SEED \(seed): no node can be made: \(error)")
      return nil
    }
  }
}
