import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What a store knows of the time when it starts without a link.
@Suite struct ClockKeepingTests {
  private static let year: Int64 = 365 * 86_400_000
  private let now = WallTime(milliseconds: 1_700_000_000_000)

  /// A store that HQ has let in at `now`, when this machine's clock was off by `skew`, and which has started anew.
  private func restarted(_ kind: BackendKind, skew: Int64) throws -> TestNode {
    let store = try TestNode(kind, 1)
    store.wall = now.advanced(byMilliseconds: skew)
    try store.mustCommit(.note("a", store: 1, text: "before the link"))
    _ = try store.store.repairClock(
      sent: LogCoverage(cursors: LaneMap(repeating: 0)), offset: -skew, correction: 0, now: now, spareIncarnation: 2)
    try store.store.begin(Epoch(rawValue: 5), incarnation: nil)
    return store
  }

  @Test(
    "FC-21 a clock that is a year off is corrected from the start, as it was measured the last time",
    arguments: BackendKind.allCases, [-year, year])
  func measuredDifferenceIsKept(_ kind: BackendKind, skew: Int64) throws {
    let store = try restarted(kind, skew: skew)
    let later = now.advanced(byMilliseconds: 3_600_000)
    let raw = later.advanced(byMilliseconds: skew)
    #expect(try store.store.clockCorrection(startingAt: raw) == -skew)
    store.wall = raw.advanced(byMilliseconds: try store.store.clockCorrection(startingAt: raw))
    let stamp = try store.mustCommit(.note("b", store: 1, text: "without a link"))
    #expect(stamp.time.wall.milliseconds(since: later) == 1_000, "a second passes before each commit")
    // And from the next start, of which HQ has not heard either.
    try store.store.begin(Epoch(rawValue: 6), incarnation: nil)
    #expect(try store.store.clockCorrection(startingAt: raw) == -skew)
  }

  @Test(
    "FC-21 a clock that was set right while the node was off is not corrected", arguments: BackendKind.allCases,
    [-year, year, 0])
  func clockSetRight(_ kind: BackendKind, skew: Int64) throws {
    let store = try restarted(kind, skew: skew)
    #expect(try store.store.clockCorrection(startingAt: now.advanced(byMilliseconds: 3_600_000)) == 0)
    // Nor one that is a little behind what is known, as any clock may be.
    #expect(try store.store.clockCorrection(startingAt: now.advanced(byMilliseconds: -1_000)) == 0)
  }

  @Test(
    "FC-21 a clock that starts at 1970 counts on from the last time that is known", arguments: BackendKind.allCases)
  func flatBattery(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    let sent = LogCoverage(cursors: LaneMap(repeating: 0))
    let day: Int64 = 86_400_000
    // Measured a day after its clock had started at 1970: another difference than a day later, when it starts there again.
    _ = try store.store.repairClock(
      sent: sent, offset: now.milliseconds - day, correction: 0, now: now, spareIncarnation: 2)
    store.wall = now.advanced(byMilliseconds: 600_000)
    let last = try store.mustCommit(.note("a", store: 1, text: "measured"))
    try store.store.begin(Epoch(rawValue: 5), incarnation: nil)
    let correction = try store.store.clockCorrection(startingAt: WallTime(milliseconds: 0))
    #expect(correction == last.time.wall.milliseconds)
    var stamps: [HybridTimestamp] = []
    for minute in 1...3 as ClosedRange<Int64> {
      store.wall = WallTime(milliseconds: correction + minute * 60_000)
      stamps.append(try store.mustCommit(.note("b\(minute)", store: 1)).time)
    }
    // The link is there after an hour, two hours after the measured commit: all three are known to the millisecond.
    let contact = last.time.wall.advanced(byMilliseconds: 7_200_000)
    let repaired = try #require(
      try store.store.repairClock(
        sent: sent, offset: 3_600_000, correction: correction, now: contact, spareIncarnation: 2))
    let names = repaired.reduce(into: [:]) { $0.merge($1.names) { first, _ in first } }
    #expect(stamps.map { names[$0]?.time.wall } == stamps.map { $0.wall.advanced(byMilliseconds: 3_600_000) })
  }

  @Test("a store that HQ has never let in, and HQ, take their clocks as they are", arguments: BackendKind.allCases)
  func neverMeasured(_ kind: BackendKind) throws {
    for number in [0, 1] as [UInt32] {
      let node = try TestNode(kind, number)
      try node.mustCommit(.note("a", store: 1))
      try node.store.begin(Epoch(rawValue: 5), incarnation: nil)
      #expect(try node.store.clockCorrection(startingAt: WallTime(milliseconds: 0)) == 0)
    }
  }

  @Test("what is remembered of a welcome may hold any numbers")
  func anyNumbers() {
    let ends = [Int64.min, -1, 0, 1, .max]
    for difference in ends {
      for time in ends {
        let welcome = LastWelcome(
          epoch: Epoch(rawValue: 1), clockDifference: difference, time: WallTime(milliseconds: time))
        for wall in ends { _ = welcome.correction(startingAt: WallTime(milliseconds: wall)) }
      }
    }
  }
}
