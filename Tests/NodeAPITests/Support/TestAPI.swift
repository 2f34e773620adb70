import Base
import Causality
import Dispatch
import Glibc
import JSON
import Merge
import NodeAPI
import NodeRuntime
import RecordStore
import SQLiteStore
import StoreModel
import Synchronization
import Testing
import Transport

/// A node's API without sockets: a request goes to the router, and the answer comes back.
final class TestAPI {
  struct Answer {
    var status: Int
    var headers: [HTTPRequest.Parameter]
    var bytes: [UInt8]

    var json: JSONValue { (try? JSONParser.parse(bytes[...])) ?? .null }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var code: String? { json["code"]?.text }
    /// The fields that a problem names.
    var fields: [String] {
      guard case .array(let errors)? = json["errors"] else { return [] }
      return errors.compactMap { $0["field"]?.text }
    }
    var items: [JSONValue] { if case .array(let items)? = json["items"] { items } else { [] } }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  }

  private let path: String
  private var gate: StoreGate?
  private var router: Router?
  private var keys = 0

  /// A store's node has number 1, and its own record has come.
  init(isHQ: Bool = false) throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-api-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    var generator = SeededGenerator(seed: 1)
    let directory = DataDirectory(path)
    if isHQ {
      try NodeCreation.makeHQ(
        in: directory, name: "HQ", advertised: [Endpoint(host: "127.0.0.1", port: 1)], model: .retail,
        using: &generator)
    } else {
      let membership = NodeSettings.Membership(
        endpoints: [Endpoint(host: "127.0.0.1", port: 1)], pin: [UInt8](repeating: 1, count: 32),
        credential: [UInt8](repeating: 2, count: 32))
      try NodeCreation.makeStore(
        in: directory, node: NodeNumber(1), membership: membership, model: .retail, using: &generator)
      try Self.whenFree { try Self.receiveOwnStore(directory) }
    }
    try start()
  }

  /// A process that another test starts has the lock's file open, too, for a moment between fork and exec.
  private static func whenFree<Value>(_ open: () throws -> Value) throws -> Value {
    for _ in 0..<1_000 {
      do {
        return try open()
      } catch let error as StoreError where error.code == .inUse {
        usleep(5_000)
      }
    }
    return try open()
  }

  private static func receiveOwnStore(_ directory: DataDirectory) throws {
    let backend = try SQLiteBackend.open(path: directory.databasePath, model: .retail, mode: .readWrite)
    let write = RecordWrite(
      Store(id: RecordID(number: 1), name: "First", code: "1", timeZone: "America/New_York", currency: "USD"))
    guard case .write(let fields) = write.action else { return }
    var state = RecordState(entity: write.entity, id: write.id)
    state.write(
      fields,
      stamp: Stamp(
        time: HybridTimestamp(wall: WallTime(milliseconds: 1)), replica: ReplicaID(node: .hq, incarnation: 1)))
    try backend.transaction { () throws(StoreError) in
      _ = try backend.insert(state.key, .held(state), sequence: 0)
    }
  }

  private func start() throws {
    let gate = try Self.whenFree {
      try StoreGate(path: DataDirectory(path).databasePath, model: .retail, clock: SystemWallClock())
    }
    gate.tokens.setLocal(
      APIToken(name: "till", role: .admin, madeAt: WallTime(milliseconds: 0), digest: APIToken.digest(of: "right")))
    let service = APIService(ControlService(node: TestNode(gate)))
    router = Router(
      service.routes, tokens: gate.tokens, failures: FailureLimiter(), log: { _ in }, observe: { _ in })
    self.gate = gate
  }

  var database: String { DataDirectory(path).databasePath }

  /// As after the daemon's end and new start.
  func restart() throws {
    weak let former = gate
    gate = nil
    router = nil
    // The writer's last turn holds it until it ends.
    while former != nil { sched_yield() }
    try start()
  }

  func call(
    _ method: String, _ path: String, _ query: KeyValuePairs<String, String> = [:], body: String? = nil,
    headers: KeyValuePairs<String, String> = [:]
  ) throws -> Answer {
    var fields = headers.map { HTTPRequest.Parameter($0.key.lowercased(), $0.value) }
    fields.append(.init("authorization", "Bearer right"))
    if body != nil { fields.append(.init("content-type", "application/json")) }
    let request = HTTPRequest(
      method: method, path: path, query: query.map { .init($0.key, $0.value) }, headers: fields,
      body: Array((body ?? "").utf8), peer: "192.0.2.1")
    let found = Mutex<HTTPResponse?>(nil)
    let done = DispatchSemaphore(value: 0)
    try #require(router).handle(request) { response in
      found.withLock { $0 = response }
      done.signal()
    }
    done.wait()
    let response = try #require(found.withLock { $0 })
    guard case .bytes(let bytes) = response.body else { throw StoreError(.internalError, "a stream") }
    return Answer(status: response.status, headers: response.headers, bytes: bytes)
  }

  /// With a new key, unless one is given.
  func post(_ path: String, _ body: String, key: String? = nil) throws -> Answer {
    keys += 1
    return try call("POST", path, body: body, headers: ["Idempotency-Key": key ?? "key \(keys)"])
  }

  deinit {
    router = nil
    gate = nil
    for name in ["storesync.db", "storesync.db-wal", "storesync.db-shm", "storesync.db.lock"] {
      unlink("\(path)/\(name)")
    }
    rmdir(path)
  }
}

/// A node that no daemon runs.
private final class TestNode: RunningNode {
  let gate: StoreGate
  let queue = DispatchQueue(label: "storesync.test")
  let log: LogSink = { _ in }

  init(_ gate: StoreGate) {
    self.gate = gate
  }

  func peerStatuses() -> [PeerStatus] { [] }
  func stop(_ completion: @escaping @Sendable () -> Void) { completion() }
}
