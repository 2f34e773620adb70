import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

/// A member is erased at every node: no value, sibling, case, parked group or counter is left, and none comes back.
@Suite struct EraseTests {
  private typealias Person = StoreModel.Member

  private static let key = RecordKey(entity: Person.tag, id: RecordID(key: "M-1"))

  private struct Chain {
    let hq: TestNode
    let one: TestNode
    let two: TestNode

    init(_ kind: BackendKind) throws {
      hq = try TestNode(kind, 0, model: .retail)
      one = try TestNode(kind, 1, model: .retail)
      two = try TestNode(kind, 2, model: .retail)
      for node in [hq, one, two] { node.store.parkedCoding = .wire }
    }

    var all: [TestNode] { [hq, one, two] }

    func sync() throws {
      for _ in 0..<3 { for store in [one, two] { try exchange(store, hq) } }
    }
  }

  private static func write(_ id: String = "M-1", _ writes: (Person.Field, FieldEdit)...) -> RecordWrite {
    RecordWrite(
      entity: Person.tag, id: RecordID(key: id), .write(writes.map { FieldWrite(FieldTag($0.rawValue), $1) }))
  }

  private static func note(_ text: String) -> RecordWrite { write("M-1", (.note, .set(.text(text)))) }

  private static var member: RecordWrite {
    write(
      "M-1", (.name, .set(.text("MARK name"))), (.phone, .set(.text("+MARK"))),
      (.tags, .addElements([.text("MARK tag")])),
      (.customFields, .put(key: "MARK key", .text("MARK custom"))), (.visits, .add(3)))
  }

  @discardableResult
  private static func erase(_ node: TestNode, _ id: String = "M-1") throws -> EraseResult {
    node.wall = node.wall.advanced(byMilliseconds: 1_000)
    let key = RecordKey(entity: Person.tag, id: RecordID(key: id))
    return try node.store.erase(key, reason: "ticket 7", mayBeUnknown: false, at: node.wall)
  }

  private static func expectNothing(
    at node: TestNode, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let state = try #require(try node.store.record(key), sourceLocation: sourceLocation)
    #expect(state.isErased && state.fields.isEmpty, "node \(node.number): \(state)", sourceLocation: sourceLocation)
    let cases = try node.store.conflictCases(includingClosed: true).filter {
      $0.subject.record == key.id || $0.records.contains(key.id)
    }
    #expect(cases == [], sourceLocation: sourceLocation)
    for group in try node.store.parkedGroups() {
      #expect(!group.keys.contains(key), sourceLocation: sourceLocation)
      #expect(!String(decoding: group.payload, as: UTF8.self).contains("MARK"), sourceLocation: sourceLocation)
    }
    for exception in try node.backend.exceptions() {
      #expect(!exception.reason.contains("MARK") && !exception.keys.contains(key), sourceLocation: sourceLocation)
    }
  }

  @Test("what both ends have, and what was concurrent, goes everywhere", arguments: BackendKind.allCases)
  func everything(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    try chain.one.mustCommit(Self.note("MARK one"))
    try chain.two.mustCommit(Self.note("MARK two"))
    try chain.one.mustCommit(Self.write("M-1", (.visits, .add(2))))
    try chain.two.mustCommit(Self.write("M-2", (.phone, .set(.text("+MARK")))))
    try chain.sync()
    let open = try chain.hq.store.conflictCases(includingClosed: false)
    #expect(Set(open.map(\.subject.kind)) == [.field, .unique])
    let first = try #require(open.first { $0.subject.kind == .field })
    _ = try chain.hq.store.settle(first.number, .value(.text("MARK settled")), note: "MARK why", at: chain.hq.wall)

    guard case .erased(let erasure) = try Self.erase(chain.hq) else {
      Issue.record("not erased")
      return
    }
    #expect(erasure.reason == "ticket 7" && erasure.isInForce)
    #expect(try chain.hq.backend.settlements(of: first.number) == [])
    try chain.sync()
    for node in chain.all { try Self.expectNothing(at: node) }
    #expect(try chain.one.store.record(Self.key) == chain.two.store.record(Self.key))
    #expect(try chain.hq.store.count(of: Person.tag) == 1, "the other one is still there")
    // What is done is done.
    let head = try chain.hq.store.logHead()
    #expect(try Self.erase(chain.hq) == .erased(erasure))
    #expect(try chain.hq.store.logHead() == head)
  }

