import CSQLite
import Glibc
package import RecordStore

/// Copies a database whole, as it was at one moment, while others go on using it.
package enum DatabaseCopy {
  /// How far a copy has come. Returns false to give up.
  package typealias Progress = (_ copiedPages: Int, _ pages: Int) -> Bool

  /// Writes the copy to a file of its own, with settings in it that the original does not have.
  ///
  /// The copy reads one snapshot: writers go on, and what they write meanwhile is not in it. Nothing lies beside it, so
  /// that it can be moved and kept as one file; it is not yet durable.
  /// - Parameter target: a file that is empty or not there, and that nobody else uses.
  package static func copy(
    from source: String, to target: String, settings: [(name: String, value: [UInt8])], progress: Progress
  ) throws(StoreError) {
    guard FileSystem.exists(source) else {
      throw StoreError(.notFound, "\(source): there is no database; check the path")
    }
    let reader = try SQLiteConnection(path: source, access: .readOnly, lock: nil)
    try DatabaseFormat.check(reader)
    try reader.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
    let writer = try SQLiteConnection(path: target, access: .copy, lock: nil)
    // A copy that is cut off is thrown away: it needs no journal, and is flushed once at the end.
    try writer.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    try copyPages(from: reader, to: writer, progress)
    try reader.execute("COMMIT")
    // Else whoever opens it would put a write-ahead log beside it.
    let mode = try SQLiteStatement(writer, "PRAGMA journal_mode = DELETE").first { row throws(StoreError) in
      try row.text(0)
    }
    guard mode == "delete" else {
      throw StoreError(.io, "\(target): expected journal mode “delete”, found “\(mode ?? "")”; try again")
    }
    let table = SettingTable(writer)
    try writer.execute("BEGIN IMMEDIATE")
    for (name, value) in settings { try table.set(name, value) }
    try writer.execute("COMMIT")
  }

  private static func copyPages(
    from reader: SQLiteConnection, to writer: SQLiteConnection, _ progress: Progress
  ) throws(StoreError) {
    guard let backup = sqlite3_backup_init(writer.handle, "main", reader.handle, "main") else {
      throw writer.error(sqlite3_errcode(writer.handle), sql: "")
    }
    var code = SQLITE_OK
    var isWanted = true
    while code == SQLITE_OK, isWanted {
      code = sqlite3_backup_step(backup, SQLiteLimits.copyPages)
      let pages = Int(sqlite3_backup_pagecount(backup))
      isWanted = progress(pages - Int(sqlite3_backup_remaining(backup)), pages)
    }
    sqlite3_backup_finish(backup)
    guard code != SQLITE_DONE else { return }
    guard isWanted else { throw StoreError(.interrupted, "interrupted; nothing was kept") }
    // The writer holds the error, whichever of the two had it.
    throw writer.error(code, sql: "")
  }

  /// A setting of a database that nobody writes.
  package static func setting(_ name: String, of path: String) throws(StoreError) -> [UInt8]? {
    try SettingTable(SQLiteConnection(path: path, access: .readOnly, lock: nil)).value(name)
  }
}
