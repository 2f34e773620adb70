import Base
import Causality
import Testing

/// Version vectors against an independent model: dictionaries, compared key by key over the union of the keys.
struct VersionVectorTests {
  private typealias Plain = [ReplicaID: UInt64]

  private static let replicas = [
    ReplicaID(node: .hq, incarnation: 7), ReplicaID(node: NodeNumber(1), incarnation: 0),
    ReplicaID(node: NodeNumber(1), incarnation: 9), ReplicaID(node: NodeNumber(2), incarnation: .max),
    ReplicaID(node: NodeNumber(.max), incarnation: 1),
  ]

  private static func randomPlain(_ generator: inout SeededGenerator) -> Plain {
    var plain: Plain = [:]
    for replica in replicas where Bool.random(using: &generator) {
      // Few times, so that equal, ordered and concurrent vectors are all frequent; zero means absent.
      let time = UInt64.random(in: 0...3, using: &generator)
      if time > 0 { plain[replica] = time == 3 ? .max : time }
    }
    return plain
  }

  /// Built by inserting in random order, with stale entries before and after the last one.
  private static func vector(_ plain: Plain, _ generator: inout SeededGenerator) -> VersionVector {
    var stamps = plain.map { Stamp(time: HybridTimestamp(rawValue: $1), replica: $0) }
    stamps += plain.map { Stamp(time: HybridTimestamp(rawValue: $1 / 2), replica: $0) }
    var vector = VersionVector()
    for stamp in stamps.shuffled(using: &generator) { vector.insert(stamp) }
    return vector
  }

  private static func isAtMost(_ left: Plain, _ right: Plain) -> Bool {
    Set(left.keys).union(right.keys).allSatisfy { left[$0] ?? 0 <= right[$0] ?? 0 }
  }

  private static func order(_ left: Plain, _ right: Plain) -> CausalOrder {
    switch (isAtMost(right, left), isAtMost(left, right)) {
    case (true, true): .equal
    case (true, false): .dominates
    case (false, true): .dominated
    case (false, false): .concurrent
    }
  }

  private static func isAtMost(_ left: VersionVector, _ right: VersionVector) -> Bool {
    let order = left.compare(right)
    return order == .equal || order == .dominated
  }

  private static func isCanonical(_ vector: VersionVector) -> Bool {
    VersionVector(ascending: vector.entries) == vector
  }

