import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

@Suite("What differs, and what is on its way")
struct RepeatedLooksTests {
  private let key = RecordKey(entity: EntityTag(1), id: RecordID([1]))
  private let one = VerifyAnswer.Look(digest: RecordDigest(1), vector: VersionVector())
  private let other = VerifyAnswer.Look(digest: RecordDigest(2), vector: VersionVector())

  private func begun(_ mine: VerifyAnswer.Look?, _ theirs: VerifyAnswer.Look?) -> RepeatedLooks {
    RepeatedLooks([key: RangeReconciler.Pair(mine: mine?.digest, theirs: theirs?.digest)])
  }

  @Test(
    "FC-48 what the ranges have shown is no look: what HQ makes of a record that has just come may be on its way back")
  func rangesAreNoLook() {
    // The store has written a record for another store; HQ hears of it before the first look, and asks it to let go.
    var looks = begun(nil, one)
    #expect(looks.nextRound() == [key])
    looks.take(key, nil, one)
    #expect(looks.confirmed.isEmpty && looks.moved == [key])
    #expect(looks.nextRound() == [key])
    looks.take(key, nil, nil)
    #expect(looks.confirmed.isEmpty && looks.nextRound() == nil)
  }

  @Test("FC-48 what shows the same twice differs")
  func differsTwice() {
    var looks = begun(one, other)
    for _ in 0..<2 {
      #expect(looks.nextRound() == [key])
      looks.take(key, one, other)
    }
    #expect(looks.confirmed == [key] && looks.nextRound() == nil)
  }

  @Test("FC-48 what changes all the time is given up after some rounds, and counts as moving")
  func moves() {
    var looks = begun(one, nil)
    var rounds = 0
    while looks.nextRound() != nil {
      rounds += 1
      looks.take(key, VerifyAnswer.Look(digest: RecordDigest(UInt128(10 + rounds)), vector: VersionVector()), nil)
    }
    #expect(rounds == VerifyLimits.rounds && looks.moved == [key] && looks.confirmed.isEmpty)
  }
}
