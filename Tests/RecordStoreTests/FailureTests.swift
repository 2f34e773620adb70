import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing

/// FC-45: storage that fails at any write leaves no trace of what was begun, and all works once it is back.
@Suite struct FailureTests {
  private func failing(_ kind: BackendKind, _ node: UInt32) throws -> (TestNode, FailingBackend) {
    var backend: FailingBackend?
    let node = try TestNode(kind, node) { inner in
      let wrapper = FailingBackend(inner)
      backend = wrapper
      return wrapper
    }
    return (node, try #require(backend))
  }

  private func expectDiskFull(_ body: () throws -> Void) {
    do {
      try body()
      Issue.record("expected an error of the store")
    } catch {
      #expect((error as? StoreError)?.code == .diskFull)
    }
  }

  @Test("FC-45 a commit that fails at any of its writes", arguments: BackendKind.allCases)
  func commits(_ kind: BackendKind) throws {
    let (node, backend) = try failing(kind, 1)
    try node.mustCommit(.member("a", phone: "1"), .note("n", store: 1, text: "x"))
    let drafts = [
      CommitDraft([.member("b", phone: "1"), .entry("e", store: 1, "cash", 5)]),
      CommitDraft([.note("n", text: "y"), .entry("f", store: 1, "cash", 6)]),
    ]
    let before = try node.snapshot()
    var failures = 0
    while true {
      backend.writesLeft = failures
      let result: [CommitResult]
      do {
        result = try node.store.commit(drafts, at: node.wall)
      } catch {
        #expect(error.code == .diskFull)
        #expect(try node.snapshot() == before, "after \(failures) writes")
        failures += 1
        continue
      }
      let stamps = result.compactMap(\.stamp)
      #expect(stamps.count == 2)
      break
    }
    #expect(failures >= 8, "each write failed once: \(failures)")
    #expect(try node.balance(1, "cash") == 11)
    #expect(try node.cases().map(\.subject.kind) == [.unique])
    #expect(try node.store.logHead() == 3)
  }

  @Test("FC-45 FC-5 a batch that fails at any of its writes: the cursor stays", arguments: BackendKind.allCases)
  func batches(_ kind: BackendKind) throws {
    let (hq, backend) = try failing(kind, 0)
    let one = NodeNumber(1)
    let epoch = Epoch(rawValue: 7)
    var store = Foreign(1)
    try hq.receive([store.note("n", store: 1, text: "x")], from: one)
    let state = try #require(try hq.state(Shop.note, "n"))
    let groups = [
      store.entry("e", store: 1, "cash", 5),
      store.group((Shop.note, "bad", [(Note.store, .integer(1)), (Note.text, .integer(1))])),
      store.group(changing: [state], [FieldWrite(Note.store, .set(.integer(2)))]),
    ]
    let before = try hq.snapshot()
    var failures = 0
    while true {
      backend.writesLeft = failures
      do {
        let results = try hq.receive(groups, from: one, after: 1, through: 4)
        #expect(results.map(\.code) == [nil, "invalid-value", nil])
        break
      } catch {
        #expect((error as? StoreError)?.code == .diskFull)
        #expect(try hq.snapshot() == before, "after \(failures) writes")
        #expect(try hq.store.receiveCursors(from: one, epoch: epoch).normal.through == 1)
        failures += 1
      }
    }
    #expect(failures >= 7, "each write failed once: \(failures)")
    #expect(try hq.store.receiveCursors(from: one, epoch: epoch).normal.through == 4)
    #expect(try hq.balance(1, "cash") == 5)
    #expect(try hq.store.parkedGroups().count == 1)
  }

  @Test("FC-45 after a commit that failed", arguments: BackendKind.allCases)
  func stamps(_ kind: BackendKind) throws {
    let (node, backend) = try failing(kind, 1)
    let first = try node.mustCommit(.note("n", store: 1))
    backend.writesLeft = 1
    expectDiskFull { try node.commit(.note("m", store: 1)) }
    backend.writesLeft = nil
    // Nothing of it was ever visible, so the same stamp may name the next commit; it only has to go up.
    #expect(try node.mustCommit(.note("o", store: 1)) > first)
    #expect(try node.state(Shop.note, "m") == nil)
    backend.writesLeft = 0
    expectDiskFull { try node.store.noteAcknowledged(by: .hq, lane: .normal, through: 3) }
    #expect(try node.store.acknowledged(by: .hq).normal == 0)
  }

  @Test(arguments: BackendKind.allCases) func savepointsUndoTheirOwnWritesOnly(_ kind: BackendKind) throws {
    let node = try TestNode(kind, 1)
    let backend = node.backend
    func state(_ id: String) -> RecordState {
      RecordState(
        entity: Shop.note, id: RecordID(key: id),
        vector: VersionVector(Stamp(time: HybridTimestamp(rawValue: 5), replica: node.store.identity.replica)))
    }
    func insert(_ id: String) throws(StoreError) -> RecordRef {
      try backend.insert(state(id).key, .held(state(id)), sequence: 1)
    }
    try Self.savepoints(backend, insert)
    #expect(try backend.find(state("kept").key) != nil)
    #expect(try backend.find(state("undone").key) == nil)
    #expect(try backend.find(state("inner").key) == nil)
    #expect(try backend.find(state("after").key) != nil)
  }

  private static func savepoints(
    _ backend: some StorageBackend, _ insert: (String) throws(StoreError) -> RecordRef
  ) throws(StoreError) {
    try backend.transaction { () throws(StoreError) in
      _ = try insert("kept")
      let undone = try backend.savepoint { () throws(StoreError) -> Int? in
        _ = try insert("undone")
        let inner = try backend.savepoint { () throws(StoreError) -> RecordRef? in try insert("inner") }
        #expect(inner != nil)
        return nil
      }
      #expect(undone == nil)
      _ = try insert("after")
    }
  }
}
