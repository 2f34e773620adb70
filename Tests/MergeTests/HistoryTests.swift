import Base
import Causality
import Merge
import StoreModel
import Testing

/// Random histories, held against the reference model after every step; and the laws of a join on the states that they
/// reach. `SEED` in the environment starts elsewhere.
struct HistoryTests {
  enum Kind: CaseIterable {
    case mutableEditWins, mutableDeleteWins, immutableEditWins, immutableDeleteWins

    var schema: EntitySchema {
      switch self {
      case .mutableEditWins: Thing.schema()
      case .mutableDeleteWins: Thing.schema(.deleteWins)
      case .immutableEditWins: Fact.schema()
      case .immutableDeleteWins: Fact.schema(.deleteWins)
      }
    }
  }

  private static let historyCount = 20
  private static let stepCount = 60

  /// Runs histories; `body` gets each, with its steps done, and says what is wrong.
  private func forEachHistory(
    of kind: Kind, salt: UInt64, checksSteps: Bool = false, _ body: (inout Driver) -> String? = { _ in nil }
  ) {
    for round in 0..<Self.historyCount {
      var seeds = SeededGenerator(seed: Seed.value ^ salt)
      let seed = seeds.next() &+ UInt64(round) &* 7_919
      var driver = Driver(kind.schema, seed: seed)
      driver.checksSteps = checksSteps
      var step = 0
      var wrong: String?
      while wrong == nil, step < Self.stepCount {
        wrong = driver.step()
        step += 1
      }
      wrong = wrong ?? body(&driver)
      if let wrong {
        let place = "\(kind), SEED=\(Seed.value), round \(round), step \(step)"
        Issue.record("\(place): \(wrong)")
        return
      }
    }
  }

  @Test("FC-20 replicas agree with a model of their whole history", arguments: Kind.allCases)
  func replicasAgreeWithTheReferenceModel(_ kind: Kind) {
    forEachHistory(of: kind, salt: 1, checksSteps: true) { driver in
      if let wrong = driver.settle() { return "at the end: \(wrong)" }
      let final = Set(driver.replicas.map { bytes(of: $0.copy.state) })
      guard final.count == 1 else { return "\(final.count) different states after everybody heard everybody" }
      guard driver.outcomes.count == 3 else { return "only the outcomes \(driver.outcomes)" }
      return nil
    }
  }

