import Base
import Causality
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import Testing
import Wire

/// The storage backends that must behave the same under `StoreEngine`. Every test of the suite runs on each.
enum BackendKind: String, CaseIterable, CustomTestStringConvertible {
  case memory, sqlite

  var testDescription: String { rawValue }
}

/// A directory of a test's own, gone with it.
private final class TestDirectory {
  let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(base)/storesync-store-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    for name in ["node.db", "node.db-wal", "node.db-shm", "node.db.lock"] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

/// A store on a backend of its own, with a wall clock that the test moves.
final class TestNode {
  let store: any RecordStore
  let backend: any StorageBackend
  private let directory: TestDirectory?
  var wall = WallTime(milliseconds: 1_700_000_000_000)

  var number: NodeNumber { store.identity.replica.node }
  var epoch: Epoch { store.identity.epoch }

  init(
    _ kind: BackendKind, _ node: UInt32, incarnation: UInt32 = 1, epoch: UInt64? = nil, model: Model = Shop.model,
    wrapping wrap: (any StorageBackend) -> any StorageBackend = { $0 }
  ) throws {
    let identity = NodeIdentity(
      replica: ReplicaID(node: NodeNumber(node), incarnation: incarnation),
      epoch: Epoch(rawValue: epoch ?? UInt64(node) + 1_000))
    switch kind {
    case .memory:
      directory = nil
      backend = wrap(MemoryBackend(model: model, identity: identity))
    case .sqlite:
      let directory = try TestDirectory()
      self.directory = directory
      backend = wrap(try SQLiteBackend.open(path: directory.path + "/node.db", model: model, mode: .create(identity)))
    }
    store = try Self.engine(backend)
  }

  private static func engine(_ backend: some StorageBackend) throws -> any RecordStore { try StoreEngine(backend) }

  // MARK: Local writes

  /// Commits one draft, a second after the one before.
  @discardableResult
  func commit(_ writes: RecordWrite...) throws -> CommitResult {
    wall = wall.advanced(byMilliseconds: 1_000)
    return try store.commit([CommitDraft(writes)], at: wall)[0]
  }

  /// Commits one draft that must be taken.
  @discardableResult
  func mustCommit(_ writes: RecordWrite..., sourceLocation: SourceLocation = #_sourceLocation) throws -> Stamp {
    wall = wall.advanced(byMilliseconds: 1_000)
    let result = try store.commit([CommitDraft(writes)], at: wall)[0]
    guard case .committed(let stamp) = result else {
      Issue.record("expected a commit, found \(result)", sourceLocation: sourceLocation)
      return Stamp(time: .zero, replica: store.identity.replica)
    }
    return stamp
  }

  // MARK: Reading

  func state(_ entity: EntityTag, _ id: String) throws -> RecordState? {
    try store.record(RecordKey(entity: entity, id: RecordID(key: id)))
  }

  func shown(_ entity: EntityTag, _ id: String, _ field: FieldTag) throws -> FieldContent? {
    let schema = try #require(store.model.entity(entity))
    let fieldSchema = try #require(schema.field(field))
    return try state(entity, id)?.shown(fieldSchema, schema)
  }

  func value(_ entity: EntityTag, _ id: String, _ field: FieldTag) throws -> Value? {
    guard case .value(let value) = try shown(entity, id, field) else { return nil }
    return value
  }

  func isDeleted(_ entity: EntityTag, _ id: String) throws -> Bool? {
    let schema = try #require(store.model.entity(entity))
    return try state(entity, id)?.isDeleted(schema.deletion)
  }

  func cases(includingClosed: Bool = false) throws -> [ConflictCase] {
    try store.conflictCases(includingClosed: includingClosed)
  }

  func balance(_ store: UInt32, _ account: String) throws -> Int64 {
    try self.store.balance("account_sum", keys: [.integer(Int64(store)), .text(account)])
  }

  func page(_ plan: RecordQueryPlan) throws -> RecordPage { try Self.engine(backend, plan) }

  private static func engine(_ backend: some StorageBackend, _ plan: RecordQueryPlan) throws -> RecordPage {
    try StoreEngine(backend).page(plan)
  }

  /// All that the store says of itself, in words that compare.
  func snapshot() throws -> [String] {
    var lines: [String] = []
    for entity in try store.heldEntities() {
      lines += try store.records(of: entity, after: nil, limit: 10_000).map { "\($0)" }
      lines.append("count \(entity) \(try store.count(of: entity))")
    }
    lines += try store.balances("account_sum").map { "\($0)" }
    lines += try cases(includingClosed: true).map { "\($0)" }
    lines += try store.parkedGroups().map { "\($0)" }
    lines.append("head \(try store.logHead())")
    return lines
  }
}

// MARK: - Writes

extension RecordWrite {
  static func price(_ id: String, _ amount: Int64) -> RecordWrite {
    RecordWrite(entity: Shop.price, id: RecordID(key: id), .write([FieldWrite(Price.amount, .set(.integer(amount)))]))
  }

  static func note(_ id: String, store: Int64? = nil, text: String? = nil, _ more: [FieldWrite] = []) -> RecordWrite {
    var writes: [FieldWrite] = []
    if let store { writes.append(FieldWrite(Note.store, .set(.integer(store)))) }
    if let text { writes.append(FieldWrite(Note.text, .set(.text(text)))) }
    return RecordWrite(entity: Shop.note, id: RecordID(key: id), .write(writes + more))
  }

  static func entry(_ id: String, store: Int64, _ account: String, _ amount: Int64, memo: String? = nil) -> RecordWrite
  {
    var writes = [
      FieldWrite(Entry.store, .set(.integer(store))), FieldWrite(Entry.account, .set(.text(account))),
      FieldWrite(Entry.amount, .set(.integer(amount))),
    ]
    if let memo { writes.append(FieldWrite(Entry.memo, .set(.text(memo)))) }
    return RecordWrite(entity: Shop.entry, id: RecordID(key: id), .write(writes))
  }

  static func photo(_ id: String, _ title: String, bytes: Int = 0) -> RecordWrite {
    var writes = [FieldWrite(Photo.title, .set(.text(title)))]
    var rest = bytes
    for part in Photo.parts where rest > 0 {
      let count = min(rest, ModelLimits.textBytes)
      writes.append(FieldWrite(part, .set(.text(String(repeating: "x", count: count)))))
      rest -= count
    }
    return RecordWrite(entity: Shop.photo, id: RecordID(key: id), .write(writes))
  }

  static func member(_ id: String, phone: String? = nil, first: String? = nil, last: String? = nil) -> RecordWrite {
    let values = [(Member.phone, phone), (Member.first, first), (Member.last, last)]
    return RecordWrite(
      entity: Shop.member, id: RecordID(key: id),
      .write(values.compactMap { tag, text in text.map { FieldWrite(tag, .set(.text($0))) } }))
  }

  static func secret(_ id: String, _ text: String) -> RecordWrite {
    RecordWrite(entity: Shop.secret, id: RecordID(key: id), .write([FieldWrite(FieldTag(1), .set(.text(text)))]))
  }

  static func delete(_ entity: EntityTag, _ id: String) -> RecordWrite {
    RecordWrite(entity: entity, id: RecordID(key: id), .delete)
  }
}

extension CommitResult {
  var refusal: ModelError.Code? { if case .refused(let error) = self { error.code } else { nil } }
  var stamp: Stamp? { if case .committed(let stamp) = self { stamp } else { nil } }
}

extension GroupResult {
  var code: String? {
    switch self {
    case .applied: nil
    case .parked(let code, _), .refused(let code, _): code
    }
  }
}
