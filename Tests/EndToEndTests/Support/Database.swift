import CSQLite
import Testing

/// A node's database as anyone with `sqlite3` sees it, beside the node that runs on it.
final class Database {
  private var connection: OpaquePointer?

  init(_ path: String) throws {
    let code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY, nil)
    try #require(code == SQLITE_OK, "\(path): \(code)")
    sqlite3_busy_timeout(connection, 5_000)
  }

  deinit { sqlite3_close_v2(connection) }

  /// The rows, each with its columns as text and bars between them.
  func rows(_ query: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
    var statement: OpaquePointer?
    let prepared = sqlite3_prepare_v2(connection, query, -1, &statement, nil)
    defer { sqlite3_finalize(statement) }
    try #require(prepared == SQLITE_OK, "\(query): \(message)", sourceLocation: sourceLocation)
    var rows: [String] = []
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW:
        let columns = (0..<sqlite3_column_count(statement)).map { column in
          sqlite3_column_text(statement, column).map { String(cString: $0) } ?? "–"
        }
        rows.append(columns.joined(separator: "|"))
      case SQLITE_DONE: return rows
      default: try #require(Bool(false), "\(query): \(message)", sourceLocation: sourceLocation)
      }
    }
  }

  private var message: String { String(cString: sqlite3_errmsg(connection)) }
}

extension Database {
  /// Changes the database of a node that is stopped, behind its back.
  static func change(_ node: Node, _ statements: String...) throws {
    try execute("\(node.directory)/storesync.db", statements)
  }

  static func execute(_ path: String, _ statements: String...) throws { try execute(path, statements) }

  private static func execute(_ path: String, _ statements: [String]) throws {
    var connection: OpaquePointer?
    try #require(sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
    defer { sqlite3_close_v2(connection) }
    for statement in statements {
      let code = sqlite3_exec(connection, statement, nil, nil, nil)
      try #require(code == SQLITE_OK, "\(statement): \(String(cString: sqlite3_errmsg(connection)))")
    }
  }
}

extension Node {
  func rows(_ query: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
    try database.rows(query, sourceLocation: sourceLocation)
  }
}

extension Database {
  /// A write transaction of another program, until it ends.
  final class Lock {
    private var connection: OpaquePointer?

    init(_ path: String) throws {
      try #require(sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
      sqlite3_busy_timeout(connection, 5_000)
      try #require(sqlite3_exec(connection, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
    }

    func end() throws {
      try #require(sqlite3_exec(connection, "COMMIT", nil, nil, nil) == SQLITE_OK)
    }

    deinit { sqlite3_close_v2(connection) }
  }
}
