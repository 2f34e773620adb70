import CSQLite
package import RecordStore

/// What a database is like, without what is in it.
extension SQLiteBackend {
  package static var libraryVersion: String { String(cString: sqlite3_libversion()) }

  /// The statements that make its tables and indexes, in the order in which they were made.
  package func schema() throws(StoreError) -> [String] {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
    return try SQLiteStatement(connection, sql).all { row throws(StoreError) in try row.text(0) }
  }

  package func tableNames() throws(StoreError) -> [String] {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    return try SQLiteStatement(connection, sql).all { row throws(StoreError) in try row.text(0) }
  }

  /// Counts them all: some 20 ms a million.
  package func rowCount(ofTable name: String) throws(StoreError) -> Int64 {
    try number("SELECT count(*) FROM \(quoted(name))")
  }

  package func formatVersion() throws(StoreError) -> Int64 { try number("PRAGMA user_version") }
}
