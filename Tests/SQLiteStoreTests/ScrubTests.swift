import CSQLite
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// What was deleted leaves the files, too.
@Suite struct ScrubTests {
  private static let trace = "Zoe Traceworthy +49 301 555"

  /// Some statements on one connection.
  private func run(_ statements: String, on path: String) throws {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    try #require(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
    let result = sqlite3_exec(handle, statements, nil, nil, nil)
    try #require(result == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
  }

  private func bytes(of path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&part, 1, part.count, file), count > 0 { all += part[..<count] }
    return all
  }

  private func holdsTrace(_ directory: Directory) -> Bool {
    [directory.database, directory.database + "-wal"].contains { name in
      let bytes = bytes(of: name)
      return bytes.indices.contains { bytes[$0...].starts(with: Self.trace.utf8) }
    }
  }

  @Test("the first erasure in a file of an earlier version makes it anew, and nothing that was deleted is left in it")
  func fileOfAnEarlierVersion() throws {
    let directory = try Directory()
    let state = thing(1, [.name: .text("Tee")])
    _ = try SQLiteBackend.create(directory, TestModel.full).commit(state, sequence: 3)
    // Earlier versions did not overwrite what they deleted, and did not say that they did.
    try run(
      """
      PRAGMA secure_delete = OFF;
      CREATE TABLE junk (x); INSERT INTO junk VALUES ('\(Self.trace)'); DELETE FROM junk; DROP TABLE junk;
      DELETE FROM sync_setting WHERE name = 'overwrites-deleted';
      PRAGMA wal_checkpoint(TRUNCATE);
      """, on: directory.database)
    #expect(holdsTrace(directory))
    let backend = try SQLiteBackend.open(path: directory.database, model: TestModel.full, mode: .readWrite)
    #expect(holdsTrace(directory), "opening it is no reason to make it anew")
    try backend.scrub()
    #expect(!holdsTrace(directory))
    #expect(try backend.find(state.key)?.state == state)
    #expect(try directory.sql("SELECT count(*) FROM sync_setting WHERE name = 'overwrites-deleted'") == ["1"])
  }

  @Test func whatThisVersionDeletesIsOverwrittenAtOnce() throws {
    let directory = try Directory()
    let backend = try SQLiteBackend.create(directory, TestModel.full)
    let state = thing(1, [.name: .text(Self.trace)])
    _ = try backend.commit(state, sequence: 3)
    var stored = try #require(try backend.find(state.key))
    stored.body = .stub(state.vector)
    let stub = stored
    try backend.transaction { () throws(StoreError) in try backend.update(stub) }
    try backend.scrub()
    #expect(!holdsTrace(directory))
  }
}
