import Base
import CSQLite
import Causality
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing

/// A directory of a test's own, gone with it.
final class Directory {
  let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-sqlite-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  var database: String { path + "/node.db" }

  func write(_ bytes: [UInt8], to name: String) throws {
    let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  /// Runs SQL on a connection of its own, like `sqlite3` would: the rows, their columns as text parted by “|”.
  @discardableResult
  func sql(_ text: String) throws -> [String] {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    try #require(sqlite3_open_v2(database, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
    sqlite3_busy_timeout(handle, 1000)
    sqlite3_exec(handle, "PRAGMA synchronous = OFF", nil, nil, nil)
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    let prepared = sqlite3_prepare_v2(handle, text, -1, &statement, nil)
    try #require(prepared == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    var rows: [String] = []
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return rows }
      try #require(code == SQLITE_ROW, "\(String(cString: sqlite3_errmsg(handle)))")
      let columns = (0..<sqlite3_column_count(statement)).map { column in
        sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
      }
      rows.append(columns.joined(separator: "|"))
    }
  }

  deinit {
    for name in ["node.db", "node.db-wal", "node.db-shm", "node.db.lock"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

let hq = ReplicaID(node: .hq, incarnation: 7)
let store = ReplicaID(node: NodeNumber(5), incarnation: 0xDEAD_BEEF)
let identity = NodeIdentity(replica: store, epoch: Epoch(rawValue: .max - 3))

func stamp(_ milliseconds: Int64, _ replica: ReplicaID = store) -> Stamp {
  Stamp(time: HybridTimestamp(wall: WallTime(milliseconds: 1_700_000_000_000 + milliseconds)), replica: replica)
}

func uuid(_ number: UInt64) -> RecordID {
  RecordID(milliseconds: 1_700_000_000_000 + Int64(number), random: (number, number))
}

func thing(_ number: UInt64, _ values: [Thing.Field: Value], at stamp: Stamp = stamp(1)) -> RecordState {
  var state = RecordState(entity: Thing.tag, id: uuid(number))
  let writes = values.map { FieldWrite(FieldTag($0.key.rawValue), .set($0.value)) }
  state.write(writes.sorted { $0.field < $1.field }, stamp: stamp)
  return state
}

func entry(_ key: String, _ product: String, _ place: Int64, _ amount: Int64) -> RecordState {
  var state = RecordState(entity: Entry.tag, id: RecordID(key: key))
  let values: [Value] = [.text(product), .integer(place), .integer(amount)]
  let writes = values.enumerated().map { FieldWrite(FieldTag(UInt16($0 + 1)), .set($1)) }
  state.write(writes, stamp: stamp(1))
  return state
}

extension SQLiteBackend {
  static func create(_ directory: Directory, _ model: Model = TestModel.full) throws -> SQLiteBackend {
    try open(path: directory.database, model: model, mode: .create(identity))
  }

  @discardableResult
  func insert(_ state: RecordState, sequence: Sequence64 = 1) throws(StoreError) -> RecordRef {
    try insert(state.key, .held(state), sequence: sequence)
  }

  /// One record in a transaction of its own.
  @discardableResult
  func commit(_ state: RecordState, sequence: Sequence64 = 1) throws(StoreError) -> RecordRef {
    try transaction { () throws(StoreError) in try insert(state, sequence: sequence) }
  }
}

/// The error that `body` throws.
func storeError(_ body: () throws -> Void) -> StoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoreError
  }
}

/// A new seed at each run, printed; `SEED` in the environment repeats one.
func seedOfThisRun() -> UInt64 {
  let given = getenv("SEED").flatMap { UInt64(String(cString: $0)) }
  let seed = given ?? UInt64.random(in: 0 ... .max)
  print("SEED \(seed)")
  return seed
}
