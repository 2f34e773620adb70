import Causality
import Merge
import StoreModel
import Testing

/// Every rule by hand: concurrent values, who wrote them, and which is shown.
struct RuleTests {
  /// A value and its writer; the place in the list is the time.
  struct Write: Sendable {
    var node: UInt32
    var value: Value

    init(_ node: UInt32, _ value: Value) {
      self.node = node
      self.value = value
    }
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var rule: ConflictRule
    var owner: UInt32?
    var writes: [Write]
    /// Index of the shown one.
    var shown: Int
    var reason: String

    init(
      _ name: String, _ rule: ConflictRule, owner: UInt32? = nil, _ writes: [Write], shows shown: Int,
      because reason: String
    ) {
      self.name = name
      self.rule = rule
      self.owner = owner
      self.writes = writes
      self.shown = shown
      self.reason = reason
    }

    var testDescription: String { name }
  }

  private static let one = Value.integer(1)
  private static let two = Value.integer(2)
  private static let steps = ConflictRule.progress(["open", "started", "done"])
  private static let along = "the furthest along open → started → done"

  private static func texts(_ words: String?...) -> [Write] {
    words.enumerated().map { Write(UInt32($0) + 1, $1.map(Value.text) ?? .null) }
  }

  private static let rows: [Row] = [
    Row("latest", .latest, [Write(1, two), Write(2, one)], shows: 1, because: "the latest write"),
    Row("latest: a null counts", .latest, [Write(1, two), Write(2, .null)], shows: 1, because: "the latest write"),
    Row("one value", .manual, [Write(1, two)], shows: 0, because: "the only value"),
    Row(
      "manual", .manual, [Write(1, two), Write(2, one)], shows: 1, because: "the latest write, until a person picks"),
    Row(
      "authority: HQ", .authority(.hq), [Write(1, one), Write(0, two), Write(2, one)], shows: 1,
      because: "HQ has the authority over this field"),
    Row(
      "authority: two incarnations of HQ, the later", .authority(.hq),
      [Write(0, one), Write(1, one), Write(0, two), Write(3, one)], shows: 2,
      because: "HQ has the authority over this field"),
    Row(
      "authority: HQ's null counts", .authority(.hq), [Write(0, .null), Write(2, one)], shows: 0,
      because: "HQ has the authority over this field"),
    Row(
      "authority: no word from HQ", .authority(.hq), [Write(1, one), Write(2, two)], shows: 1,
      because: "the latest write; HQ wrote none of them"),
    Row(
      "authority: owner", .authority(.owner), owner: 2, [Write(2, two), Write(1, one), Write(0, one)], shows: 0,
      because: "the owning store has the authority over this field"),
    Row(
      "authority: no owner", .authority(.owner), [Write(0, two), Write(1, one)], shows: 1,
      because: "the latest write; the owning store wrote none of them"),
    Row("progress", steps, texts("done", "open", "started"), shows: 0, because: along),
    Row("progress: a tie", steps, texts("started", "started", "open"), shows: 1, because: along),
    Row("progress: an unknown word comes first", steps, texts("open", "lost"), shows: 0, because: along),
    Row("progress: a null before an unknown word", steps, texts("lost", nil), shows: 0, because: along),
    Row("progress: no known word", steps, texts("lost", "gone"), shows: 1, because: along),
    Row("first", .first, [Write(3, one), Write(1, two)], shows: 0, because: "the first write"),
    Row(
      "first: nulls are not claims", .first, [Write(3, .null), Write(1, two), Write(2, one)], shows: 1,
      because: "the first write"),
    Row("first: nulls only", .first, [Write(3, .null), Write(1, .null)], shows: 0, because: "the first write"),
    Row("maximum", .maximum, [Write(1, two), Write(2, one)], shows: 0, because: "the largest value"),
    Row(
      "maximum: a tie", .maximum, [Write(1, two), Write(2, two), Write(3, one)], shows: 1,
      because: "the largest value"),
    Row(
      "maximum: not a null", .maximum, [Write(1, .integer(-5)), Write(2, .null)], shows: 0,
      because: "the largest value"),
    Row("minimum", .minimum, [Write(1, one), Write(2, two)], shows: 0, because: "the smallest value"),
    Row(
      "minimum: a tie", .minimum, [Write(1, one), Write(2, one), Write(3, two)], shows: 1,
      because: "the smallest value"),
    Row(
      "minimum: not a null", .minimum, [Write(1, .integer(-5)), Write(2, .null)], shows: 0,
      because: "the smallest value"),
    Row("minimum: nulls only", .minimum, [Write(1, .null), Write(2, .null)], shows: 1, because: "the smallest value"),
  ]