  /// The histories are worth nothing if they never get to where it is difficult.
  @Test func historiesReachTheRareStates() {
    var reached: [String: Int] = [:]
    for kind in Kind.allCases {
      forEachHistory(of: kind, salt: 1) { driver in
        for state in driver.snapshots.map(\.state) {
          for name in Self.rareStates(state, driver.schema) {
            reached["\(driver.schema.name): \(name)", default: 0] += 1
          }
        }
        return nil
      }
    }
    for name in [
      "thing: three marks", "thing: marks that together saw everything", "thing: back from a deletion",
      "thing: deleted, with an edit", "thing: three siblings", "thing: an element added twice",
      "thing: a counter of three replicas", "thing: an entry with two values", "thing: two incarnations of a node",
      "fact: three contents", "fact: two contents and a mark",
    ] { #expect(reached[name] ?? 0 > 0, "\(name), SEED=\(Seed.value)") }
  }

  private static func rareStates(_ state: RecordState, _ schema: EntitySchema) -> [String] {
    var names: [String] = []
    let isUnknown = state.hasLiveStampsUnknownToDeletions
    if state.deletions.count > 2 { names.append("three marks") }
    if isUnknown { names.append(schema.deletion == .editWins ? "back from a deletion" : "deleted, with an edit") }
    let noneAlone = state.deletions.allSatisfy { mark in
      var alone = state
      alone.deletions = [mark]
      return alone.hasLiveStampsUnknownToDeletions
    }
    if state.deletions.count > 1, !isUnknown, noneAlone { names.append("marks that together saw everything") }
    let nodes = state.vector.entries.map(\.replica.node)
    if Set(nodes).count < nodes.count { names.append("two incarnations of a node") }
    for content in state.fields.map(\.content) {
      if content.siblings?.count ?? 0 > 2 { names.append("three siblings") }
      if content.shares?.count ?? 0 > 2 { names.append("a counter of three replicas") }
      if content.elements?.contains(where: { $0.stamps.count > 1 }) ?? false { names.append("an element added twice") }
      if content.entries?.contains(where: { $0.siblings.count > 1 }) ?? false {
        names.append("an entry with two values")
      }
    }
    guard let conflict = state.concurrences(schema).first(where: { $0.kind == .immutable }) else { return names }
    if conflict.candidates.count > 2 { names.append("three contents") }
    if !state.deletions.isEmpty { names.append("two contents and a mark") }
    return names
  }

  @Test("FC-20 merge is commutative, associative and idempotent", arguments: Kind.allCases)
  func mergeIsAJoin(_ kind: Kind) {
    forEachHistory(of: kind, salt: 2) { driver in
      for _ in 0..<12 {
        let states = (0..<3).compactMap { _ in driver.snapshots.randomElement(using: &driver.generator)?.state }
        if let wrong = Self.brokenLaw(states[0], states[1], states[2]) { return wrong }
      }
      return nil
    }
  }

  private static func merged(_ left: RecordState, _ right: RecordState) -> RecordState {
    var result = left
    result.merge(right)
    return result
  }

  private static func brokenLaw(_ a: RecordState, _ b: RecordState, _ c: RecordState) -> String? {
    func same(_ left: RecordState, _ right: RecordState) -> Bool { bytes(of: left) == bytes(of: right) }
    let ab = merged(a, b)
    guard same(ab, merged(b, a)) else { return "not commutative" }
    guard same(merged(ab, c), merged(a, merged(b, c))) else { return "not associative" }
    guard same(merged(a, a), a), same(merged(ab, b), ab), same(merged(ab, a), ab) else { return "not idempotent" }
    for side in [a, b] {
      var copy = ab
      guard copy.merge(side) == .unchanged else { return "the result does not dominate a side" }
      let order = ab.vector.compare(side.vector)
      guard order == .dominates || order == .equal else { return "the vector did not grow" }
      var joined = side
      joined.join(side)
      guard same(joined, side) else { return "the join is not idempotent" }
    }
    return nil
  }

  @Test("FC-20 order and repetition of delivery do not matter", arguments: Kind.allCases)
  func orderAndRepetitionOfDeliveryDoNotMatter(_ kind: Kind) {
    forEachHistory(of: kind, salt: 3) { driver in
      var results: Set<[UInt8]> = []
      for _ in 0..<4 {
        var deliveries = driver.snapshots.map(\.state)
        deliveries += deliveries.filter { _ in Bool.random(using: &driver.generator) }
        var state = RecordState(entity: kind.schema.tag, id: RecordID(key: "one"))
        for delivery in deliveries.shuffled(using: &driver.generator) { state.merge(delivery) }
        results.insert(bytes(of: state))
      }
      return results.count == 1 ? nil : "\(results.count) different states from the same messages"
    }
  }

  /// Every edit ever made is alive in the end, or somebody who had seen it overwrote it.
  @Test("FC-20 no write is lost in a merge", arguments: Kind.allCases)
  func noWriteIsLost(_ kind: Kind) {
    forEachHistory(of: kind, salt: 4) { driver in
      if let wrong = driver.receiveAllSnapshots(at: 0) { return wrong }
      guard driver.replicas[0].copy.known.count == driver.model.commits.count else { return "a commit is unknown" }
      let state = driver.replicas[0].copy.state
      for (field, atoms) in driver.model.atoms.sorted(by: { $0.key < $1.key }) {
        for atom in atoms where !Self.isAlive(atom, field, state, driver.model) {
          let isOverwritten = atoms.contains { driver.model.saw($0, atom) }
          if !isOverwritten { return "field \(field): \(atom.edit) is gone, and nobody who saw it wrote the field" }
        }
      }
      return nil
    }
  }

  private static func isAlive(
    _ atom: ReferenceModel.Atom, _ field: Int, _ state: RecordState, _ model: ReferenceModel
  ) -> Bool {
    let name = model.commits[atom.commit].name
    let content = state.content(of: FieldTag(UInt16(field)))
    func has(_ siblings: [Sibling]?, _ value: ReferenceModel.Value) -> Bool {
      (siblings ?? []).contains { Driver.name($0.stamp) == name && $0.value == Driver.value(value) }
    }
    switch atom.edit {
    case .set(let value):
      return has(content?.siblings.map(Array.init), value)
    case .put(let key, let value):
      return has(content?.entries?.first { $0.key == key }?.siblings, value)
    case .insert(let value):
      let element = content?.elements?.first { $0.value == Driver.value(value) }
      return element?.stamps.contains { Driver.name($0) == name } ?? false
    case .remove:
      return true
    case .count:
      let share = content?.shares?.first {
        $0.stamp.replica == ReplicaID(node: NodeNumber(name.node), incarnation: name.incarnation)
      }
      return (share?.stamp.time.rawValue ?? 0) >= name.time
    }
  }
}
