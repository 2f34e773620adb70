import Base
import Simulation
import Testing

@Suite("Simulated chains")
struct SimulationTests {
  @Test("FC-1 FC-2 FC-4 FC-5 FC-9 FC-20 all rules hold in thirty runs", arguments: 1...30)
  func rulesHold(seed: UInt64) throws {
    let report = try Simulator(seed: seed, operations: 60).run()
    #expect(report.violation == nil, "SEED \(seed): \(report.summary)")
  }

  /// Each was found by a long run; RELIABILITY.md tells what it was.
  @Test("seeds that have once broken a rule", arguments: [1678, 1703, 1852, 2977, 3037, 3568, 3569, 3947, 5063])
  func rulesHoldWhereTheyDidNot(seed: UInt64) throws {
    let report = try Simulator(seed: seed).run()
    #expect(report.violation == nil, "SEED \(seed): \(report.summary)")
  }

  @Test("a seed replays the same run, line by line", arguments: [7, 8, 9])
  func runsReplay(seed: UInt64) throws {
    let first = try Simulator(seed: seed, operations: 60).run()
    let second = try Simulator(seed: seed, operations: 60).run()
    #expect(first.traceHash == second.traceHash, "SEED \(seed)")
    #expect(first.traceLines == second.traceLines && first.traceLines > 100)
    #expect(first.probes == second.probes)
    let other = try Simulator(seed: seed + 100, operations: 60).run()
    #expect(other.traceHash != first.traceHash)
  }

  @Test("without faults all is in sync at once, and nothing is refused or lost")
  func calm() throws {
    let report = try Simulator(seed: 3, stores: 3, operations: 60, plan: .calm(stores: 3)).run()
    #expect(report.violation == nil, "SEED 3: \(report.summary)")
    #expect(report.probes[.commits] > 40)
    #expect(report.probes[.timeOuts] == 0 && report.probes[.cuts] == 0)
  }
}

extension RunReport {
  var summary: String {
    "\(violation?.what ?? "no violation") at \(endMilliseconds) ms\n" + lastLines.joined(separator: "\n")
  }
}