  @Test(arguments: rows) func chooses(_ row: Row) {
    let siblings = row.writes.enumerated().map { index, write in
      Sibling(stamp: stamp(UInt64(index) + 1, write.node, incarnation: UInt32(index)), value: write.value)
    }
    let decision = row.rule.choose(among: Siblings(siblings), owner: row.owner.map(NodeNumber.init))
    #expect(decision == Decision(shownIndex: row.shown, reason: row.reason))
  }

  @Test func equalTimesAreDecidedByTheReplica() {
    let low = RecordState.thing().writing(stamp(5, 1), write(.latest, .set(.integer(1))))
    let high = RecordState.thing().writing(stamp(5, 2), write(.latest, .set(.integer(2))))
    let higher = RecordState.thing().writing(stamp(5, 2, incarnation: 9), write(.latest, .set(.integer(3))))
    #expect(low.merging(high).shows(.latest) == .integer(2))
    #expect(high.merging(low).shows(.latest) == .integer(2))
    #expect(low.merging(high, higher) == higher.merging(low, high))
    #expect(higher.merging(high, low).shows(.latest) == .integer(3))
  }

  @Test func theClockDoesNotBeatTheVector() {
    let early = RecordState.thing().writing(stamp(900, 1), write(.latest, .set(.integer(1))))
    // Node 2 has seen it; its clock is far behind.
    let late = early.writing(stamp(3, 2), write(.latest, .set(.integer(2))))
    #expect(early.merging(late).shows(.latest) == .integer(2))
    #expect(late.merging(early).content(of: FieldTag(2))?.siblings?.count == 1)
  }

  @Test func theOwnerIsTheShownOne() {
    let start = RecordState.thing().writing(
      stamp(1, 0), write(.owner, .set(.integer(1))), write(.ownerSays, .set(.integer(0))))
    let one = start.writing(stamp(2, 1), write(.ownerSays, .set(.integer(11))))
    let two = start.writing(stamp(3, 2), write(.ownerSays, .set(.integer(22))))
    #expect(one.merging(two).shows(.ownerSays) == .integer(11))
    // HQ moves the record to store 2, unaware of both.
    let moved = start.writing(stamp(4, 0), write(.owner, .set(.integer(2))))
    #expect(one.merging(two, moved).shows(.ownerSays) == .integer(22))
    let nobody = start.writing(stamp(4, 0), write(.owner, .set(.integer(-1))))
    #expect(one.merging(two, nobody).shows(.ownerSays) == .integer(22), "the latest, as nobody is the owner")
  }

  @Test func aNullWhereNothingIsIsNoWrite() {
    let state = RecordState.thing().writing(
      stamp(1, 1), write(.latest, .set(.null)), write(.custom, .put(key: "a", .null)))
    #expect(state.fields.isEmpty && state.vector.covers(stamp(1, 1)))
    let later = state.writing(stamp(2, 1), write(.latest, .set(.integer(1)))).writing(
      stamp(3, 1), write(.latest, .set(.null)))
    #expect(later.shows(.latest) == .null)
    #expect(later.content(of: FieldTag(2)) == .register([Sibling(stamp: stamp(3, 1), value: .null)]))
  }

  @Test func aFieldUnknownToTheModelMergesByTheSameLaw() {
    let start = RecordState.thing().writing(stamp(1, 1), FieldWrite(FieldTag(99), .set(.integer(1))))
    let left = start.writing(stamp(2, 1), FieldWrite(FieldTag(99), .set(.integer(2))))
    let right = start.writing(stamp(3, 2), FieldWrite(FieldTag(98), .set(.integer(3))))
    let merged = left.merging(right)
    #expect(merged.content(of: FieldTag(99)) == .register([Sibling(stamp: stamp(2, 1), value: .integer(2))]))
    #expect(merged.content(of: FieldTag(98)) == .register([Sibling(stamp: stamp(3, 2), value: .integer(3))]))
  }
}
