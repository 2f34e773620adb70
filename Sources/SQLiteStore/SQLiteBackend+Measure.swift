import CSQLite
package import Causality
package import RecordStore

/// How much there is, counted by SQLite: quick, whatever the size of what is counted.
extension SQLiteBackend {
  /// The database file's pages; the free ones are used again before the file grows.
  package struct Pages: Hashable, Sendable {
    package var count: Int64
    package var free: Int64
    package var byteCount: Int64
  }

  /// Of the database's file.
  package var path: String { connection.path }

  package func pages() throws(StoreError) -> Pages {
    Pages(
      count: try number("PRAGMA page_count"), free: try number("PRAGMA freelist_count"),
      byteCount: try number("PRAGMA page_size"))
  }

  func number(_ sql: String) throws(StoreError) -> Int64 {
    try SQLiteStatement(connection, sql).first { row throws(StoreError) in try row.integer(0) } ?? 0
  }

  /// Conflict cases that are not closed, by kind and status.
  package func caseCounts() throws(StoreError) -> [(kind: String, status: String, count: Int)] {
    let sql = "SELECT kind, status, count(*) FROM sync_case WHERE status <> 'closed' GROUP BY 1, 2 ORDER BY 1, 2"
    return try SQLiteStatement(connection, sql).all { row throws(StoreError) in
      (kind: try row.text(0), status: try row.text(1), count: try row.integer(2, as: Int.self))
    }
  }

  /// The peers between which and this node something was noted as not applied.
  package func exceptionPeers() throws(StoreError) -> [NodeNumber] {
    try SQLiteStatement(connection, "SELECT DISTINCT peer FROM sync_exception ORDER BY 1").all {
      row throws(StoreError) in NodeNumber(try row.integer(0, as: UInt32.self))
    }
  }

  /// Parked groups by the peer that sent them.
  package func parkedCounts() throws(StoreError) -> [(peer: NodeNumber, count: Int, bytes: Int64)] {
    let sql = "SELECT peer, count(*), sum(length(payload)) FROM sync_parked GROUP BY 1 ORDER BY 1"
    return try SQLiteStatement(connection, sql).all { row throws(StoreError) in
      (
        peer: NodeNumber(try row.integer(0, as: UInt32.self)), count: try row.integer(1, as: Int.self),
        bytes: try row.integer(2)
      )
    }
  }
}
