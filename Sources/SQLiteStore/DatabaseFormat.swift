import Causality
import RecordStore

/// The engine's own tables, and what marks a file as a database of ours.
enum DatabaseFormat {
  /// An entity's own columns, beside one for each field.
  static let entityColumns = ["row", "id", "sequence", "meta"]
  static let reservedTablePrefixes = ["sync_", "sqlite_"]

  private static let tables = """
    CREATE TABLE sync_node (
      one INTEGER PRIMARY KEY CHECK (one = 1), node INTEGER NOT NULL, incarnation INTEGER NOT NULL,
      epoch INTEGER NOT NULL, clock INTEGER NOT NULL, head INTEGER NOT NULL);
    CREATE TABLE sync_model (
      entity INTEGER NOT NULL, field INTEGER NOT NULL, name TEXT NOT NULL, sql_name TEXT NOT NULL,
      sql_type TEXT NOT NULL, PRIMARY KEY (entity, field)) WITHOUT ROWID;
    CREATE TABLE sync_balance (name TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE sync_replica (idx INTEGER PRIMARY KEY, node INTEGER NOT NULL, incarnation INTEGER NOT NULL);
    CREATE TABLE sync_hidden (
      entity INTEGER NOT NULL, "row" INTEGER NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL,
      sequence INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (entity, "row")) WITHOUT ROWID;
    CREATE UNIQUE INDEX sync_hidden_id ON sync_hidden (entity, id);
    CREATE INDEX sync_hidden_held ON sync_hidden (entity, id) WHERE kind = 0;
    CREATE TABLE sync_log (
      lane INTEGER NOT NULL, sequence INTEGER NOT NULL, time INTEGER NOT NULL, replica INTEGER NOT NULL,
      origin INTEGER, audience INTEGER NOT NULL, records BLOB NOT NULL, links BLOB,
      PRIMARY KEY (lane, sequence)) WITHOUT ROWID;
    CREATE TABLE sync_departure (
      entity INTEGER NOT NULL, "row" INTEGER NOT NULL, node INTEGER NOT NULL,
      PRIMARY KEY (entity, "row", node)) WITHOUT ROWID;
    CREATE TABLE sync_cursor (
      peer INTEGER NOT NULL, lane INTEGER NOT NULL, epoch INTEGER NOT NULL, through INTEGER NOT NULL,
      incomplete_until INTEGER NOT NULL, PRIMARY KEY (peer, lane)) WITHOUT ROWID;
    CREATE TABLE sync_peer (peer INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, met_at INTEGER NOT NULL);
    CREATE TABLE sync_ack (
      peer INTEGER NOT NULL, lane INTEGER NOT NULL, through INTEGER NOT NULL, PRIMARY KEY (peer, lane)) WITHOUT ROWID;
    CREATE TABLE sync_case (
      number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, entity INTEGER NOT NULL, record BLOB NOT NULL,
      detail TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, opened_at INTEGER NOT NULL,
      changed_at INTEGER NOT NULL, records BLOB NOT NULL, candidates BLOB NOT NULL);
    CREATE INDEX sync_case_subject ON sync_case (entity, record, kind, detail);
    CREATE INDEX sync_case_open ON sync_case (number) WHERE status <> 'closed';
    CREATE TABLE sync_parked (
      number INTEGER PRIMARY KEY AUTOINCREMENT, peer INTEGER NOT NULL, lane INTEGER NOT NULL,
      received_at INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE sync_parked_key (
      entity INTEGER NOT NULL, id BLOB NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL,
      PRIMARY KEY (entity, id, number)) WITHOUT ROWID;
    CREATE INDEX sync_parked_key_number ON sync_parked_key (number, place);
    CREATE TABLE sync_setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    """

  /// Tables that came later than the format. They are added at the next opening for writing; what has no rows of them
  /// needs none.
  private static let laterTables = """
    CREATE TABLE IF NOT EXISTS sync_counter_step (
      sequence INTEGER NOT NULL, entity INTEGER NOT NULL, "row" INTEGER NOT NULL, field INTEGER NOT NULL,
      difference INTEGER NOT NULL, PRIMARY KEY (sequence, entity, "row", field)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_settlement (
      number INTEGER PRIMARY KEY AUTOINCREMENT, case_number INTEGER NOT NULL, choice TEXT NOT NULL, note TEXT,
      at INTEGER NOT NULL, time INTEGER, node INTEGER, incarnation INTEGER);
    CREATE INDEX IF NOT EXISTS sync_settlement_case ON sync_settlement (case_number);
    CREATE TABLE IF NOT EXISTS sync_exception (
      number INTEGER PRIMARY KEY AUTOINCREMENT, peer INTEGER NOT NULL, side INTEGER NOT NULL, at INTEGER NOT NULL,
      outcome TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, sequence INTEGER NOT NULL, time INTEGER,
      node INTEGER, incarnation INTEGER, keys BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS sync_exception_peer ON sync_exception (peer, number);
    CREATE TABLE IF NOT EXISTS sync_purged (document BLOB PRIMARY KEY, records BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_purged_row (
      entity INTEGER NOT NULL, "row" INTEGER NOT NULL, count INTEGER NOT NULL, document BLOB NOT NULL,
      PRIMARY KEY (entity, "row")) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_purged_balance (
      name TEXT NOT NULL, keys BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (name, keys)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_request (
      number INTEGER PRIMARY KEY, scope TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, digest BLOB NOT NULL,
      status INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS sync_request_key ON sync_request (scope, key);
    CREATE TABLE IF NOT EXISTS sync_erased (
      entity INTEGER NOT NULL, id BLOB NOT NULL, reason TEXT NOT NULL, requested_at INTEGER NOT NULL,
      last_at INTEGER NOT NULL, cleaned_at INTEGER, lifted_at INTEGER, found_at INTEGER,
      PRIMARY KEY (entity, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_erased_node (
      entity INTEGER NOT NULL, id BLOB NOT NULL, node INTEGER NOT NULL, at INTEGER NOT NULL,
      incarnation INTEGER NOT NULL, remark TEXT NOT NULL, voucher TEXT, PRIMARY KEY (entity, id, node)) WITHOUT ROWID;
    """

