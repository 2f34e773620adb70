import Base
import Causality
import Merge
import StoreModel

/// Drives random histories of one record at several replicas, through the modules under test and through the
/// reference model at the same time.
struct Driver {
  /// A state, and what the reference model says its holder knows.
  struct Copy {
    var node: NodeNumber
    var state: RecordState
    var known: Set<Int> = []
  }

  struct Replica {
    var id: ReplicaID
    var copy: Copy
    var clock = HybridClock()
    /// How wrong its wall clock is, in milliseconds.
    var error: Int64
    /// Whether it sets its clock by what it receives. The vectors must do without.
    var observes: Bool
  }

  let schema: EntitySchema
  /// Whether each step is held against the reference model: that is what takes time.
  var checksSteps = true
  private(set) var model = ReferenceModel()
  private(set) var replicas: [Replica] = []
  /// Every state that any replica ever had: whatever may still be in flight.
  private(set) var snapshots: [Copy] = []
  private(set) var outcomes: Set<MergeOutcome> = []
  var generator: SeededGenerator
  /// How many of a hundred steps write and delete: drawn once a history, so that histories differ in kind.
  private var share = (writes: 0, deletions: 0)
  private var now: Int64 = 1_700_000_000_000
  private var incarnations: UInt32 = 0

  init(_ schema: EntitySchema, seed: UInt64) {
    self.schema = schema
    generator = SeededGenerator(seed: seed)
    share = [(45, 5), (35, 10), (15, 35)][random(0...2)]
    // HQ among them; the fifth and sixth are copies of stores that are there already.
    for node in [0, 1, 2, 3, 1, 2].prefix(random(4...6)) {
      let empty = RecordState(entity: schema.tag, id: RecordID(key: "one"))
      let copy = Copy(node: NodeNumber(UInt32(node)), state: empty)
      replicas.append(
        Replica(
          id: newIncarnation(of: copy.node), copy: copy, error: Int64(random(-3_000...3_000)),
          observes: random(0...1) == 0))
    }
  }

  mutating func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

  private mutating func newIncarnation(of node: NodeNumber) -> ReplicaID {
    incarnations += 1
    return ReplicaID(node: node, incarnation: incarnations)
  }

  /// One random step; what is wrong after it, or nil.
  mutating func step() -> String? {
    now += Int64(random(0...200))
    let index = random(0...replicas.count - 1)
    switch random(0...99) {
    case 0..<share.writes:
      write(at: index)
    case share.writes..<share.writes + share.deletions:
      delete(at: index)
    case 90..<93:
      restore(index)
    case 93..<97:
      replicas[index].error = Int64(random(-100_000...100_000))
    default:
      guard let snapshot = snapshots.randomElement(using: &generator) else { return nil }
      if let wrong = receive(snapshot, at: index) { return wrong }
    }
    snapshots.append(replicas[index].copy)
    return checksSteps ? difference(replicas[index].copy) : nil
  }

  // MARK: Writing

  private mutating func nextStamp(at index: Int) -> Stamp {
    let wall = WallTime(milliseconds: now + replicas[index].error)
    return Stamp(time: replicas[index].clock.tick(wall: wall), replica: replicas[index].id)
  }

  private mutating func write(at index: Int) {
    let stamp = nextStamp(at: index)
    let edits = schema.mutability == .immutable ? randomContents() : (0..<random(1...4)).map { _ in randomEdit() }
    let writes = edits.map { FieldWrite(FieldTag(UInt16($0.field)), Self.fieldEdit($0.edit)) }
    let known = replicas[index].copy.known
    let kind: ReferenceModel.Kind = schema.mutability == .immutable && !known.isEmpty ? .beside : .write
    if kind == .beside {
      replicas[index].copy.state.writeBeside(writes, stamp: stamp)
    } else {
      replicas[index].copy.state.write(writes, stamp: stamp)
    }
    replicas[index].copy.known.insert(model.record(Self.name(stamp), seen: known, kind, edits))
  }

  private mutating func delete(at index: Int) {
    let stamp = nextStamp(at: index)
    replicas[index].copy.state.delete(stamp: stamp)
    replicas[index].copy.known.insert(
      model.record(Self.name(stamp), seen: replicas[index].copy.known, .delete))
  }

