import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// What `verify` does about records that differ.
@Suite struct VerifyTests {
  private func key(_ id: String) -> RecordKey { RecordKey(entity: Shop.note, id: RecordID(key: id)) }

  private func exchange(_ store: TestNode, _ hq: TestNode) throws {
    for _ in 0..<3 {
      try store.send(to: hq)
      try hq.send(to: store)
    }
  }

  @Test("FC-48 a record that is logged again is sent as it is, and changes nothing", arguments: BackendKind.allCases)
  func again(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "x"))
    try exchange(store, hq)
    let (before, head) = (try hq.state(Shop.note, "n"), try store.store.logHead())
    let count = try hq.store.sendAgain([Mending(key("n")), Mending(key("none"))], heldBy: store.number, at: hq.wall)
    #expect(count == 1, "what is not there is passed over")
    #expect(try hq.stretch(for: store.number).groups.flatMap(\.records) == [before].compactMap { $0 })
    try exchange(store, hq)
    #expect(try hq.state(Shop.note, "n") == before && store.state(Shop.note, "n") == before)
    #expect(try store.store.logHead() == head, "nothing is written where nothing is new")
  }

  @Test("FC-48 HQ's contents count where both have seen the same", arguments: BackendKind.allCases)
  func overruling(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "right"))
    try exchange(store, hq)
    try store.change("n", Note.text, to: .text("wrong"))
    try exchange(store, hq)
    #expect(try store.value(Shop.note, "n", Note.text) == .text("wrong"), "silent: no exchange tells")
    _ = try hq.store.sendAgain([Mending(key("n"), overrules: true)], heldBy: store.number, at: hq.wall)
    try exchange(store, hq)
    #expect(try store.value(Shop.note, "n", Note.text) == .text("right"))
    #expect(try store.state(Shop.note, "n") == hq.state(Shop.note, "n"))
  }

  @Test("FC-48 a store lets go of what is not its own", arguments: BackendKind.allCases)
  func eviction(_ kind: BackendKind) throws {
    let (hq, store, other) = (try TestNode(kind, 0), try TestNode(kind, 1), try TestNode(kind, 2))
    try hq.mustCommit(.note("n", store: 2, text: "x"))
    try exchange(other, hq)
    let state = try #require(try hq.state(Shop.note, "n"))
    try store.backend.transaction { () throws(StoreError) in
      _ = try store.backend.insert(state.key, .held(state), sequence: 0)
    }
    _ = try hq.store.sendAgain([Mending(key("n"))], heldBy: store.number, at: hq.wall)
    try exchange(store, hq)
    #expect(try store.state(Shop.note, "n") == nil)
    #expect(try hq.state(Shop.note, "n") == state && other.state(Shop.note, "n") == state)
  }

  @Test("a store cannot put other contents under a stamp that HQ knows", arguments: BackendKind.allCases)
  func forgedContents(_ kind: BackendKind) throws {
    let (hq, store) = (try TestNode(kind, 0), try TestNode(kind, 1))
    try hq.mustCommit(.note("n", store: 1, text: "right"))
    try exchange(store, hq)
    try store.change("n", Note.text, to: .text("wrong"))
    try store.mustCommit(.note("n", [FieldWrite(Note.remark, .set(.text("honest")))]))
    let group = try store.stretch(for: .hq).groups.filter { $0.records.contains { $0.key == key("n") } }
    try #require(group.count == 1)
    #expect(try hq.receive(group, from: store.number).map(\.code) == ["forged"])
    #expect(try hq.value(Shop.note, "n", Note.text) == .text("right"))
  }

  @Test("balances are added up anew", arguments: BackendKind.allCases)
  func recounting(_ kind: BackendKind) throws {
    let store = try TestNode(kind, 1)
    try store.mustCommit(.entry("a", store: 1, "cash", 5))
    try store.mustCommit(.entry("b", store: 1, "cash", 7))
    try store.mustCommit(.entry("c", store: 1, "card", 9))
    try store.backend.transaction { () throws(StoreError) in
      try store.backend.addToBalance("account_sum", keys: [.integer(1), .text("cash")], difference: 100)
      try store.backend.addToBalance("account_sum", keys: [.integer(1), .text("gone")], difference: 3)
    }
    try store.store.recountBalances(of: [Shop.entry])
    #expect((try store.balance(1, "cash"), try store.balance(1, "card"), try store.balance(1, "gone")) == (12, 9, 0))
    #expect(try store.store.balances("account_sum").count == 2)
  }
}

extension TestNode {
  /// Puts a value into the record behind the engine's back.
  fileprivate func change(_ id: String, _ field: FieldTag, to value: Value) throws {
    try backend.transaction { () throws(StoreError) in
      let key = RecordKey(entity: Shop.note, id: RecordID(key: id))
      guard var stored = try backend.find(key), var state = stored.state,
        case .register(let found) = state.content(of: field)
      else { throw StoreError(.notFound, "\(id)") }
      var siblings = Array(found)
      siblings[0].value = value
      state.setContent(.register(Siblings(siblings)), of: field)
      stored.body = .held(state)
      try backend.update(stored)
    }
  }
}