  static func addLaterTables(_ connection: SQLiteConnection) throws(StoreError) {
    try connection.execute(laterTables)
  }

  /// Inside a transaction: a crash leaves an empty file, which `create` takes again.
  static func create(_ connection: SQLiteConnection) throws(StoreError) {
    try connection.execute(tables)
    try connection.execute("PRAGMA application_id = \(SQLiteLimits.applicationID)")
    try connection.execute("PRAGMA user_version = \(SQLiteLimits.formatVersion)")
  }

  /// Refuses what is no database of ours, and what a newer program made.
  static func check(_ connection: SQLiteConnection) throws(StoreError) {
    let found = try pragma("application_id", connection)
    guard found == SQLiteLimits.applicationID else {
      throw .corrupt(
        connection.path, "expected a StoreSync database (application id \(SQLiteLimits.applicationID)), found \(found)")
    }
    let version = try pragma("user_version", connection)
    guard version <= SQLiteLimits.formatVersion else {
      throw StoreError(
        .newerFormat,
        "\(connection.path): format \(version), expected \(SQLiteLimits.formatVersion) or older; install the newer "
          + "version of this program that last opened the database")
    }
    guard version == SQLiteLimits.formatVersion else {
      throw .corrupt(connection.path, "format \(version), expected \(SQLiteLimits.formatVersion)")
    }
  }

  /// Refuses to create over anything but an empty file.
  static func checkEmpty(_ connection: SQLiteConnection) throws(StoreError) {
    let application = try pragma("application_id", connection)
    let count = try SQLiteStatement(connection, "SELECT count(*) FROM sqlite_schema").first {
      row throws(StoreError) in try row.integer(0)
    }
    guard application == 0, count == 0 else {
      throw StoreError(
        .notWritable, "\(connection.path): a database is there already; open it, or choose another directory")
    }
  }

  private static func pragma(_ name: String, _ connection: SQLiteConnection) throws(StoreError) -> Int64 {
    try SQLiteStatement(connection, "PRAGMA \(name)").first { row throws(StoreError) in try row.integer(0) } ?? 0
  }
}

/// The one row of `sync_node`.
final class NodeTable {
  private let path: String
  private let load: SQLiteStatement
  private let save: SQLiteStatement

  init(_ connection: SQLiteConnection) {
    path = connection.path
    load = SQLiteStatement(connection, "SELECT node, incarnation, epoch, clock, head FROM sync_node WHERE one = 1")
    save = SQLiteStatement(
      connection,
      """
      INSERT INTO sync_node (one, node, incarnation, epoch, clock, head) VALUES (1, ?, ?, ?, ?, ?)
      ON CONFLICT (one) DO UPDATE SET node = excluded.node, incarnation = excluded.incarnation,
        epoch = excluded.epoch, clock = excluded.clock, head = excluded.head
      """)
  }

  func loadNode() throws(StoreError) -> NodeState {
    let node = try load.first { row throws(StoreError) in
      let replica = ReplicaID(
        node: NodeNumber(try row.integer(0, as: UInt32.self)), incarnation: try row.integer(1, as: UInt32.self))
      return NodeState(
        identity: NodeIdentity(replica: replica, epoch: Epoch(rawValue: try row.bits(2))),
        clock: HybridClock(last: HybridTimestamp(rawValue: try row.bits(3))), head: try row.bits(4))
    }
    guard let node else { throw .corrupt(path, "sync_node is empty, expected the node's identity") }
    return node
  }

  func saveNode(_ node: NodeState) throws(StoreError) {
    save.bind(node.identity.replica.node.rawValue, at: 1)
    save.bind(node.identity.replica.incarnation, at: 2)
    save.bind(node.identity.epoch.rawValue, at: 3)
    save.bind(node.clock.last.rawValue, at: 4)
    save.bind(node.head, at: 5)
    try save.run()
  }
}