  @Test("a store that was away writes on; HQ never has it, and the store loses it", arguments: BackendKind.allCases)
  func late(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    try chain.two.mustCommit(Self.write("M-1", (.visits, .add(4)), (.name, .set(.text("MARK late")))))
    try chain.two.mustCommit(Self.note("MARK late"), Self.write("M-3", (.name, .set(.text("another")))))
    try Self.erase(chain.hq)
    let results = try chain.two.send(to: chain.hq)
    #expect(results.allSatisfy { $0 == .applied }, "\(results)")
    try Self.expectNothing(at: chain.hq)
    #expect(
      try chain.hq.store.record(RecordKey(entity: Person.tag, id: RecordID(key: "M-3"))) != nil, "the rest counts")
    // The store merges HQ's first word with its own, and HQ's second takes that away.
    try chain.sync()
    for node in chain.all { try Self.expectNothing(at: node) }
    let heads = try chain.all.map { try $0.store.logHead() }
    try chain.sync()
    #expect(try chain.all.map { try $0.store.logHead() } == heads, "it comes to rest")
    #expect(Set(try chain.all.map { try $0.store.record(Self.key)?.vector }).count == 1)
  }

  @Test("a store that has merged first sends its own values, and gets them taken away", arguments: BackendKind.allCases)
  func merged(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    try chain.one.mustCommit(Self.write("M-1", (.visits, .add(1)), (.tags, .addElements([.text("MARK late")]))))
    try Self.erase(chain.hq)
    try chain.hq.send(to: chain.one)
    let between = try #require(try chain.one.store.record(Self.key))
    #expect(!between.isErased && between.content(of: FieldTag(Person.Field.name.rawValue)) == nil)
    #expect(
      between.content(of: FieldTag(Person.Field.visits.rawValue))?.shares?.map(\.stamp.replica.node.rawValue) == [1])
    #expect(try chain.one.store.conflictCases(includingClosed: false).map(\.subject.kind) == [.deletion])
    let results = try chain.one.send(to: chain.hq)
    #expect(results.allSatisfy { $0 == .applied }, "\(results)")
    try chain.sync()
    for node in chain.all { try Self.expectNothing(at: node) }
  }

  @Test("nobody writes it anew by the way; HQ may when a person lifts it", arguments: BackendKind.allCases)
  func anew(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    let answers = [("a", #"{"id":"M-1","name":"MARK"}"#), ("b", #"{"id":"M-10"}"#)]
    try chain.hq.backend.transaction { () throws(StoreError) in
      for (key, body) in answers {
        try chain.hq.backend.keep(
          AnsweredRequest(
            request: RequestIdentity(scope: "till", key: key, digest: [1]),
            answer: RequestAnswer(status: 200, body: Array(body.utf8)), at: chain.hq.wall))
      }
    }
    try Self.erase(chain.hq)
    #expect(
      try chain.hq.backend.answeredRequest(scope: "till", key: "a")?.answer == RequestAnswer(status: 200, body: []))
    #expect(try chain.hq.backend.answeredRequest(scope: "till", key: "b")?.answer.body.isEmpty == false)
    try chain.sync()
    for node in chain.all {
      guard case .refused(let error) = try node.commit(Self.member) else {
        Issue.record("taken")
        return
      }
      #expect(error.code == .erased)
    }
    #expect(try chain.hq.store.liftErasure(of: Self.key, at: chain.hq.wall)?.isInForce == false)
    try chain.hq.mustCommit(Self.write("M-1", (.name, .set(.text("somebody else")))))
    try chain.sync()
    #expect(try chain.one.store.record(Self.key)?.isErased == false)
    try chain.one.mustCommit(Self.write("M-1", (.visits, .add(1))))
    try chain.sync()
    #expect(try chain.two.store.record(Self.key) == chain.hq.store.record(Self.key))
    // And it may be asked for again.
    try Self.erase(chain.hq)
    try chain.sync()
    for node in chain.all { try Self.expectNothing(at: node) }
  }

  @Test("parked groups lose the record and keep the rest", arguments: BackendKind.allCases)
  func parked(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    var foreign = Foreign(1, incarnation: 1, at: 1_700_000_900_000)
    let birthday = FieldTag(Person.Field.birthday.rawValue)
    let name = FieldTag(Person.Field.name.rawValue)
    let bad = foreign.group(
      (Person.tag, "M-1", [(name, .text("MARK parked"))]), (Person.tag, "M-8", [(birthday, .integer(20_260_231))]))
    let alone = foreign.group((Person.tag, "M-1", [(name, .text("MARK alone")), (birthday, .integer(20_260_299))]))
    let results = try chain.hq.receive([bad, alone], from: NodeNumber(1), epoch: Epoch(rawValue: 99))
    #expect(results.count { if case .parked = $0 { true } else { false } } == 2)
    try Self.erase(chain.hq)
    try Self.expectNothing(at: chain.hq)
    #expect(
      try chain.hq.store.parkedGroups().map(\.keys) == [[RecordKey(entity: Person.tag, id: RecordID(key: "M-8"))]])
    // What comes after, and would be parked, is parked without it.
    let later = foreign.group(
      (Person.tag, "M-1", [(name, .text("MARK later"))]), (Person.tag, "M-8", [(name, .text("M-8's"))]))
    guard
      case .parked("behind-parked", _) = try chain.hq.receive([later], from: NodeNumber(1), epoch: Epoch(rawValue: 99))[
        0]
    else {
      Issue.record("not parked")
      return
    }
    try Self.expectNothing(at: chain.hq)
    #expect(try chain.hq.store.parkedGroups().count == 2)
  }

  @Test(
    "what HQ has never taken of a store comes once more with HQ's word, and is taken away",
    arguments: BackendKind.allCases)
  func refused(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    // As if the group had been refused whole, for something else that was in it.
    try chain.one.mustCommit(Self.note("MARK refused"))
    let lane = Lane.normal
    let cursor = try chain.hq.store.receiveCursors(from: chain.one.number, epoch: chain.one.epoch)[lane].through
    try chain.hq.receive(
      [], from: chain.one.number, epoch: chain.one.epoch, lane: lane, after: cursor,
      through: try chain.one.store.logHead())
    try Self.erase(chain.hq)
    try chain.sync()
    for node in chain.all { try Self.expectNothing(at: node) }
  }

  @Test(
    "what is not about a person, and what is not there, is not erased; only HQ erases", arguments: BackendKind.allCases)
  func unfit(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    func erase(_ node: TestNode, _ entity: EntityTag, _ id: String, reason: String = "x", unknown: Bool = false) throws
      -> EraseResult
    {
      try node.store.erase(
        RecordKey(entity: entity, id: RecordID(key: id)), reason: reason, mayBeUnknown: unknown, at: node.wall)
    }
    func isUnfit(_ result: EraseResult) -> Bool { if case .unfit = result { true } else { false } }
    #expect(isUnfit(try erase(chain.one, Person.tag, "M-1")))
    #expect(isUnfit(try erase(chain.hq, Product.tag, "apple")))
    #expect(isUnfit(try erase(chain.hq, Person.tag, "M-1", reason: "")))
    #expect(isUnfit(try erase(chain.hq, Person.tag, "M-1", reason: String(repeating: "x", count: 1_001))))
    #expect(try erase(chain.hq, Person.tag, "M-7") == .notFound)
    // A store that is away may have made it.
    try chain.one.mustCommit(Self.write("M-7", (.name, .set(.text("MARK")))))
    guard case .erased = try erase(chain.hq, Person.tag, "M-7", unknown: true) else {
      Issue.record("not erased")
      return
    }
    try chain.sync()
    for node in chain.all {
      #expect(try node.store.record(RecordKey(entity: Person.tag, id: RecordID(key: "M-7")))?.isErased == true)
    }
  }

  @Test("HQ that was put back hears of an erasure from a store that a person trusts", arguments: BackendKind.allCases)
  func restored(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    let known = try #require(try chain.hq.store.record(Self.key))
    try Self.erase(chain.hq)
    try chain.sync()
    let erased = try #require(try chain.one.store.record(Self.key))
    // The backup: another incarnation of HQ with what it knew before.
    let back = try TestNode(kind, 0, incarnation: 2, model: .retail)
    back.store.parkedCoding = .wire
    back.store.isHealing = true
    back.wall = chain.hq.wall
    let old = CommitGroup(
      stamp: Stamp(time: known.vector.entries[0].time, replica: known.vector.entries[0].replica), records: [known])
    let parkedOld = try back.receive([old], from: chain.two.number)
    #expect(parkedOld.count == 1)
    _ = try back.store.retryParked(nil, at: back.wall, trusting: true, decoding: ParkedCoding.wire.decode)
    try back.mustCommit(Self.note("MARK since"))
    let stamp = try #require(erased.deletions.first?.stamp)
    try back.receive([CommitGroup(stamp: stamp, records: [erased])], from: chain.one.number)
    #expect(try back.store.record(Self.key)?.isErased == false, "it waits for a person")
    _ = try back.store.retryParked(nil, at: back.wall, trusting: true, decoding: ParkedCoding.wire.decode)
    try Self.expectNothing(at: back)
    let erasure = try #require(try back.backend.erasure(of: Self.key))
    #expect(erasure.foundAt == chain.one.number && erasure.isInForce)
  }

  @Test("confirmations are kept, one a node, and go when the node sends values again", arguments: BackendKind.allCases)
  func confirmations(_ kind: BackendKind) throws {
    let chain = try Chain(kind)
    try chain.hq.mustCommit(Self.member)
    try chain.sync()
    try chain.one.mustCommit(Self.note("MARK late"))
    try Self.erase(chain.hq)
    try chain.hq.backend.transaction { () throws(StoreError) in
      for (node, at) in [(1, 10), (2, 20), (1, 30)] as [(UInt32, Int64)] {
        try chain.hq.backend.put(
          ErasureConfirmation(
            node: NodeNumber(node), at: WallTime(milliseconds: at), incarnation: 1, remark: "aside",
            voucher: node == 2 ? "shredded" : nil),
          of: Self.key)
      }
    }
    let all = try chain.hq.backend.confirmations(of: Self.key)
    #expect(all.map(\.node.rawValue) == [1, 2] && all.map(\.at.milliseconds) == [30, 20])
    #expect(all.map(\.voucher) == [nil, "shredded"] && all[0].remark == "aside" && all[0].incarnation == 1)
    try chain.one.send(to: chain.hq)
    #expect(try chain.hq.backend.confirmations(of: Self.key).map(\.node.rawValue) == [2])
    #expect(try chain.hq.backend.erasures().map(\.key) == [Self.key])
  }
}

extension ParkedCoding {
  /// As batches are written.
  static let wire = ParkedCoding(
    decode: { payload in
      guard case .success(let group)? = try? BatchContents.decode(payload).groups.first else {
        return .undecodable(reason: "not a group")
      }
      return .decoded(group)
    }, encode: { BatchContents.encode([$0]) })
}