  private mutating func randomEdit() -> (field: Int, edit: ReferenceModel.Edit) {
    typealias Field = Thing.Field
    // 40 is unknown to the model; sets, counters and custom fields come twice as often.
    let fields = [40, 10, 11, 12] + Field.allCases.map { Int($0.rawValue) }
    let field = fields[random(0...fields.count - 1)]
    switch Field(rawValue: UInt16(field)) {
    case .set: return (field, random(0...2) > 0 ? .insert(.number(random(0...1))) : .remove(.number(random(0...1))))
    case .counter: return (field, .count(random(-5...9)))
    case .custom: return (field, .put(["a", "b", "c"][random(0...2)], randomValue()))
    case .progress:
      return (field, .set(random(0...5) == 0 ? .nothing : .word((Thing.steps + ["lost"])[random(0...3)])))
    default: return (field, .set(randomValue()))
    }
  }

  private mutating func randomValue() -> ReferenceModel.Value {
    random(0...5) == 0 ? .nothing : .number(random(0...3))
  }

  private mutating func randomContents() -> [(field: Int, edit: ReferenceModel.Edit)] {
    [(1, .set(.number(7))), (2, .set(.number(random(1...2)))), (3, .set(random(0...3) == 0 ? .word("x") : .nothing))]
  }

  // MARK: Exchange

  /// The node's database comes back from an old backup: an old state of its own, a new incarnation, an old clock.
  private mutating func restore(_ index: Int) {
    let node = replicas[index].id.node
    guard let backup = snapshots.filter({ $0.node == node }).randomElement(using: &generator) else { return }
    replicas[index].id = newIncarnation(of: node)
    replicas[index].copy = backup
    replicas[index].clock = HybridClock()
  }

  /// A snapshot arrives, however old, whatever came before it, and however often.
  mutating func receive(_ snapshot: Copy, at index: Int) -> String? {
    let before = replicas[index].copy
    var state = before.state
    let outcome = state.merge(snapshot.state)
    outcomes.insert(outcome)
    var defined = before.state
    defined.join(snapshot.state)
    let after = Copy(node: before.node, state: state, known: before.known.union(snapshot.known))
    replicas[index].copy = after
    if replicas[index].observes, let latest = snapshot.state.vector.entries.map(\.time).max() {
      replicas[index].clock.observe(latest)
    }

    let expected: MergeOutcome =
      snapshot.known.isSubset(of: before.known)
      ? .unchanged : before.known.isSubset(of: snapshot.known) ? .replaced : .joined
    guard outcome == expected else { return "outcome \(outcome), expected \(expected)" }
    guard outcome != .unchanged || bytes(of: before.state) == bytes(of: state) else { return "unchanged, yet changed" }
    guard outcome != .replaced || bytes(of: snapshot.state) == bytes(of: state) else { return "replaced by another" }
    guard bytes(of: defined) == bytes(of: state) else { return "the short cut of \(outcome) differs from the join" }
    return nil
  }

  /// All replicas exchange their states, in random order, until everybody has had everybody's.
  mutating func settle() -> String? {
    for _ in 0..<2 {
      for receiver in replicas.indices.shuffled(using: &generator) {
        for sender in replicas.indices.shuffled(using: &generator) where sender != receiver {
          if let wrong = receive(replicas[sender].copy, at: receiver) { return wrong }
        }
      }
    }
    for replica in replicas { if let wrong = difference(replica.copy) { return wrong } }
    return nil
  }

  /// A replica that was restored has lost what it never sent: this brings back what only snapshots still know.
  mutating func receiveAllSnapshots(at index: Int) -> String? {
    for snapshot in snapshots.shuffled(using: &generator) {
      if let wrong = receive(snapshot, at: index) { return wrong }
    }
    return difference(replicas[index].copy)
  }

  // MARK: Translation

  static func name(_ stamp: Stamp) -> ReferenceModel.Name {
    ReferenceModel.Name(
      time: stamp.time.rawValue, node: stamp.replica.node.rawValue, incarnation: stamp.replica.incarnation)
  }

  static func value(_ value: ReferenceModel.Value) -> Value {
    switch value {
    case .nothing: .null
    case .number(let number): .integer(Int64(number))
    case .word(let word): .text(word)
    }
  }

  private static func fieldEdit(_ edit: ReferenceModel.Edit) -> FieldEdit {
    switch edit {
    case .set(let value): .set(Self.value(value))
    case .insert(let value): .addElements([Self.value(value)])
    case .remove(let value): .removeElements([Self.value(value)])
    case .count(let difference): .add(Int64(difference))
    case .put(let key, let value): .put(key: key, Self.value(value))
    }
  }
}
