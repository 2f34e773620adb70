import Base
import Causality
import Testing

struct StampTests {
  private static let stamps: [Stamp] = [0, 1, .max].flatMap { (time: UInt64) in
    [0, 1, UInt32.max].flatMap { node in
      [0, 1, UInt32.max].map { incarnation in
        let replica = ReplicaID(node: NodeNumber(node), incarnation: incarnation)
        return Stamp(time: HybridTimestamp(rawValue: time), replica: replica)
      }
    }
  }

  @Test func orderIsTotal() {
    // The list above was made in order: index order is the order that is expected.
    for (i, left) in Self.stamps.enumerated() {
      for (j, right) in Self.stamps.enumerated() {
        #expect((left < right) == (i < j))
        #expect((left == right) == (i == j))
      }
    }
    var generator = SeededGenerator(seed: Seed.value)
    #expect(Self.stamps.shuffled(using: &generator).sorted() == Self.stamps)
  }

  @Test func timeComesBeforeTheReplica() {
    let early = Stamp(time: HybridTimestamp(rawValue: 1), replica: ReplicaID(node: NodeNumber(9), incarnation: 9))
    let late = Stamp(time: HybridTimestamp(rawValue: 2), replica: ReplicaID(node: .hq, incarnation: 0))
    #expect(early < late)
  }

  @Test func replicasReadAsNodeAndIncarnation() {
    #expect(ReplicaID(node: .hq, incarnation: 0x2A).description == "hq.0000002a")
    #expect(ReplicaID(node: NodeNumber(12), incarnation: .max).description == "12.ffffffff")
    #expect(NodeNumber(0) == .hq && NodeNumber(0).description == "hq" && NodeNumber(7).description == "7")
  }

  @Test func stampsReadAsTimeAndReplica() {
    let time = HybridTimestamp(wall: WallTime(milliseconds: 5), counter: 1)
    let stamp = Stamp(time: time, replica: ReplicaID(node: NodeNumber(3), incarnation: 1))
    #expect(stamp.description == "5.1@3.00000001")
    #expect(VersionVector(stamp).description == "{3.00000001: 5.1}")
  }
}
