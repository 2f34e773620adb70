import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What HQ does not take from a store that speaks the protocol and lies.
@Suite struct AdmissionTests {
  private let one = NodeNumber(1)
  private let two = NodeNumber(2)

  private func key(_ id: String) -> RecordKey { RecordKey(entity: Shop.note, id: RecordID(key: id)) }

  /// Taken at its word, HQ would count as seen what the other store is yet to write there, and drop that as old.
  @Test("a store's word is not taken for what others have written", arguments: BackendKind.allCases)
  func vectorsOfOthers(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("n", store: 1, text: "HQ's"))
    let before = try #require(try hq.state(Shop.note, "n"))
    var liar = Foreign(1)
    let later = HybridTimestamp(wall: hq.wall.advanced(byMilliseconds: 1))
    for replica in [ReplicaID(node: two, incarnation: 9), ReplicaID(node: .hq, incarnation: 5)] {
      var changed = liar.group(changing: [before], [FieldWrite(Note.remark, .set(.text("a lie")))])
      changed.records[0].vector.insert(Stamp(time: later, replica: replica))
      var new = liar.note("of \(replica.node)", store: 1, text: "a lie")
      new.records[0].vector.insert(Stamp(time: later, replica: replica))
      #expect(try hq.receive([changed, new], from: one).map(\.code) == ["forged", "forged"], "\(replica)")
      #expect(try hq.state(Shop.note, "of \(replica.node)") == nil)
    }
    #expect(try hq.state(Shop.note, "n") == before)
    let honest = liar.group(changing: [before], [FieldWrite(Note.remark, .set(.text("true")))])
    #expect(try hq.receive([honest], from: one) == [.applied], "its own word of its own is taken")
    #expect(try hq.value(Shop.note, "n", Note.remark) == .text("true"))
  }

  @Test("while HQ heals, what a store has seen of others waits for them", arguments: BackendKind.allCases)
  func vectorsWhileHealing(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    var author = Foreign(2)
    var store = Foreign(1)
    let lost = author.note("n", store: 1, text: "lost by HQ")
    let after = store.group(changing: lost.records, [FieldWrite(Note.remark, .set(.text("seen and gone on")))])
    hq.store.isHealing = true
    #expect(try hq.receive([after], from: one).map(\.code) == ["awaiting-author"])
    #expect(try hq.state(Shop.note, "n") == nil)
  }

  /// HQ has forgotten that the record was once the store's, and that it has not told it of the move yet.
  @Test("while HQ heals, what is out of scope waits for a person", arguments: BackendKind.allCases)
  func scopeWhileHealing(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    try hq.mustCommit(.note("n", store: 2, text: "taken over by store 2"))
    let before = try #require(try hq.state(Shop.note, "n"))
    var store = Foreign(1)
    let edit = store.group(changing: [before], [FieldWrite(Note.remark, .set(.text("before it heard of that")))])
    #expect(try hq.receive([edit], from: one).map(\.code) == ["out-of-scope"])
    hq.store.isHealing = true
    #expect(try hq.receive([edit], from: one).map(\.code) == ["awaiting-author"])
    hq.store.isHealing = false
    let again = try hq.store.retryParked(nil, at: hq.wall, trusting: false, decoding: ParkedTests.decode)
    #expect(again.map(\.isApplied) == [false])
    let trusted = try hq.store.retryParked(nil, at: hq.wall, trusting: true, decoding: ParkedTests.decode)
    #expect(trusted.map(\.isApplied) == [true])
    #expect(try hq.value(Shop.note, "n", Note.remark) == .text("before it heard of that"))
  }

  @Test("HQ takes no commit that is stamped too far ahead, and says which", arguments: BackendKind.allCases)
  func stampsAhead(_ kind: BackendKind) throws {
    let hq = try TestNode(kind, 0)
    hq.store.stampAheadMilliseconds = StoreLimits.stampAheadMilliseconds
    // The foreign clock steps once before it stamps.
    let limit = hq.wall.milliseconds + StoreLimits.stampAheadMilliseconds
    var slow = Foreign(1, at: limit - 1)
    #expect(try hq.receive([slow.note("n", store: 1, text: "x")], from: one) == [.applied])
    var fast = Foreign(1, at: limit)
    let error = #expect(throws: StoreError.self) {
      try hq.receive([fast.note("m", store: 1, text: "x")], from: one)
    }
    #expect(error?.code == .clockAhead)
    #expect(error?.message.contains(RFC3339.format(WallTime(milliseconds: limit))) == true)
    #expect(try hq.state(Shop.note, "m") == nil)
  }
}
