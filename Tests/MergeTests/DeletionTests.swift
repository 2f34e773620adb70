import Causality
import Merge
import StoreModel
import Testing

/// Deletion by hand (design, §2).
struct DeletionTests {
  private static let start = RecordState.thing().writing(
    stamp(1, 1), write(.latest, .set(.integer(1))), write(.counter, .add(4)), write(.set, .addElements([.integer(7)])))

  private func deletionCase(_ state: RecordState, _ policy: DeletionPolicy) -> Case? {
    state.cases(Thing.schema(policy)).first { $0.kind == .deletion }
  }

  @Test(arguments: [DeletionPolicy.editWins, .deleteWins]) func whatWasSeenStaysDeleted(_ policy: DeletionPolicy) {
    let deleted = Self.start.deleting(stamp(2, 2))
    #expect(deleted.isDeleted(policy) && !Self.start.isDeleted(policy))
    #expect(Self.start.merging(deleted).isDeleted(policy) && deleted.merging(Self.start).isDeleted(policy))
    #expect(deleted.deletions == [DeletionMark(stamp: stamp(2, 2), saw: Self.start.vector)])
    #expect(deletionCase(deleted, policy) == nil)
    #expect(deleted.fields == Self.start.fields, "the fields stay until the mark is dropped")
    #expect(RecordState.thing().deleting(stamp(1, 1)).isDeleted(policy), "nothing was there")
  }

