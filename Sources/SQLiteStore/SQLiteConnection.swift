import CSQLite
import RecordStore

/// One connection to a database file. Used from one thread at a time (`SQLITE_OPEN_NOMUTEX`).
final class SQLiteConnection {
  enum Access {
    case create, readWrite, readOnly
    /// Only to read a file that nobody else uses, wherever it lies: without locks, which not every file system has.
    case alone
    /// To write such a file.
    case copy
  }

  /// SQLite's way into files without locks (sqlite.org/vfs.html).
  static let withoutLocks = "unix-none"

  let handle: OpaquePointer
  let path: String
  let access: Access
  /// Let go of after the connection is closed: statements keep the connection, and the connection the lock.
  private let lock: WriterLock?

  /// Process-wide and only before SQLite's first use; later it changes nothing.
  private static let memoryStatisticsStatus = storesync_sqlite_disable_memory_statistics()

  init(path: String, access: Access, lock: WriterLock?) throws(StoreError) {
    _ = Self.memoryStatisticsStatus
    var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    switch access {
    case .create, .copy: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    case .readWrite: flags |= SQLITE_OPEN_READWRITE
    case .readOnly, .alone: flags |= SQLITE_OPEN_READONLY
    }
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags, access == .alone || access == .copy ? Self.withoutLocks : nil)
    guard code == SQLITE_OK, let opened else {
      let message = String(cString: sqlite3_errstr(code))
      let systemError = opened.map { sqlite3_system_errno($0) } ?? 0
      sqlite3_close_v2(opened)
      throw StoreError(sqlite: code, systemError: systemError, message: message, sql: "", path: path)
    }
    handle = opened
    self.path = path
    self.access = access
    self.lock = lock
    sqlite3_busy_timeout(handle, SQLiteLimits.busyMilliseconds)
  }

  deinit {
    sqlite3_close_v2(handle)
  }

  /// Whether a transaction is open. SQLite ends one by itself after some errors.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Rows that the last insert, update or delete touched.
  var changedRows: Int { Int(sqlite3_changes(handle)) }

  /// Rows that this connection has inserted, changed or deleted since it was opened.
  var totalChanges: Int64 { sqlite3_total_changes64(handle) }

  var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

  var isReadOnly: Bool { access == .readOnly || access == .alone }

  /// Runs SQL of our own that binds nothing and is needed once.
  func execute(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code, sql: sql) }
  }

  /// Sets what every connection needs before its first transaction.
  func configure() throws(StoreError) {
    try execute("PRAGMA trusted_schema = OFF")
    try execute("PRAGMA foreign_keys = OFF")
    try limitCache(toKibibytes: isReadOnly ? SQLiteLimits.readerCacheKibibytes : SQLiteLimits.cacheKibibytes)
    guard !isReadOnly else { return }
    let mode = try SQLiteStatement(self, "PRAGMA journal_mode = WAL").first { row throws(StoreError) in
      try row.text(0)
    }
    guard mode == "wal" else {
      throw StoreError(
        .io, "\(path): expected write-ahead logging, found journal mode “\(mode ?? "")”; use a local file system")
    }
    try execute("PRAGMA synchronous = FULL")
    // What is erased is gone from the pages as well. It costs no measurable time: 150,000 inserts and 30,000 updates took the same.
    try execute("PRAGMA secure_delete = ON")
    try execute("PRAGMA wal_autocheckpoint = \(SQLiteLimits.checkpointPages)")
    try execute("PRAGMA journal_size_limit = \(SQLiteLimits.writeAheadLogBytes)")
  }

  func limitCache(toKibibytes kibibytes: Int) throws(StoreError) {
    try execute("PRAGMA cache_size = -\(kibibytes)")
  }

  /// Gives back what is kept only to be quick the next time.
  func releaseMemory() {
    sqlite3_db_release_memory(handle)
  }

  func error(_ code: Int32, sql: String) -> StoreError {
    let message = String(cString: sqlite3_errmsg(handle))
    let extended = sqlite3_extended_errcode(handle)
    return StoreError(
      sqlite: extended & 0xFF == code & 0xFF ? extended : code, systemError: sqlite3_system_errno(handle),
      message: message, sql: sql, path: path)
  }
}

/// An SQL name in quotes.
func quoted(_ name: String) -> String {
  "\"" + name.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
}
