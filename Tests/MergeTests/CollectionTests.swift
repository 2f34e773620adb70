import Causality
import Merge
import StoreModel
import Testing

/// Sets, counters and custom fields by hand.
struct CollectionTests {
  private static let one = Value.integer(1)
  private static let two = Value.integer(2)

  @Test func anAdditionWinsOverAConcurrentRemoval() {
    let start = RecordState.thing().writing(stamp(1, 1), write(.set, .addElements([Self.one, Self.two])))
    let removed = start.writing(stamp(9, 2), write(.set, .removeElements([Self.one])))
    let added = start.writing(stamp(2, 3), write(.set, .addElements([Self.one])))
    #expect(removed.merging(added).shows(.set) == .set([Self.one, Self.two]))
    #expect(added.merging(removed) == removed.merging(added))
    #expect(start.merging(removed).shows(.set) == .set([Self.two]), "a removal that saw the addition holds")
    #expect(removed.merging(start).shows(.set) == .set([Self.two]), "and an old copy does not bring it back")
  }

  @Test func theLastRemovalLeavesNoField() {
    let start = RecordState.thing().writing(stamp(1, 1), write(.set, .addElements([Self.one])))
    let removed = start.writing(stamp(2, 1), write(.set, .removeElements([Self.one, Self.two])))
    #expect(removed.fields.isEmpty)
    #expect(removed.merging(start).shows(.set) == .null)
    let other = start.writing(stamp(3, 2), write(.latest, .set(Self.one)))
    #expect(removed.merging(other).shows(.set) == .null)
    #expect(other.merging(removed).fields.map(\.tag) == [FieldTag(2)])
  }

  @Test func concurrentAdditionsOfOneElementAreOneElement() {
    let left = RecordState.thing().writing(stamp(1, 1), write(.set, .addElements([Self.one, Self.one])))
    let right = RecordState.thing().writing(stamp(1, 2), write(.set, .addElements([Self.one])))
    let both = left.merging(right)
    #expect(both.content(of: FieldTag(10)) == .set([Element(value: Self.one, stamps: [stamp(1, 1), stamp(1, 2)])]))
    let removed = both.writing(stamp(2, 3), write(.set, .removeElements([Self.one])))
    #expect(removed.merging(left, right).shows(.set) == .null)
  }

  @Test func elementsAreInOrder() {
    let values: [Value] = [.text("é"), .text("z"), .integer(-1), .bytes([0]), .integer(9)]
    let state = RecordState.thing().writing(stamp(1, 1), write(.set, .addElements(values)))
    #expect(state.shows(.set) == .set([.integer(-1), .integer(9), .text("z"), .text("é"), .bytes([0])]))
  }

  @Test func aCounterIsTheSumOfAllReplicas() {
    let start = RecordState.thing().writing(stamp(1, 1), write(.counter, .add(10)))
    let one = start.writing(stamp(2, 1), write(.counter, .add(5))).writing(stamp(3, 1), write(.counter, .add(-1)))
    let two = start.writing(stamp(2, 2), write(.counter, .add(-3)), write(.counter, .add(1)))
    let again = start.writing(stamp(2, 1, incarnation: 2), write(.counter, .add(100)))
    #expect(start.merging(one).shows(.counter) == .counter(14))
    #expect(one.merging(two, again, one, start).shows(.counter) == .counter(112))
    #expect(again.merging(two, one) == two.merging(one, again))
  }

  @Test func aCounterIsHeldAtTheEndsOfItsRange() {
    let one = RecordState.thing().writing(stamp(1, 1), write(.counter, .add(.max)), write(.counter, .add(1)))
    let two = RecordState.thing().writing(stamp(1, 2), write(.counter, .add(.max)))
    #expect(one.shows(.counter) == .counter(.max))
    #expect(one.merging(two).shows(.counter) == .counter(.max))
    let low = RecordState.thing().writing(stamp(1, 3), write(.counter, .add(.min)), write(.counter, .add(-1)))
    #expect(low.shows(.counter) == .counter(.min))
    #expect(low.merging(low.writing(stamp(2, 4), write(.counter, .add(-1)))).shows(.counter) == .counter(.min))
  }

  @Test func customFieldsMergeKeyByKey() {
    let start = RecordState.thing().writing(
      stamp(1, 1), write(.custom, .put(key: "b", .text("old"))), write(.custom, .put(key: "a", .text("kept"))))
    let removed = start.writing(stamp(2, 2), write(.custom, .put(key: "b", .null)))
    let added = start.writing(stamp(3, 3), write(.custom, .put(key: "c", .text("new"))))
    let merged = removed.merging(added)
    #expect(
      merged.shows(.custom)
        == .customFields([CustomField(key: "a", value: .text("kept")), CustomField(key: "c", value: .text("new"))]))
    #expect(merged == added.merging(removed) && merged.merging(start) == merged)

    let changed = start.writing(stamp(1, 3), write(.custom, .put(key: "b", .text("mine"))))
    let clash = removed.merging(changed)
    #expect(
      clash.shows(.custom) == .customFields([CustomField(key: "a", value: .text("kept"))]),
      "the null has the higher stamp")
    #expect(
      clash.cases(Thing.schema()) == [
        Case(
          kind: .field, field: FieldTag(12), key: "b",
          candidates: [
            Concurrence.Candidate(stamp: stamp(1, 3), value: .text("mine"), isShown: false),
            Concurrence.Candidate(stamp: stamp(2, 2), value: .null, isShown: true),
          ], reason: "the latest write", needsPerson: false)
      ])
  }

  @Test func keysAreTheirBytes() {
    let composed = RecordState.thing().writing(stamp(1, 1), write(.custom, .put(key: "\u{E9}", .integer(1))))
    let decomposed = RecordState.thing().writing(stamp(1, 2), write(.custom, .put(key: "e\u{301}", .integer(2))))
    let merged = composed.merging(decomposed)
    #expect(merged.content(of: FieldTag(12))?.entries?.count == 2)
    #expect(bytes(of: merged) == bytes(of: decomposed.merging(composed)))
    let over = merged.writing(stamp(2, 1), write(.custom, .put(key: "e\u{301}", .integer(3))))
    #expect(over.content(of: FieldTag(12))?.entries?.map { $0.siblings[0].value } == [.integer(3), .integer(1)])
  }
}
