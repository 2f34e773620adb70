import Base
import Causality
import Dispatch
import Glibc
import RecordStore
import StoreModel
import SyncSession
import Synchronization
import Testing
import Transport

@testable import NodeRuntime

/// HQ and one store in this process, linked over the loopback interface, with their logs.
final class LinkedNodes {
  let path: String
  let hq: HQNode
  let store: StoreNode
  let log = EventLog()
  /// Where HQ listens, and the key that it shows.
  let address: Endpoint
  let pin: [UInt8]

  init(greetingLimit: Int = HQNode.greetingLimit) throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-nodes-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    var generator = SeededGenerator(seed: 1)
    let (atHQ, atStore) = (DataDirectory(path + "/hq"), DataDirectory(path + "/store"))
    try NodeCreation.makeHQ(
      in: atHQ, name: "HQ", advertised: [Endpoint(host: "127.0.0.1", port: 1)], model: .retail, using: &generator)
    let gate = try StoreGate(path: atHQ.databasePath, model: .retail, clock: SystemWallClock())
    let tls = try gate.writeNow { engine throws(StoreError) in try NodeSettings.hq(engine) }.tls
    let credential = [UInt8](repeating: 7, count: 32)
    try gate.writeNow { engine throws(StoreError) in
      var enrolment = Enrolment(changedAt: nil)
      enrolment.credentialDigest = Digest.sha256(credential)
      try NodeSettings.save(enrolment, of: NodeNumber(1), in: engine)
    }
    let hq = HQNode(
      gate: gate, queue: DispatchQueue(label: "test.hq"), greetingLimit: greetingLimit, log: log.sink("hq"))
    self.hq = hq
    let bound = try hq.queue.sync { try hq.start(at: Endpoint(host: "127.0.0.1", port: 0), tls: tls) }
    (address, pin) = (bound, tls.pin)
    let membership = NodeSettings.Membership(endpoints: [bound], pin: tls.pin, credential: credential)
    try NodeCreation.makeStore(
      in: atStore, node: NodeNumber(1), membership: membership, model: .retail, using: &generator)
    let storeGate = try StoreGate(path: atStore.databasePath, model: .retail, clock: SystemWallClock())
    let keys = try storeGate.writeNow { engine throws(StoreError) in try NodeSettings.storeKeys(engine) }
    let store = try StoreNode(
      gate: storeGate, membership: membership, keys: keys, queue: DispatchQueue(label: "test.store"),
      log: log.sink("store"))
    self.store = store
    store.queue.sync { store.start() }
  }

  deinit {
    for node in [hq, store] as [any RunningNode] {
      let stopped = DispatchSemaphore(value: 0)
      node.queue.sync { node.stop { stopped.signal() } }
      stopped.wait()
    }
    for directory in ["hq", "store"] {
      for name in ["storesync.db", "storesync.db-wal", "storesync.db-shm", "storesync.db.lock"] {
        unlink("\(path)/\(directory)/\(name)")
      }
      rmdir("\(path)/\(directory)")
    }
    rmdir(path)
  }
}

/// What both nodes have logged.
final class EventLog: Sendable {
  private struct Entry: Sendable {
    var node: String
    var event: LogEvent
  }

  private let entries = Mutex<[Entry]>([])

  func sink(_ node: String) -> LogSink {
    { event in self.entries.withLock { $0.append(Entry(node: node, event: event)) } }
  }

  func count(_ name: String, at node: String) -> Int {
    entries.withLock { entries in entries.count { $0.node == node && $0.event.name == name } }
  }

  func messages(_ name: String, at node: String) -> [String] {
    entries.withLock { entries in
      entries.filter { $0.node == node && $0.event.name == name }.map(\.event.message)
    }
  }
}

/// Asks again and again until it holds; generous, because a loaded machine is slow and a sanitizer slower.
func eventually(
  _ what: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) throws {
  for _ in 0..<24_000 {
    if try condition() { return }
    usleep(5_000)
  }
  try #require(Bool(false), "waited in vain: \(what())", sourceLocation: sourceLocation)
}
