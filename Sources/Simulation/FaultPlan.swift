package import Base

/// What is odd in one run. Drawn once a run and not once a call, so that a run is consistently odd: a line that is slow
/// stays slow, and a path that needs two faults of a kind in a row is met.
package struct FaultPlan: Sendable {
  /// Zero means never, for every mean and every chance.
  package var delayMilliseconds: ClosedRange<Int>
  package var chunkBytes: Int
  package var meanCutMilliseconds: Int
  package var halfCutPerMille: Int
  package var toldPerMille: Int
  package var refusedConnectionPerMille: Int
  package var meanCrashMilliseconds: Int
  package var downMilliseconds: Int
  package var diskMilliseconds: Int
  /// One node whose disk is twenty times as slow.
  package var slowNode: Int?
  /// By node, HQ first: how far the wall clock is off.
  package var skews: [Int64]
  package var meanJumpMilliseconds: Int
  /// Clocks jump by no more than a store tolerates.
  package var hasSmallJumps = false
  package var meanOperationMilliseconds: Int
  /// The chance of a long silence between two operations, for keepalives and time-outs.
  package var pausePerMille: Int
  package var batchBytes: Int
  package var chainBytes: Int
  package var scanEntries: Int
  package var storeWindow: UInt64
  package var packs: Bool
  /// A store whose model lets through what HQ's does not.
  package var poisonedStore: Int?
  /// The chances go with the operations, so that a longer run has more of them.
  package var backupPerMille: Int
  package var restorePerMille: Int
  package var restoresHQ: Bool
  package var restoresStores: Bool
  /// Whether a node finds out by itself that its database was put back.
  package var noticedPerMille: Int
  package var retirePerMille: Int
  package var holidayPerMille: Int
  package var fullDiskPerMille: Int
  /// A store whose clock is at 1970 whenever it starts.
  package var flatBattery: Int?
  package var further = FurtherFaults.none

  package init(stores: Int, using generator: inout SeededGenerator) {
    let slowLine = generator.chance(perMille: 250)
    delayMilliseconds = slowLine ? 50...generator.draw(500...4_000) : 1...generator.draw(2...200)
    chunkBytes = generator.pick([3, 64, 1_400, 100_000])
    meanCutMilliseconds = generator.pick([0, 3_000, 15_000, 60_000])
    halfCutPerMille = generator.pick([0, 300])
    toldPerMille = generator.pick([1_000, 700, 200])
    refusedConnectionPerMille = generator.pick([0, 0, 300])
    meanCrashMilliseconds = generator.pick([0, 8_000, 40_000])
    downMilliseconds = generator.pick([50, 5_000, 120_000])
    diskMilliseconds = generator.pick([1, 20, 400])
    slowNode = generator.chance(perMille: 300) ? generator.below(stores + 1) : nil
    skews = (0...stores).map { _ in Self.skew(using: &generator) }
    skews[0] = generator.chance(perMille: 100) ? skews[0] : 0
    meanJumpMilliseconds = generator.pick([0, 0, 20_000])
    meanOperationMilliseconds = generator.pick([10, 200, 1_500])
    pausePerMille = generator.pick([0, 5, 20])
    batchBytes = generator.pick([1, 600, 4_000, 128 << 10])
    chainBytes = generator.chance(perMille: 150) ? 2_000 : 4 << 20
    scanEntries = generator.pick([1, 5, 2_000])
    storeWindow = generator.pick([1, 2_000, 1 << 20])
    packs = generator.chance(perMille: 250)
    poisonedStore = generator.chance(perMille: 300) ? generator.draw(1...stores) : nil
    backupPerMille = generator.pick([10, 50])
    restorePerMille = generator.pick([0, 0, 8, 30])
    // What is parked for poison counts as nowhere: losing it is not followed.
    if poisonedStore != nil { restorePerMille = 0 }
    // Of a store and HQ that have both forgotten something, neither can tell the other what it had: RELIABILITY.md.
    restoresHQ = generator.chance(perMille: 500)
    restoresStores = !restoresHQ
    noticedPerMille = generator.pick([0, 500, 1_000])
    retirePerMille = stores > 2 && poisonedStore == nil ? generator.pick([0, 0, 5]) : 0
    holidayPerMille = generator.pick([0, 0, 8])
    fullDiskPerMille = generator.pick([0, 0, 0, 20])
    flatBattery = generator.chance(perMille: 150) ? generator.draw(1...stores) : nil
    if restoresHQ, restorePerMille > 0 { keepClocksTolerable() }
    if putsBack { keepChainsWhole() }
  }

  /// Of a chain that was too long for a batch, a store that stamps anew does not know all that HQ has a part of: RELIABILITY.md.
  mutating func keepChainsWhole() { chainBytes = 4 << 20 }

  /// Whether databases are put back in this run.
  var putsBack: Bool { restorePerMille > 0 }

  /// Without clocks so far off that stores stamp anew what is unsent: what an HQ of before had seen of it and has forgotten, and
  /// what the store has not heard that it had, would live under two names (RELIABILITY.md).
  mutating func keepClocksTolerable() {
    skews = skews.map { $0 % 100_000 }
    hasSmallJumps = true
    flatBattery = nil
  }

  /// A faultless run, for tests of the simulator itself to change.
  package static func calm(stores: Int) -> FaultPlan {
    var generator = SeededGenerator(seed: 0)
    var plan = FaultPlan(stores: stores, using: &generator)
    plan.delayMilliseconds = 1...20
    plan.chunkBytes = 1_400
    plan.meanCutMilliseconds = 0
    plan.refusedConnectionPerMille = 0
    plan.meanCrashMilliseconds = 0
    plan.meanJumpMilliseconds = 0
    plan.skews = Array(repeating: 0, count: stores + 1)
    plan.poisonedStore = nil
    plan.restorePerMille = 0
    plan.retirePerMille = 0
    plan.holidayPerMille = 0
    plan.fullDiskPerMille = 0
    plan.flatBattery = nil
    return plan
  }

  private static func skew(using generator: inout SeededGenerator) -> Int64 {
    let small = generator.draw(Int64(-2_000)...2_000)
    return switch generator.below(10) {
    case 0: SimulationLimits.yearMilliseconds + small
    case 1: -SimulationLimits.yearMilliseconds + small
    case 2: small * 100
    default: small
    }
  }
}
