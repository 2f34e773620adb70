import Causality
import Merge
import StoreModel
import Testing

/// Records that are written once, by hand.
struct ImmutableTests {
  private static let line = [
    write(Fact.Field.product, .set(.integer(7))), write(Fact.Field.quantity, .set(.integer(2))),
  ]

  private static func written(_ stamp: Stamp, _ writes: [FieldWrite] = line) -> RecordState {
    var state = RecordState.fact()
    state.write(writes, stamp: stamp)
    return state
  }

  @Test func theSameContentsAreNoConflict() {
    let both = Self.written(stamp(5, 1)).merging(Self.written(stamp(4, 2)))
    #expect(both.concurrences(Fact.schema()).isEmpty)
    #expect(both.shows(.quantity) == .integer(2) && both.firstStamp == stamp(4, 2))
    #expect(Self.written(stamp(5, 1)).concurrences(Fact.schema()).isEmpty)
  }

  @Test func otherContentsAreAConflictAndTheFirstIsShownWhole() {
    // Each of the two has a field that the other lacks: the shown record never mixes them.
    let noted = [write(Fact.Field.quantity, .set(.integer(3))), write(Fact.Field.note, .set(.text("late")))]
    let first = Self.written(stamp(4, 2))
    let second = Self.written(stamp(5, 1), noted)
    for both in [first.merging(second), second.merging(first)] {
      #expect(both.shows(.product) == .integer(7) && both.shows(.quantity) == .integer(2) && both.shows(.note) == .null)
      #expect(
        both.cases(Fact.schema()) == [
          Case(
            kind: .immutable, field: nil, key: nil,
            candidates: [
              Concurrence.Candidate(stamp: stamp(4, 2), value: .null, isShown: true),
              Concurrence.Candidate(stamp: stamp(5, 1), value: .null, isShown: false),
            ], reason: "the first write is shown; a record of this kind is written once", needsPerson: true)
        ])
      #expect(both.contents(writtenBy: stamp(5, 1)) == noted && both.contents(writtenBy: stamp(4, 2)) == Self.line)
    }
  }

  @Test func aFieldThatOnlyOneWroteIsADifference() {
    let more = Self.written(stamp(5, 1), Self.line + [write(Fact.Field.note, .set(.text("x")))])
    #expect(Self.written(stamp(4, 2)).merging(more).concurrences(Fact.schema()).map(\.kind) == [.immutable])
  }

  @Test func writingBesideKeepsBoth() {
    let first = Self.written(stamp(4, 1))
    let beside = first.writingBeside(
      stamp(6, 1), write(.product, .set(.integer(7))), write(.quantity, .set(.integer(9))))
    #expect(beside.shows(.quantity) == .integer(2))
    #expect(beside.concurrences(Fact.schema()).map { $0.candidates.map(\.stamp) } == [[stamp(4, 1), stamp(6, 1)]])
    #expect(beside.merging(first) == beside && first.merging(beside) == beside)
    #expect(flaw(in: beside) == nil)
    // A clock that went back: the lowest stamp is shown, whoever came first.
    let earlier = first.writingBeside(stamp(2, 3), write(.quantity, .set(.integer(9))))
    #expect(earlier.shows(.quantity) == .integer(9) && earlier.shows(.product) == .null)
    #expect(flaw(in: earlier) == nil)
  }

  @Test func aNullWrittenBesideIsNoContent() {
    let beside = Self.written(stamp(4, 1)).writingBeside(
      stamp(6, 1), write(.product, .set(.integer(7))), write(.quantity, .set(.integer(2))), write(.note, .set(.null)))
    #expect(beside.concurrences(Fact.schema()).isEmpty)
    #expect(beside.content(of: FieldTag(3)) == nil)
  }

  @Test func aFieldWrittenBesideTwiceInOneCommitHoldsTheLast() {
    let beside = Self.written(stamp(4, 1)).writingBeside(
      stamp(6, 1), write(.quantity, .set(.integer(8))), write(.quantity, .set(.integer(9))))
    #expect(flaw(in: beside) == nil)
    #expect(beside.contents(writtenBy: stamp(6, 1)) == [write(Fact.Field.quantity, .set(.integer(9)))])
  }
}
