import Base
import Causality
import Merge
import RecordStore
import Simulation
import StoreModel
import Testing

/// One further fault at a time, on a chain that is faultless otherwise, so that what fails is known by its name.
@Suite("Further faults, one at a time")
struct FurtherFaultTests {
  private func run(
    _ seed: UInt64, operations: Int = 80, _ change: (inout FaultPlan) -> Void
  ) throws -> RunReport {
    var plan = FaultPlan.calm(stores: 3)
    plan.meanOperationMilliseconds = 200
    change(&plan)
    let report = try Simulator(seed: seed, stores: 3, operations: operations, plan: plan).run()
    #expect(report.violation == nil, "SEED \(seed): \(report.summary)")
    return report
  }

  @Test(
    "FC-36 FC-37 FC-38 a store of an older version loses nothing that it does not know, and is upgraded without traffic"
  )
  func versions() throws {
    var unknown = 0
    for seed in 1...6 as ClosedRange<UInt64> {
      let report = try run(seed) { plan in
        plan.further.olderStore = 2
        plan.further.upgradePerMille = 30
      }
      #expect(report.probes[.upgrades] == 1)
      unknown += report.probes[.unknownParts]
    }
    #expect(unknown > 0)
  }

  @Test("columns go to those who read them, and rows to a store of an older version")
  func columns() throws {
    func columns(_ change: (inout FurtherFaults) -> Void) throws -> Int {
      let report = try run(3) { plan in
        plan.further.hqReadsColumns = true
        plan.further.storesReadColumns = true
        plan.further.olderStore = 2
        plan.further.upgradePerMille = 20
        change(&plan.further)
      }
      return report.probes[.columns]
    }
    #expect(try columns { _ in } > 0)
    #expect(try columns { $0.hqReadsColumns = false } == 0)
    #expect(try columns { $0.storesReadColumns = false } == 0)
  }

  @Test("FC-15 what was parked is applied everywhere once the rule is gone", arguments: 1...6 as ClosedRange<UInt64>)
  func cure(seed: UInt64) throws {
    let report = try run(seed, operations: 150) { plan in
      plan.poisonedStore = 1
      plan.further.curePerMille = 15
      plan.further.retryPerMille = 20
    }
    #expect(report.probes[.parked] == 0 || report.probes[.retried] > 0)
  }

  @Test(
    "FC-48 what changes behind a node's back is found and mended, and nothing else", arguments: [1, 2, 3] as [UInt64])
  func drift(seed: UInt64) throws {
    let report = try run(seed) { plan in
      plan.further.verifyPerMille = 50
      plan.further.driftedRecords = 2
    }
    #expect(report.probes[.drifted] >= 3 && report.probes[.verifiedBusy] > 0)
  }

  @Test(
    "FC-21 a clock a year ahead or behind wins nothing: every commit has a stamp of about its time in the end",
    arguments: [SimulationLimits.yearMilliseconds, -SimulationLimits.yearMilliseconds])
  func clocks(off: Int64) throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let report = try run(seed) { plan in
        plan.hasSmallJumps = true
        plan.skews[2] = off
        plan.further.wrongClock = (2, off)
      }
      #expect(report.probes[.wrongClocks] == 1)
    }
  }

  @Test("several stores are cut off at once on slow lines, and come back", arguments: [1, 3, 4] as [UInt64])
  func lines(seed: UInt64) throws {
    let report = try run(seed) { plan in
      plan.further.lineBytesPerSecond = 2_000
      plan.further.partitionPerMille = 60
      plan.further.partitionMilliseconds = 200_000
    }
    #expect(report.probes[.partitions] > 0 && report.probes[.heldBack] > 0 && report.probes[.heardParts] > 0)
  }

  @Test("people return goods, void receipts and settle cases", arguments: [1, 2, 3] as [UInt64])
  func people(seed: UInt64) throws {
    let report = try run(seed, operations: 150) { plan in
      plan.further.returnPerMille = 200
      plan.further.settlePerMille = 150
    }
    #expect(report.probes[.corrections] > 5 && report.probes[.settled] > 0)
  }
}

@Suite("Seeds that found a mistake")
struct FoundSeedTests {
  @Test(
    "FC-9 FC-48 what they found is mended",
    arguments: [
      // HQ took for drift what a store was about to let go of.
      69,
      // A commit of which HQ had a part first, in a chain beyond the limit: it is sent on in parts.
      55, 240,
      // A verification was cut off after it had mended a movement, and before the balances were added up.
      322,
    ] as [UInt64])
  func holds(seed: UInt64) throws {
    let report = try Simulator(seed: seed).run()
    #expect(report.violation == nil, "SEED \(seed): \(report.summary)")
  }
}
