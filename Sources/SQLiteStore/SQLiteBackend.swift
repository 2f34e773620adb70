import Glibc
package import RecordStore
package import StoreModel

/// A storage backend on SQLite: a real table an entity for what is shown, the merge metadata beside it, and the
/// engine's own tables (`sync_…`) in the same file and the same transactions.
///
/// Used from one thread or queue at a time. Readers have backends of their own on the same file.
package final class SQLiteBackend: StorageBackend {
  package enum Mode {
    /// Makes the database; its directory is there.
    case create(NodeIdentity)
    case readWrite
    /// Beside a writer in this or another process. Each transaction sees one state, whatever is committed meanwhile.
    case readOnly
    /// To look at a copy that nobody else uses, wherever it lies.
    case alone
  }

  package let model: Model
  let connection: SQLiteConnection
  let replicas: ReplicaTable
  let nodes: NodeTable
  let hidden: HiddenTable
  let log: LogTable
  let peers: PeerTables
  let dataVersion: SQLiteStatement
  let cases: CaseTable
  let parked: ParkedTable
  let judgements: JudgementTables
  let purged: PurgedTables
  let erased: ErasureTables
  let settings: SettingTable
  let requests: RequestTable
  private let logRoom: LogRoom
  /// One for each entity of the model.
  let tables: [EntityTag: RecordTable]
  let balanceTables: [String: BalanceTable]
  /// The highest row given out to each entity without a table; looked up again after a transaction that was undone.
  var lastRows: [EntityTag: Int64] = [:]
  /// The same tables, for each record that is written.
  let tableByTag: TableMap
  private var savepointDepth = 0
  /// Called with how long the COMMIT of each transaction that wrote something took, in nanoseconds; on the thread that
  /// committed.
  package var onCommit: ((UInt64) -> Void)?

  package static func open(path: String, model: Model, mode: Mode) throws(StoreError) -> SQLiteBackend {
    let access: SQLiteConnection.Access
    switch mode {
    case .alone: access = .alone
    case .create: access = .create
    case .readWrite: access = .readWrite
    case .readOnly: access = .readOnly
    }
    if access != .alone { try FileSystem.checkLocal(path) }
    if access != .create, !FileSystem.exists(path) {
      throw StoreError(.notFound, "\(path): there is no database; create one, or check the path")
    }
    let lock: WriterLock?
    if access == .readOnly || access == .alone { lock = nil } else { lock = try WriterLock(database: path) }
    let connection = try SQLiteConnection(path: path, access: access, lock: lock)
    // Before anything is set: a file that is not ours stays as it is.
    if access == .create { try DatabaseFormat.checkEmpty(connection) } else { try DatabaseFormat.check(connection) }
    try connection.configure()
    let backend = try SQLiteBackend(connection, model)
    try backend.prepare(mode)
    try backend.limitCache()
    return backend
  }

  /// Opens a file for reading without a look at what is in it: it may be damaged, or of an older version.
  /// - Parameter isAlone: nobody else uses the file, wherever it lies.
  package static func openUnchecked(path: String, model: Model, isAlone: Bool) throws(StoreError) -> SQLiteBackend {
    guard FileSystem.exists(path) else { throw StoreError(.notFound, "\(path): there is no database; check the path") }
    let connection = try SQLiteConnection(path: path, access: isAlone ? .alone : .readOnly, lock: nil)
    try connection.configure()
    return try SQLiteBackend(connection, model)
  }

  private init(_ connection: SQLiteConnection, _ model: Model) throws(StoreError) {
    self.connection = connection
    self.model = model
    try ModelTables.check(model)
    replicas = ReplicaTable(connection)
    nodes = NodeTable(connection)
    hidden = HiddenTable(connection, replicas)
    log = LogTable(connection, replicas)
    peers = PeerTables(connection)
    dataVersion = SQLiteStatement(connection, "PRAGMA data_version")
    cases = CaseTable(connection)
    parked = ParkedTable(connection)
    judgements = JudgementTables(connection)
    purged = PurgedTables(connection, replicas)
    erased = ErasureTables(connection)
    settings = SettingTable(connection)
    requests = RequestTable(connection)
    logRoom = LogRoom(connection)
    let comparison = try NewerComparison(connection, replicas)
    var tables: [EntityTag: RecordTable] = [:]
    var balances: [String: BalanceTable] = [:]
    for entity in model.entities {
      tables[entity.tag] = RecordTable(entity, connection, replicas, comparison)
      for declaration in entity.balances {
        balances[declaration.name] = try BalanceTable(declaration, entity, connection)
      }
    }
    self.tables = tables
    tableByTag = TableMap(Array(tables.values))
    balanceTables = balances
  }

  private func prepare(_ mode: Mode) throws(StoreError) {
    try transaction { () throws(StoreError) in
      switch mode {
      case .create(let identity):
        try DatabaseFormat.create(connection)
        try DatabaseFormat.addLaterTables(connection)
        try noteOverwriting()
        try saveNode(NodeState(identity: identity))
        try upgradeTables()
      case .readWrite:
        try DatabaseFormat.addLaterTables(connection)
        try upgradeTables()
      case .readOnly, .alone: try checkTables()
      }
    }
  }

  /// A store's node has other programs beside it on a small machine: its writer keeps fewer pages than HQ's.
  private func limitCache() throws(StoreError) {
    guard !connection.isReadOnly, try !loadNode().identity.isHQ else { return }
    try connection.limitCache(toKibibytes: SQLiteLimits.storeCacheKibibytes)
  }

  /// Lets go of the pages kept in memory, between transactions.
  package func releaseMemory() {
    precondition(!connection.isInTransaction, "memory is given back between transactions")
    connection.releaseMemory()
  }

  /// Sees to it that the next small commits need not make the write-ahead log's file longer; between transactions, when
  /// nobody waits for the last one any more. It takes a few milliseconds now and then.
  package func makeRoomInLog() { logRoom.make() }

  // MARK: Transactions

  package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    precondition(!connection.isInTransaction, "transactions do not nest")
    let replicaCount = replicas.count
    let changesBefore = connection.totalChanges
    // A writer takes its lock at once: one that began by reading could fail to become one.
    try connection.execute(connection.isReadOnly ? "BEGIN" : "BEGIN IMMEDIATE")
    do throws(StoreError) {
      let result = try body()
      guard connection.isInTransaction else {
        throw StoreError(.io, "\(connection.path): the database undid the transaction; nothing was written")
      }
      try commit(changesBefore)
      return result
    } catch {
      // SQLite has undone it already after some errors, a full disk among them.
      if connection.isInTransaction { try? connection.execute("ROLLBACK") }
      forget(replicasFrom: replicaCount)
      throw error
    }
  }

  private func commit(_ changesBefore: Int64) throws(StoreError) {
    guard let onCommit, connection.totalChanges != changesBefore else { return try connection.execute("COMMIT") }
    let start = Self.monotonicNanoseconds()
    try connection.execute("COMMIT")
    onCommit(Self.monotonicNanoseconds() - start)
  }

  private static func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  package func savepoint<Result>(_ body: () throws(StoreError) -> Result?) throws(StoreError) -> Result? {
    precondition(connection.isInTransaction, "a savepoint lies in a transaction")
    savepointDepth += 1
    defer { savepointDepth -= 1 }
    let name = "s\(savepointDepth)"
    let replicaCount = replicas.count
    try connection.execute("SAVEPOINT \(name)")
    do throws(StoreError) {
      if let result = try body() {
        try connection.execute("RELEASE \(name)")
        return result
      }
    } catch {
      if connection.isInTransaction { try? connection.execute("ROLLBACK TO \(name); RELEASE \(name)") }
      forget(replicasFrom: replicaCount)
      throw error
    }
    try connection.execute("ROLLBACK TO \(name); RELEASE \(name)")
    forget(replicasFrom: replicaCount)
    return nil
  }

  /// What memory holds of a transaction that was undone.
  private func forget(replicasFrom count: Int) {
    replicas.truncate(to: count)
    lastRows = [:]
    hidden.forgetEmptiness()
    purged.forgetEmptiness()
    parked.forgetEmptiness()
    for table in tables.values { table.forget() }
  }
}

/// Tables in the places of their tags: they are asked for each record, without hashing.
struct TableMap {
  private var byTag: [RecordTable?] = []

  init(_ tables: [RecordTable]) {
    for table in tables {
      let place = Int(table.schema.tag.rawValue)
      if place >= byTag.count { byTag += Array(repeating: nil, count: place + 1 - byTag.count) }
      byTag[place] = table
    }
  }

  subscript(tag: EntityTag) -> RecordTable? {
    let place = Int(tag.rawValue)
    return place < byTag.count ? byTag[place] : nil
  }
}
