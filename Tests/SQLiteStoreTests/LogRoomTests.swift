import Base
import Foundation
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// The write-ahead log's file is longer than what is in it, so that small commits do not make it grow.
@Suite struct LogRoomTests {
  private let wall = WallTime(milliseconds: 1_700_000_000_000)

  private func draft(_ number: UInt64) -> CommitDraft {
    CommitDraft([
      RecordWrite(entity: Thing.tag, id: uuid(number), .write([FieldWrite(FieldTag(1), .set(.text("\(number)")))]))
    ])
  }

  private func size(_ directory: Directory) throws -> Int {
    try #require(FileManager.default.contents(atPath: directory.database + "-wal")).count
  }

  @Test func commitsWithinTheRoomLeaveTheFileAsLongAsItIs() throws {
    let directory = try Directory()
    let engine = try StoreEngine(SQLiteBackend.create(directory))
    _ = try engine.commit([draft(1)], at: wall)
    let before = try size(directory)
    engine.backend.makeRoomInLog()
    let roomy = try size(directory)
    #expect(roomy > before + 500_000)
    for number in 2...40 {
      _ = try engine.commit([draft(UInt64(number))], at: wall)
      engine.backend.makeRoomInLog()
      #expect(try size(directory) == roomy, "no more room than is needed")
    }
    #expect(try directory.sql("SELECT count(*) FROM things") == ["40"], "others see what is committed")
  }

  @Test func aLogThatWasEmptiedGetsRoomAgain() throws {
    let directory = try Directory()
    let engine = try StoreEngine(SQLiteBackend.create(directory))
    _ = try engine.commit([draft(1)], at: wall)
    engine.backend.makeRoomInLog()
    try engine.backend.scrub()
    engine.backend.makeRoomInLog()
    #expect(try size(directory) == 0, "what is empty stays so until somebody commits")
    _ = try engine.commit([draft(2)], at: wall)
    engine.backend.makeRoomInLog()
    #expect(try size(directory) > 500_000)
    #expect(try directory.sql("SELECT count(*) FROM things") == ["2"])
  }

  @Test func thereIsNoMoreRoomThanACheckpointLeaves() throws {
    let directory = try Directory()
    let engine = try StoreEngine(SQLiteBackend.create(directory))
    let note = FieldWrite(FieldTag(13), .set(.text(String(repeating: "x", count: 60_000))))
    // A reader that stays keeps the log from beginning anew.
    let reader = try StoreEngine(SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readOnly))
    try reader.backend.transaction { () throws(StoreError) in
      _ = try reader.backend.loadNode()
      for group in 0..<UInt64(SQLiteLimits.checkpointPages / 140) {
        let writes = (0..<10).map { RecordWrite(entity: Thing.tag, id: uuid(10 * group + $0), .write([note])) }
        _ = try engine.commit([CommitDraft(writes)], at: wall)
      }
    }
    let before = try size(directory)
    #expect(before > SQLiteLimits.checkpointPages * 4_096)
    engine.backend.makeRoomInLog()
    #expect(try size(directory) == before)
  }
}
