import Base
import Causality
import NodeRuntime
import StoreModel
import Testing

/// Which store is verified next in the background.
@Suite struct VerifyScheduleTests {
  private let day = VerifySchedule.intervalMilliseconds
  private let now = WallTime(milliseconds: 1_800_000_000_000)

  private func ago(_ milliseconds: Int64) -> WallTime { now.advanced(byMilliseconds: -milliseconds) }

  @Test func theOneThatWaitsLongestIsNext() {
    let one = NodeNumber(1)
    let two = NodeNumber(2)
    #expect(VerifySchedule.next([], at: now) == nil)
    #expect(VerifySchedule.next([(one, ago(day - 1)), (two, ago(0))], at: now) == nil, "none is due")
    #expect(VerifySchedule.next([(one, ago(day)), (two, ago(day + 1))], at: now) == two)
    #expect(VerifySchedule.next([(one, ago(day * 9)), (two, nil)], at: now) == two, "never comes first")
    #expect(VerifySchedule.next([(two, nil), (one, nil)], at: now) == one)
    #expect(VerifySchedule.next([(one, now.advanced(byMilliseconds: 1))], at: now) == one, "a clock was set back")
  }

  @Test("what was verified before HQ lost something counts no more, once the store has brought what it has")
  func afterALoss() {
    let loss = ago(1_000)
    #expect(VerifySchedule.last(ago(2_000), healedAt: nil, loss: nil) == ago(2_000))
    #expect(
      VerifySchedule.last(ago(2_000), healedAt: ago(5_000), loss: loss) == ago(2_000), "it has not brought it yet")
    #expect(VerifySchedule.last(ago(2_000), healedAt: ago(500), loss: loss) == nil)
    #expect(VerifySchedule.last(ago(100), healedAt: ago(500), loss: loss) == ago(100), "it was done since")
    #expect(VerifySchedule.last(nil, healedAt: ago(500), loss: loss) == nil)
  }
}
