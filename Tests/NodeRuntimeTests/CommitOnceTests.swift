import Base
import Causality
import Dispatch
import Glibc
import RecordStore
import StoreModel
import Synchronization
import Testing
import Transport

@testable import NodeRuntime

/// Requests through the gate, as a till sends them: several at once, and again after a restart.
@Suite struct CommitOnceTests {
  private static func request(_ key: String, _ digest: UInt8 = 1) -> RequestIdentity {
    RequestIdentity(scope: "till", key: key, digest: [digest])
  }

  @Test func requestsAtOnceHaveOneEffect() throws {
    let shop = try OnceShop()
    let done = DispatchGroup()
    let outcomes = Mutex<[RequestOutcome]>([])
    for _ in 0..<40 {
      done.enter()
      shop.visit(Self.request("a")) { outcome in
        outcomes.withLock { $0.append(outcome) }
        done.leave()
      }
    }
    done.wait()
    let found = outcomes.withLock { $0 }
    #expect(Set(found).count == 2 && found.count == 40)
    #expect(found.count { if case .answered = $0 { true } else { false } } == 1)
    #expect(try shop.visits() == 1)
    #expect(shop.visitNow(Self.request("a", 2)) == .keyReused)
    #expect(try shop.visits() == 1)
  }

  @Test func theAnswerIsTheSameAfterARestart() throws {
    let shop = try OnceShop()
    guard case .answered(let answer) = shop.visitNow(Self.request("a")) else {
      Issue.record("expected an answer")
      return
    }
    try shop.reopen()
    #expect(shop.visitNow(Self.request("a")) == .repeated(answer))
    #expect(try shop.visits() == 1)
  }

  @Test func preconditionsHoldInTheTransaction() throws {
    let shop = try OnceShop()
    let write = RecordWrite(Member(id: RecordID(key: "n"), name: "Zoë"))
    func commit(_ precondition: Precondition) throws -> ConditionalResult {
      try shop.write { engine throws(StoreError) in
        try engine.commit(at: WallTime(milliseconds: 0)) { commit throws(StoreError) in
          try engine.commit(ConditionalDraft(CommitDraft([write]), preconditions: [0: precondition]), commit)
        }
      }
    }
    #expect(try commit(.exists) == .preconditionFailed(0))
    #expect(try commit(.versions([RecordVersion(text: "x")])) == .preconditionFailed(0))
    guard case .done(.committed(let stamp)) = try commit(.absent) else {
      Issue.record("expected a commit")
      return
    }
    let version = RecordVersion(VersionVector(stamp))
    #expect(version.text.count == 24 && version != RecordVersion(VersionVector()))
    #expect(try commit(.absent) == .preconditionFailed(0))
    #expect(try commit(.versions([RecordVersion(text: "x")])) == .preconditionFailed(0))
    #expect(try commit(.versions([RecordVersion(text: "x"), version])) == .done(.unchanged))
    #expect(try commit(.exists) == .done(.unchanged))
  }
}

/// A store's database in a directory of its own.
private final class OnceShop {
  private var gate: StoreGate?
  private let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-once-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    var generator = SeededGenerator(seed: 1)
    let membership = NodeSettings.Membership(
      endpoints: [Endpoint(host: "127.0.0.1", port: 1)], pin: [UInt8](repeating: 1, count: 32),
      credential: [UInt8](repeating: 2, count: 32))
    try NodeCreation.makeStore(
      in: DataDirectory(path), node: NodeNumber(1), membership: membership, model: .retail, using: &generator)
    try reopen()
  }

  func reopen() throws {
    weak let former = gate
    gate = nil
    // The writer's last turn holds it until it ends.
    while former != nil { sched_yield() }
    gate = try unlocked { () throws(StoreError) in
      try StoreGate(path: DataDirectory(path).databasePath, model: .retail, clock: SystemWallClock())
    }
  }

  /// Counts a visit of one member, which a second time would count again.
  func visit(_ request: RequestIdentity, _ completion: @escaping @Sendable (RequestOutcome) -> Void) {
    let write = RecordWrite(
      entity: Member.tag, id: RecordID(key: "m"), .write([FieldWrite(FieldTag(Member.Field.visits.rawValue), .add(1))]))
    gate?.commitOnce(request) { _, commit throws(StoreError) in
      let result = try commit(CommitDraft([write]))
      return (RequestAnswer(status: 200, body: Array("\(result)".utf8)), true)
    } completion: { result in
      do {
        completion(try result.get())
      } catch {
        Issue.record("\(error)")
        completion(.keyReused)
      }
    }
  }

  func visitNow(_ request: RequestIdentity) -> RequestOutcome? {
    let outcome = Mutex<RequestOutcome?>(nil)
    let done = DispatchSemaphore(value: 0)
    visit(request) { answer in
      outcome.withLock { $0 = answer }
      done.signal()
    }
    done.wait()
    return outcome.withLock { $0 }
  }

  func write<Value: Sendable>(
    _ body: @escaping @Sendable (StoreGate.Engine) throws(StoreError) -> Value
  ) throws -> Value {
    try #require(gate).writeNow(body)
  }

  func visits() throws -> Int64 {
    try write { engine throws(StoreError) in
      try engine.shown(Member.self, RecordID(key: "m"))?.visits ?? 0
    }
  }

  deinit {
    gate = nil
    for name in ["storesync.db", "storesync.db-wal", "storesync.db-shm", "storesync.db.lock"] {
      unlink("\(path)/\(name)")
    }
    rmdir(path)
  }
}