  @Test func underEditWinsAConcurrentEditBringsItBackWhole() {
    let deleted = Self.start.deleting(stamp(9, 2))
    let edited = Self.start.writing(stamp(2, 3), write(.counter, .add(2)))
    let both = deleted.merging(edited)
    #expect(!both.isDeleted(.editWins))
    #expect(both.shows(.counter) == .counter(6))
    #expect(both.shows(.latest) == .integer(1) && both.shows(.set) == .set([.integer(7)]))
    #expect(
      deletionCase(both, .editWins)
        == Case(
          kind: .deletion, field: nil, key: nil,
          candidates: [Concurrence.Candidate(stamp: stamp(9, 2), value: .null, isShown: false)],
          reason: "the concurrent edit wins over the deletion", needsPerson: false))
  }

  @Test(arguments: [
    write(.latest, .set(.integer(5))), write(.latest, .set(.null)), write(.set, .addElements([.integer(8)])),
    write(.counter, .add(1)), write(.custom, .put(key: "a", .integer(1))),
  ]) func everyKindOfEditCounts(_ edit: FieldWrite) {
    let both = Self.start.deleting(stamp(9, 2)).merging(Self.start.writing(stamp(2, 3), edit))
    #expect(!both.isDeleted(.editWins) && both.isDeleted(.deleteWins))
  }

  @Test func aConcurrentRemovalLeavesNothingAliveSoTheDeletionStands() {
    let removed = Self.start.writing(stamp(9, 3), write(.set, .removeElements([.integer(7)])))
    let both = Self.start.deleting(stamp(2, 2)).merging(removed)
    #expect(both.isDeleted(.editWins) && deletionCase(both, .editWins) == nil)
    #expect(both.deletions.count == 1 && both.shows(.set) == .null)
  }

  @Test func underDeleteWinsAConcurrentEditIsKeptForAPerson() {
    let edited = Self.start.writing(stamp(9, 3), write(.latest, .set(.integer(5))))
    let both = Self.start.deleting(stamp(2, 2)).merging(edited)
    #expect(both.isDeleted(.deleteWins))
    #expect(both.shows(.latest, Thing.schema(.deleteWins)) == .integer(5), "the edit is there")
    #expect(
      deletionCase(both, .deleteWins)
        == Case(
          kind: .deletion, field: nil, key: nil,
          candidates: [Concurrence.Candidate(stamp: stamp(2, 2), value: .null, isShown: true)],
          reason: "the deletion wins; the concurrent edit is kept", needsPerson: true))
  }

  @Test func threeMarksDeleteOnlyIfTogetherTheySawEverything() {
    let one = Self.start.writing(stamp(2, 1), write(.latest, .set(.integer(2))))
    let two = Self.start.writing(stamp(2, 2), write(.counter, .add(1)))
    let three = Self.start.writing(stamp(2, 3), write(.set, .addElements([.integer(9)])))
    let marks = [one.deleting(stamp(3, 1)), two.deleting(stamp(3, 2)), three.deleting(stamp(3, 3))]
    // Each mark is concurrent with two of the edits; two marks leave one edit unknown, three none.
    let edits = one.merging(two, three)
    #expect(!edits.merging(marks[0]).isDeleted(.editWins))
    #expect(!edits.merging(marks[0], marks[2]).isDeleted(.editWins))
    let all = edits.merging(marks[0], marks[1], marks[2])
    #expect(all.deletions.map(\.stamp) == [stamp(3, 1), stamp(3, 2), stamp(3, 3)])
    #expect(all.isDeleted(.editWins) && deletionCase(all, .editWins) == nil)
    #expect(edits.merging(marks[0]).isDeleted(.deleteWins), "one is enough there")
    #expect(marks[2].merging(marks[0], marks[1]) == all)

    let four = Self.start.writing(stamp(2, 4), write(.latest, .set(.integer(4))))
    #expect(!all.merging(four).isDeleted(.editWins))
    #expect(deletionCase(all.merging(four), .editWins)?.candidates.count == 3)
  }

  @Test func anEditThatTheMarksOwnReplicaMadeEarlierIsKnown() {
    let edited = Self.start.writing(stamp(2, 2), write(.latest, .set(.integer(2))))
    let deleted = edited.deleting(stamp(3, 2))
    #expect(edited.merging(deleted).isDeleted(.editWins) && Self.start.merging(deleted, edited).isDeleted(.editWins))
  }

  @Test(arguments: [DeletionPolicy.editWins, .deleteWins])
  func writingAnewRemovesTheMarksThatWereSeen(_ policy: DeletionPolicy) {
    let deleted = Self.start.deleting(stamp(2, 2)).merging(Self.start.deleting(stamp(2, 3)))
    let rewritten = deleted.writing(stamp(3, 1), write(.latest, .set(.integer(3))))
    #expect(!rewritten.isDeleted(policy) && rewritten.deletions.isEmpty)
    #expect(rewritten.shows(.counter) == .counter(4), "whole")
    // An old copy that still has the mark comes by, ordered and concurrent.
    #expect(rewritten.merging(deleted) == rewritten && deleted.merging(rewritten) == rewritten)
    let old = deleted.merging(Self.start.writing(stamp(5, 4), write(.hq, .set(.integer(8)))))
    let both = old.merging(rewritten)
    #expect(!both.isDeleted(policy) && both.deletions.isEmpty && both.shows(.hq) == .integer(8))
    #expect(rewritten.merging(old) == both)
  }

  @Test func writingAnewDoesNotTouchAMarkThatWasNotSeen() {
    let rewritten = Self.start.deleting(stamp(2, 2)).writing(stamp(3, 1), write(.latest, .set(.integer(3))))
    let unseen = Self.start.deleting(stamp(4, 3))
    let both = rewritten.merging(unseen)
    #expect(both.deletions.map(\.stamp) == [stamp(4, 3)])
    #expect(!both.isDeleted(.editWins) && both.isDeleted(.deleteWins))
  }

  @Test func deletingAgainReplacesTheMarksThatWereSeen() {
    let both = Self.start.deleting(stamp(2, 2)).merging(Self.start.deleting(stamp(2, 3)))
    let again = both.deleting(stamp(5, 1))
    #expect(again.deletions == [DeletionMark(stamp: stamp(5, 1), saw: both.vector)])
    #expect(again.merging(both) == again && again.isDeleted(.editWins))
  }
}