  @Test func agreesWithADictionary() {
    var seen: Set<CausalOrder> = []
    for round in 0..<1_500 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      let note: Comment = "SEED=\(Seed.value) round \(round)"
      let (a, b) = (Self.randomPlain(&generator), Self.randomPlain(&generator))
      let (left, right) = (Self.vector(a, &generator), Self.vector(b, &generator))
      seen.insert(Self.order(a, b))

      #expect(left.compare(right) == Self.order(a, b), note)
      #expect((left == right) == (a == b), note)
      #expect(left.isEmpty == a.isEmpty, note)
      for replica in Self.replicas {
        #expect(left[replica].rawValue == a[replica] ?? 0, note)
        for time: UInt64 in [1, 2, 3, .max] {
          let stamp = Stamp(time: HybridTimestamp(rawValue: time), replica: replica)
          #expect(left.covers(stamp) == (time <= a[replica] ?? 0), note)
        }
      }
      let joined = left.joined(right)
      let union = a.merging(b) { max($0, $1) }
      #expect(joined == Self.vector(union, &generator) && Self.isCanonical(joined), note)
    }
    #expect(seen.count == 4, "every order occurred")
  }

  @Test func compareIsAPartialOrder() {
    for round in 0..<1_500 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      let note: Comment = "SEED=\(Seed.value) round \(round)"
      let vectors = (0..<3).map { _ in Self.vector(Self.randomPlain(&generator), &generator) }
      let (a, b, c) = (vectors[0], vectors[1], vectors[2])
      #expect(a.compare(a) == .equal, note)
      if Self.isAtMost(a, b), Self.isAtMost(b, a) { #expect(a == b, note) }
      if Self.isAtMost(a, b), Self.isAtMost(b, c) { #expect(Self.isAtMost(a, c), note) }
      let mirrored: [CausalOrder: CausalOrder] = [
        .equal: .equal, .dominates: .dominated, .dominated: .dominates, .concurrent: .concurrent,
      ]
      #expect(mirrored[a.compare(b)] == b.compare(a), note)
      #expect(Self.isAtMost(VersionVector(), a), "an absent entry is less than every other: \(note)")
    }
  }

  @Test func joinIsTheLeastUpperBound() {
    for round in 0..<1_500 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      let note: Comment = "SEED=\(Seed.value) round \(round)"
      let vectors = (0..<3).map { _ in Self.vector(Self.randomPlain(&generator), &generator) }
      let (a, b, c) = (vectors[0], vectors[1], vectors[2])
      let joined = a.joined(b)
      #expect(Self.isAtMost(a, joined) && Self.isAtMost(b, joined), note)
      if Self.isAtMost(a, c), Self.isAtMost(b, c) { #expect(Self.isAtMost(joined, c), note) }
      #expect(joined == b.joined(a), note)
      #expect(joined.joined(c) == a.joined(b.joined(c)), note)
      #expect(a.joined(a) == a && a.joined(VersionVector()) == a && VersionVector().joined(a) == a, note)
    }
  }

  @Test func insertIsTheJoinWithASingleStamp() {
    for round in 0..<500 {
      var generator = SeededGenerator(seed: Seed.value &+ UInt64(round))
      let start = Self.vector(Self.randomPlain(&generator), &generator)
      let time = HybridTimestamp(rawValue: UInt64.random(in: 0...4, using: &generator))
      let stamp = Stamp(time: time, replica: Self.replicas.randomElement(using: &generator) ?? Self.replicas[0])
      var inserted = start
      inserted.insert(stamp)
      #expect(inserted == start.joined(VersionVector(stamp)) && inserted.covers(stamp), "SEED=\(Seed.value) \(round)")
      #expect(Self.isCanonical(inserted), "SEED=\(Seed.value) \(round)")
    }
  }

  @Test func aMissingEntryIsBeforeEveryTime() {
    let one = Stamp(time: HybridTimestamp(rawValue: 1), replica: Self.replicas[1])
    let two = Stamp(time: HybridTimestamp(rawValue: 1), replica: Self.replicas[3])
    let both = VersionVector(one).joined(VersionVector(two))
    #expect(both.compare(VersionVector(one)) == .dominates)
    #expect(both.compare(VersionVector(two)) == .dominates)
    #expect(VersionVector(one).compare(both) == .dominated)
    #expect(VersionVector(one).compare(VersionVector(two)) == .concurrent)
    #expect(VersionVector().compare(VersionVector(one)) == .dominated)
    #expect(VersionVector().compare(VersionVector()) == .equal)
    #expect(!VersionVector(one).covers(two))
  }

  @Test func aZeroTimeIsNoEntry() {
    let nothing = Stamp(time: .zero, replica: Self.replicas[0])
    #expect(VersionVector(nothing).isEmpty)
    #expect(VersionVector().covers(nothing))
  }

  @Test func entriesFromOutsideMustBeCanonical() {
    func entry(_ index: Int, _ time: UInt64) -> VersionVector.Entry {
      VersionVector.Entry(replica: Self.replicas[index], time: HybridTimestamp(rawValue: time))
    }
    #expect(VersionVector(ascending: []) == VersionVector())
    #expect(VersionVector(ascending: [entry(0, 1), entry(2, 5), entry(4, .max)])?.entries.count == 3)
    #expect(VersionVector(ascending: [entry(2, 1), entry(0, 1)]) == nil, "descending")
    #expect(VersionVector(ascending: [entry(1, 1), entry(1, 2)]) == nil, "one replica twice")
    #expect(VersionVector(ascending: [entry(1, 1), entry(2, 0)]) == nil, "a zero time")
  }
}
