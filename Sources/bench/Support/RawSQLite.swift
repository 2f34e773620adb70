import CSQLite
import Glibc

/// SQLite without any of our code in between: the baseline.
///
/// The pragmas are those of a node's writer, the statements are prepared once, and what is bound lies in one buffer that
/// does not move (`SQLITE_STATIC`).
final class RawSQLite {
  let handle: OpaquePointer
  private var statements: [OpaquePointer] = []
  private var transaction: (begin: OpaquePointer, commit: OpaquePointer)?

  static let pragmas = """
    PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;
    """

  /// - Parameter cacheKibibytes: as the node has it that it is compared with.
  init(path: String, cacheKibibytes: Int) throws {
    _ = storesync_sqlite_disable_memory_statistics()
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    guard sqlite3_open_v2(path, &opened, flags, nil) == SQLITE_OK, let opened else {
      throw BenchError("SQLite cannot open “\(path)”")
    }
    handle = opened
    try execute(Self.pragmas + "PRAGMA cache_size = -\(cacheKibibytes)")
  }

  /// Looks into a database that a node has open.
  init(readOnly path: String) throws {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    guard sqlite3_open_v2(path, &opened, flags, nil) == SQLITE_OK, let opened else {
      throw BenchError("SQLite cannot open “\(path)”")
    }
    handle = opened
    sqlite3_busy_timeout(handle, 10_000)
  }

  deinit {
    for statement in statements { sqlite3_finalize(statement) }
    sqlite3_close_v2(handle)
  }

  func execute(_ sql: String) throws {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
  }

  func prepare(_ sql: String) throws -> OpaquePointer {
    var statement: OpaquePointer?
    let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
    guard sqlite3_prepare_v3(handle, sql, -1, flags, &statement, nil) == SQLITE_OK, let statement else {
      throw failure(sql)
    }
    statements.append(statement)
    return statement
  }

  /// What begins and ends a transaction, prepared once.
  private func boundaries() throws -> (begin: OpaquePointer, commit: OpaquePointer) {
    if let transaction { return transaction }
    let made = (begin: try prepare("BEGIN IMMEDIATE"), commit: try prepare("COMMIT"))
    transaction = made
    return made
  }

  /// The one number that a query gives.
  func number(_ query: OpaquePointer) throws -> Int {
    defer { sqlite3_reset(query) }
    guard sqlite3_step(query) == SQLITE_ROW else { throw failure("a query") }
    return Int(sqlite3_column_int64(query, 0))
  }

  /// The texts that a query gives.
  func texts(_ sql: String) throws -> [String] {
    let query = try prepare(sql)
    var texts: [String] = []
    while sqlite3_step(query) == SQLITE_ROW {
      if let text = sqlite3_column_text(query, 0) { texts.append(String(cString: text)) }
    }
    return texts
  }

  func failure(_ sql: String) -> BenchError {
    BenchError("SQLite: \(String(cString: sqlite3_errmsg(handle))) in “\(sql)”")
  }

  /// Runs the statement for all rows, in their transactions.
  func run(_ statement: OpaquePointer, _ rows: PreparedRows) throws {
    try rows.buffer.withUnsafeBytes { buffer in
      try rows.cells.withUnsafeBufferPointer { cells in
        let (begin, commit) = try boundaries()
        var next = 0
        for count in rows.transactions {
          try step(begin)
          for _ in 0..<count {
            bind(statement, cells, next, rows.columnCount, buffer)
            next += rows.columnCount
            try step(statement)
          }
          try step(commit)
        }
      }
    }
  }

  /// The rows from `first` on, without a transaction around them.
  func run(_ statement: OpaquePointer, _ rows: PreparedRows, from first: Int, count: Int) throws {
    try rows.buffer.withUnsafeBytes { buffer in
      try rows.cells.withUnsafeBufferPointer { cells in
        for row in first..<first + count {
          bind(statement, cells, row * rows.columnCount, rows.columnCount, buffer)
          try step(statement)
        }
      }
    }
  }

  @inline(__always)
  private func bind(
    _ statement: OpaquePointer, _ cells: UnsafeBufferPointer<PreparedRows.Cell>, _ first: Int, _ count: Int,
    _ buffer: UnsafeRawBufferPointer
  ) {
    for column in 0..<count {
      let index = Int32(column + 1)
      switch cells[first + column] {
      case .null: sqlite3_bind_null(statement, index)
      case .integer(let number): sqlite3_bind_int64(statement, index, number)
      case .text(let offset, let count):
        let text = buffer.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self)
        sqlite3_bind_text(statement, index, text, Int32(count), storesync_sqlite_static())
      case .blob(let offset, let count):
        let blob = buffer.baseAddress?.advanced(by: offset)
        sqlite3_bind_blob(statement, index, blob, Int32(count), storesync_sqlite_static())
      }
    }
  }

  func step(_ statement: OpaquePointer) throws {
    let code = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure("a statement") }
  }
}
