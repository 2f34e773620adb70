import Dispatch
import RecordStore
import Simulation
import Synchronization

/// Runs seeds, each on its own, on all processors.
struct SimulationRuns: Sendable {
  enum Backend: String {
    case memory, sqlite, both
  }

  /// What came of one seed.
  struct Outcome: Sendable {
    /// Nil if no node could be made.
    var report: RunReport?
    var problem: String?
    /// The run was the same in memory and in SQLite.
    var isCompared = false
  }

  /// Seeds whose reports are kept until their turn comes: enough for all processors to be busy.
  private static let seedsAtOnce: UInt64 = 64
  /// SQLite takes several times as long as memory, and what is found by it is found by a few.
  private static let comparedPart: UInt64 = 10

  var stores: Int?
  var operations = SimulationLimits.operations
  /// Nil for memory, and both for some.
  var backend: Backend?
  var traces = false
  var isDouble = false

  /// Hands over what came of each seed, in order.
  func forEach(_ seeds: ClosedRange<UInt64>, _ body: (UInt64, Outcome) -> Void) {
    var first = seeds.lowerBound
    while true {
      let last = min(seeds.upperBound, first.addingReportingOverflow(Self.seedsAtOnce - 1).partialValue)
      let part = first...max(first, last)
      for (seed, outcome) in zip(part, outcomes(part)) { body(seed, outcome) }
      guard part.upperBound < seeds.upperBound else { return }
      first = part.upperBound + 1
    }
  }

  private func outcomes(_ seeds: ClosedRange<UInt64>) -> [Outcome] {
    guard !traces, seeds.count > 1 else { return seeds.map(run) }
    let outcomes = Mutex<[UInt64: Outcome]>([:])
    DispatchQueue.concurrentPerform(iterations: seeds.count) { index in
      let seed = seeds.lowerBound + UInt64(index)
      let outcome = run(seed)
      outcomes.withLock { $0[seed] = outcome }
    }
    return outcomes.withLock { found in seeds.compactMap { found[$0] } }
  }

  /// What a person types to see a seed's run again, besides the seed and the number of operations.
  func options(_ seed: UInt64) -> String {
    var text = stores.map { " --stores \($0)" } ?? ""
    if backend(of: seed) == .sqlite { text += " --backend sqlite" }
    return text
  }

  func fails(_ seed: UInt64, operations: Int) -> Bool {
    var runs = self
    (runs.operations, runs.traces, runs.isDouble) = (operations, false, false)
    return runs.run(seed).report?.violation != nil
  }

  private func backend(of seed: UInt64) -> Backend {
    backend ?? (seed % Self.comparedPart == 0 ? .both : .memory)
  }

  private func run(_ seed: UInt64) -> Outcome {
    let backend = backend(of: seed)
    do throws(StoreError) {
      let first = try once(seed, inSQLite: backend == .sqlite, traces: traces)
      var outcome = Outcome(report: first.report)
      if let violation = first.report.violation {
        outcome.problem = "violation at \(first.report.endMilliseconds) ms: \(violation.what)"
        return outcome
      }
      if isDouble {
        let second = try once(seed, inSQLite: backend == .sqlite, traces: false)
        outcome.problem = difference(first, second, "two runs")
      }
      if backend == .both {
        let second = try once(seed, inSQLite: true, traces: false)
        outcome.problem = outcome.problem ?? difference(first, second, "in memory and in SQLite, the runs")
        outcome.isCompared = outcome.problem == nil
      }
      return outcome
    } catch {
      return Outcome(report: nil, problem: "no node can be made: \(error)")
    }
  }

  private func once(
    _ seed: UInt64, inSQLite: Bool, traces: Bool
  ) throws(StoreError) -> (report: RunReport, contents: UInt64) {
    let disks: any DiskMaker = inSQLite ? try SQLiteDisks() : MemoryDisks()
    let simulator = try Simulator(
      seed: seed, stores: stores, operations: operations, disks: disks,
      traceSink: traces ? { print($0) } : nil)
    let report = simulator.run()
    return (report, isDouble || backend(of: seed) == .both ? simulator.contentsHash() : 0)
  }

  private func difference(
    _ first: (report: RunReport, contents: UInt64), _ second: (report: RunReport, contents: UInt64), _ what: String
  ) -> String? {
    if let violation = second.report.violation {
      return "\(what) differ: the second has a violation: \(violation.what)"
    }
    guard first.report.traceHash == second.report.traceHash else {
      return "\(what) differ: \(first.report.traceLines) and \(second.report.traceLines) lines"
    }
    return first.contents == second.contents ? nil : "\(what) differ in what the nodes hold at the end"
  }
}
