import Base
import Causality
import Merge
import StoreModel
import Testing

/// States that no history leads to, such as a peer might send: well formed and nothing more. They merge into well-formed
/// states, and nothing traps.
struct HostileStateTests {
  @Test func nothingTraps() {
    for round in 0..<1_200 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      let schema = [Thing.schema(), Thing.schema(.deleteWins), Fact.schema()][round % 3]
      let states = (0..<3).map { _ in Self.randomState(schema, &generator) }
      if let wrong = Self.check(states, schema) {
        Issue.record("SEED=\(Seed.value) round \(round): \(wrong)")
        return
      }
    }
  }

  private static func check(_ states: [RecordState], _ schema: EntitySchema) -> String? {
    for left in states {
      if let flaw = flaw(in: left, reachable: false) { return "the test's own state: \(flaw)" }
      for right in states {
        var merged = left
        let outcome = merged.merge(right)
        var joined = left
        joined.join(right)
        for state in [left, merged, joined] {
          if let flaw = flaw(in: state, reachable: false) { return flaw }
          look(at: state, schema)
        }
        if outcome == .unchanged, bytes(of: merged) != bytes(of: left) { return "unchanged, yet changed" }
        if outcome == .replaced, bytes(of: merged) != bytes(of: right) { return "replaced by another" }
        for side in [left, right] where merged.merge(side) != .unchanged { return "the vector did not grow" }
      }
    }
    return nil
  }

  /// Every question that can be asked.
  private static func look(at state: RecordState, _ schema: EntitySchema) {
    for field in schema.fields { _ = state.shown(field, schema) }
    _ = (state.isDeleted(schema.deletion), state.owner(schema), state.onlyStamp, state.firstStamp)
    for concurrence in state.concurrences(schema) {
      for candidate in concurrence.candidates { _ = state.contents(writtenBy: candidate.stamp) }
    }
  }

  // MARK: Making them up

  private static func randomStamp(_ generator: inout SeededGenerator) -> Stamp {
    let times: [UInt64] = [0, 1, 2, 3, 1 << 63, .max]
    let nodes: [UInt32] = [0, 1, 2, .max]
    return stamp(
      times.randomElement(using: &generator) ?? 0, nodes.randomElement(using: &generator) ?? 0,
      incarnation: .random(in: 0...1, using: &generator))
  }

  private static func randomValue(_ generator: inout SeededGenerator) -> Value {
    let values: [Value] = [
      .null, .integer(0), .integer(1), .integer(.min), .integer(.max), .text(""), .text("done"), .text("\u{E9}"),
      .text("e\u{301}"), .bytes([]), .bytes([0, 255]),
    ]
    return values.randomElement(using: &generator) ?? .null
  }

  private static func some<Item>(
    _ generator: inout SeededGenerator, _ make: (inout SeededGenerator) -> Item
  ) -> [Item] {
    (0..<Int.random(in: 1...3, using: &generator)).map { _ in make(&generator) }
  }

  /// Sorted, and of those with an equal key one.
  private static func ascending<Item, Key: Comparable>(_ items: [Item], by key: (Item) -> Key) -> [Item] {
    items.sorted { key($0) < key($1) }.reduce(into: []) { result, item in
      if result.last.map({ key($0) < key(item) }) ?? true { result.append(item) }
    }
  }

  private static func randomVector(_ generator: inout SeededGenerator) -> VersionVector {
    var vector = VersionVector()
    if Bool.random(using: &generator) { for stamp in some(&generator, randomStamp) { vector.insert(stamp) } }
    return vector
  }

  private static func randomSiblings(_ generator: inout SeededGenerator) -> [Sibling] {
    ascending(some(&generator) { Sibling(stamp: randomStamp(&$0), value: randomValue(&$0)) }, by: \.stamp)
  }

  private static func randomContent(_ generator: inout SeededGenerator) -> FieldState.Content {
    switch Int.random(in: 0...3, using: &generator) {
    case 0:
      return .register(Siblings(randomSiblings(&generator)))
    case 1:
      let elements = some(&generator) { generator in
        Element(value: randomValue(&generator), stamps: ascending(some(&generator, randomStamp), by: \.self))
      }
      return .set(ascending(elements, by: \.value))
    case 2:
      let shares = some(&generator) { generator in
        Share(stamp: randomStamp(&generator), sum: [.min, -1, 0, 1, .max].randomElement(using: &generator) ?? 0)
      }
      return .counter(ascending(shares, by: \.stamp.replica))
    default:
      let entries = some(&generator) { generator in
        MapEntry(
          key: ["", "a", "\u{E9}", "e\u{301}"].randomElement(using: &generator) ?? "",
          siblings: randomSiblings(&generator))
      }
      return .map(ascending(entries) { OrderedText($0.key) })
    }
  }

  private static func randomState(_ schema: EntitySchema, _ generator: inout SeededGenerator) -> RecordState {
    let tags: [UInt16] = [1, 2, 3, 4, 7, 10, 11, 12, 99, .max]
    let fields = some(&generator) { generator in
      FieldState(
        tag: FieldTag(tags.randomElement(using: &generator) ?? 1), content: randomContent(&generator))
    }
    let marks =
      Bool.random(using: &generator)
      ? some(&generator) { DeletionMark(stamp: randomStamp(&$0), saw: randomVector(&$0)) } : []
    return RecordState(
      entity: schema.tag, id: RecordID(key: "one"), vector: randomVector(&generator),
      fields: ascending(fields, by: \.tag), deletions: ascending(marks, by: \.stamp))
  }
}
