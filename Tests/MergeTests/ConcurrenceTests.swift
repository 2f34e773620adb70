import Causality
import Merge
import StoreModel
import Testing

/// The list of concurrences by hand.
struct ConcurrenceTests {
  private typealias Candidate = Concurrence.Candidate

  @Test func listsEveryFieldThatDisagreesInTheOrderOfTheFields() {
    let start = RecordState.thing().writing(stamp(1, 0), write(.latest, .set(.integer(0))))
    let one = start.writing(
      stamp(2, 1), write(.manual, .set(.integer(1))), write(.latest, .set(.integer(1))),
      write(.first, .set(.integer(5))),
      write(.counter, .add(1)), write(.set, .addElements([.integer(1)])))
    let two = start.writing(
      stamp(3, 2), write(.manual, .set(.integer(2))), write(.latest, .set(.integer(2))),
      write(.first, .set(.integer(5))),
      write(.counter, .add(1)), write(.set, .addElements([.integer(1)])))
    let both = one.merging(two)
    #expect(
      both.cases(Thing.schema()) == [
        Case(
          kind: .field, field: FieldTag(2), key: nil,
          candidates: [
            Candidate(stamp: stamp(2, 1), value: .integer(1), isShown: false),
            Candidate(stamp: stamp(3, 2), value: .integer(2), isShown: true),
          ], reason: "the latest write", needsPerson: false),
        Case(
          kind: .field, field: FieldTag(5), key: nil,
          candidates: [
            Candidate(stamp: stamp(2, 1), value: .integer(1), isShown: false),
            Candidate(stamp: stamp(3, 2), value: .integer(2), isShown: true),
          ], reason: "the latest write, until a person picks", needsPerson: true),
      ], "replicas that wrote the same agree; sets and counters have nothing to settle")
    #expect(both.concurrences(Thing.schema()) == two.merging(one).concurrences(Thing.schema()))
  }

  @Test func theyEndWhenSomebodyWhoSawTheValuesWrites() {
    let one = RecordState.thing().writing(stamp(2, 1), write(.manual, .set(.integer(1))))
    let two = RecordState.thing().writing(stamp(3, 2), write(.manual, .set(.integer(2))))
    let both = one.merging(two)
    let settled = both.writing(stamp(4, 0), write(.manual, .set(.integer(1))))
    #expect(settled.concurrences(Thing.schema()).isEmpty)
    #expect(settled.merging(one, two, both).shows(.manual) == .integer(1))
    let elsewhere = both.writing(stamp(4, 0), write(.latest, .set(.integer(1))))
    #expect(elsewhere.concurrences(Thing.schema()).count == 1, "a write of another field settles nothing")
    let third = settled.merging(RecordState.thing().writing(stamp(1, 3), write(.manual, .set(.integer(3)))))
    #expect(third.concurrences(Thing.schema()).map { $0.candidates.map(\.stamp) } == [[stamp(1, 3), stamp(4, 0)]])
  }

  @Test func aDeletionComesFirst() {
    let start = RecordState.thing().writing(stamp(1, 0), write(.latest, .set(.integer(0))))
    let one = start.writing(stamp(2, 1), write(.latest, .set(.integer(1))))
    let two = start.writing(stamp(3, 2), write(.latest, .set(.integer(2))))
    let all = start.deleting(stamp(2, 3)).merging(one, two)
    #expect(all.concurrences(Thing.schema()).map(\.kind) == [.deletion, .field])
  }

  @Test func aRecordWrittenOnceHasOnlyOneStamp() {
    let once = RecordState.thing().writing(
      stamp(1, 1), write(.latest, .set(.integer(1))), write(.manual, .set(.integer(1))))
    #expect(once.onlyStamp == stamp(1, 1) && once.concurrences(Thing.schema()).isEmpty)
    #expect(once.writing(stamp(2, 1), write(.latest, .set(.integer(2)))).onlyStamp == nil)
    #expect(once.merging(RecordState.thing().writing(stamp(1, 2), write(.hq, .set(.integer(2))))).onlyStamp == nil)
    #expect(once.deleting(stamp(2, 1)).onlyStamp == nil)
    #expect(RecordState.thing().onlyStamp == nil)
    #expect(RecordState.thing().writing(stamp(1, 1), write(.counter, .add(1))).onlyStamp == nil)
  }
}
