import Causality
import Merge
import RecordStore
import StoreModel
import Testing

@testable import SQLiteStore

@Suite struct TransactionTests {
  private let failure = StoreError(.wrongCursor, "on purpose")

  @Test func failedTransactionLeavesNothing() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    let before = try SampleContents.write(to: backend)
    let error = storeError {
      try backend.transaction { () throws(StoreError) in
        try backend.saveNode(NodeState(identity: identity, head: 99))
        try backend.insert(thing(50, [.name: .text("x")]))
        try backend.setAcknowledged(77, peer: .hq, lane: .bulk)
        throw failure
      }
    }
    #expect(error == failure)
    #expect(try SampleContents.read(from: backend) == before)
    #expect(try backend.find(thing(50, [:]).key) == nil)
  }

  /// A replica's number and a row that were given in what was undone are given again, to others.
  @Test(arguments: [false, true]) func numbersOfWhatWasUndoneAreForgotten(_ usesSavepoint: Bool) throws {
    let directory = try Directory()
    let one = ReplicaID(node: NodeNumber(1), incarnation: 1)
    let two = ReplicaID(node: NodeNumber(2), incarnation: 2)
    let kept = thing(2, [.name: .text("two")], at: stamp(1, two))
    do {
      let backend = try SQLiteBackend.create(directory)
      func undone() throws(StoreError) { try backend.insert(thing(1, [.name: .text("one")], at: stamp(1, one))) }
      if usesSavepoint {
        try backend.transaction { () throws(StoreError) in
          let result = try backend.savepoint { () throws(StoreError) -> Int? in
            try undone()
            return nil
          }
          #expect(result == nil)
          #expect(try backend.insert(kept).row == 1)
        }
      } else {
        _ = storeError {
          try backend.transaction { () throws(StoreError) in
            try undone()
            throw failure
          }
        }
        #expect(try backend.commit(kept).row == 1)
      }
      #expect(try backend.find(kept.key)?.state == kept)
    }
    let backend = try SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readWrite)
    #expect(try backend.find(kept.key)?.state == kept)
    #expect(try backend.find(thing(1, [:]).key) == nil)
    #expect(try directory.sql("SELECT idx, node FROM sync_replica") == ["0|2"])
  }

  @Test func savepointsNestAndUndoTheirOwnWrites() throws {
    let backend = try SQLiteBackend.create(Directory())
    try backend.transaction { () throws(StoreError) in
      try backend.setAcknowledged(1, peer: .hq, lane: .urgent)
      let outer = try backend.savepoint { () throws(StoreError) -> Int? in
        try backend.setAcknowledged(2, peer: .hq, lane: .normal)
        let inner = try backend.savepoint { () throws(StoreError) -> Int? in
          try backend.setAcknowledged(3, peer: .hq, lane: .bulk)
          return nil
        }
        #expect(inner == nil)
        return 7
      }
      #expect(outer == 7)
      let thrown = storeError {
        _ = try backend.savepoint { () throws(StoreError) -> Int? in
          try backend.setAcknowledged(9, peer: .hq, lane: .urgent)
          throw failure
        }
      }
      #expect(thrown == failure)
    }
    #expect(try Lane.allCases.map { try backend.acknowledged(peer: .hq, lane: $0) } == [1, 2, 0])
  }

  @Test func writesOutsideATransactionAreRefused() throws {
    let backend = try SQLiteBackend.create(Directory())
    let state = thing(1, [:])
    #expect(storeError { try backend.insert(state) }?.code == .internalError)
    #expect(try backend.find(state.key) == nil)
  }

  @Test func readerRefusesToWrite() throws {
    let directory = try Directory()
    let writer = try SQLiteBackend.create(directory)
    try writer.commit(thing(2, [:]))
    let reader = try SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readOnly)
    #expect(storeError { try reader.commit(thing(1, [:])) }?.code == .notWritable)
    #expect(try reader.find(thing(2, [:]).key) != nil)
  }

  @Test func readerSeesOneStateWhileAWriterCommits() throws {
    let directory = try Directory()
    let writer = try SQLiteBackend.create(directory)
    try writer.commit(thing(1, [.name: .text("one")]))
    let reader = try SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readOnly)
    let second = thing(2, [.name: .text("two")], at: stamp(1, ReplicaID(node: NodeNumber(66), incarnation: 1)))
    try reader.transaction { () throws(StoreError) in
      #expect(try reader.count(of: Thing.tag) == 1)
      // A replica that the reader has not met, and a savepoint between.
      try writer.commit(second)
      #expect(try reader.count(of: Thing.tag) == 1)
      #expect(try reader.find(second.key) == nil)
      #expect(try reader.records(of: Thing.tag, after: nil, limit: 9).map(\.id) == [uuid(1)])
    }
    #expect(try reader.count(of: Thing.tag) == 2)
    #expect(try reader.find(second.key)?.state == second)
  }

  /// The disk is as full as `max_page_count` says: SQLite undoes the transaction by itself.
  @Test func fullDiskUndoesAndTheBackendStaysUsable() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    try backend.commit(thing(1, [.name: .text("one")]))
    try backend.connection.execute("PRAGMA max_page_count = 60")
    let error = storeError {
      try backend.transaction { () throws(StoreError) in
        for number in 2..<5000 {
          try backend.insert(thing(UInt64(number), [.name: .text("a longer name \(number)")]))
        }
      }
    }
    #expect(error?.code == .diskFull)
    #expect(error?.message.contains("a longer name") == false)
    #expect(error?.message.contains("INSERT INTO") == true)
    #expect(try backend.count(of: Thing.tag) == 1)
    try backend.commit(thing(2, [.name: .text("two")], at: stamp(1, hq)))
    #expect(try backend.find(thing(2, [:]).key)?.state?.vector == VersionVector(stamp(1, hq)))
  }

  /// What a transaction writes after SQLite has undone it must not be committed by itself.
  @Test func bodyThatGoesOnAfterAFullDiskCommitsNothing() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory)
    try backend.connection.execute("PRAGMA max_page_count = 60")
    let error = storeError {
      try backend.transaction { () throws(StoreError) in
        for number in 2..<5000 {
          _ = storeError { try backend.insert(thing(UInt64(number), [.name: .text("a longer name \(number)")])) }
        }
      }
    }
    #expect(error != nil)
    #expect(try backend.count(of: Thing.tag) == 0)
  }
}
