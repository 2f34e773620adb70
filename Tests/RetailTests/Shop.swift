import Base
import Causality
import Glibc
import Merge
import NodeRuntime
import RecordStore
import Retail
import SQLiteStore
import StoreModel
import Testing

/// The backends on which a shop must be the same.
enum BackendKind: String, CaseIterable {
  case memory, sqlite
}

/// A shop's node without its daemon: receipts come in, and what it then holds can be asked.
final class Shop {
  static let number: UInt32 = 367
  static let schemas = Dictionary(uniqueKeysWithValues: Model.retail.entities.map { ($0.tag, $0) })

  private let engine: any RecordStore
  private let taking: ([TillReceipt]) throws -> [ReceiptOutcome]
  private let directory: String?

  init(_ kind: BackendKind = .memory) throws {
    let identity = NodeIdentity(
      replica: ReplicaID(node: NodeNumber(Self.number), incarnation: 1), epoch: Epoch(rawValue: 1))
    switch kind {
    case .memory:
      directory = nil
      (engine, taking) = try Self.open(MemoryBackend(model: .retail, identity: identity))
    case .sqlite:
      let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
      var template = Array("\(base)/storesync-shop-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      directory = path
      (engine, taking) = try Self.open(
        SQLiteBackend.open(path: path + "/node.db", model: .retail, mode: .create(identity)))
    }
  }

  deinit {
    guard let directory else { return }
    for name in ["node.db", "node.db-wal", "node.db-shm", "node.db.lock"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }

  private static func open<Backend>(
    _ backend: Backend
  ) throws -> (any RecordStore, ([TillReceipt]) throws -> [ReceiptOutcome]) where Backend: StorageBackend {
    let store = Store(
      id: RecordID(number: number), name: "Riverside", code: "367", timeZone: "America/New_York", currency: "USD",
      region: nil)
    try backend.transaction { () throws(StoreError) in
      // As it would have come from HQ.
      let write = RecordWrite(store)
      var state = RecordState(entity: write.entity, id: write.id)
      guard case .write(let fields) = write.action else { return }
      state.write(
        fields,
        stamp: Stamp(
          time: HybridTimestamp(wall: WallTime(milliseconds: 1), counter: 0),
          replica: ReplicaID(node: .hq, incarnation: 1)))
      _ = try backend.insert(state.key, .held(state), sequence: 0)
    }
    let engine = try StoreEngine(backend)
    var wall = WallTime(milliseconds: 1_500_000_000_000)
    return (
      engine,
      { receipts in
        wall = wall.advanced(byMilliseconds: 1_000)
        return try engine.commit(at: wall) { commit throws(StoreError) in
          try Till.take(receipts, engine, commit)
        }.get()
      }
    )
  }

  /// Several receipts in one request.
  func take(_ receipts: [TillReceipt]) throws -> [Outcome] { try taking(receipts).map(Outcome.init) }
  func take(_ receipts: TillReceipt...) throws -> [Outcome] { try take(receipts) }

  // MARK: What it holds

  func records<E: Entity>(_ entity: E.Type) throws -> [E] {
    let schema = EntitySchema(entity)
    return try engine.records(of: E.tag, after: nil, limit: 100_000).map { state in
      try E(
        id: state.id,
        reading: FieldSource(schema) { tag in schema.field(tag).map { state.shown($0, schema) } })
    }
  }

  func stock(_ product: String) throws -> Int64 {
    try engine.balance(
      "stock_on_hand", keys: [.integer(Int64(Self.number)), .text(StockMovement.shelf), .text(product)])
  }

  func points(_ member: String) throws -> Int64 { try engine.balance("points_balance", keys: [.text(member)]) }

  /// What the conflict cases are about, such as `immutable order`.
  func cases() throws -> [String] {
    try engine.conflictCases(includingClosed: false).map {
      "\($0.subject.kind.rawValue) \(Self.schemas[$0.subject.entity]?.name ?? "")"
    }
  }

  /// Everything, in words that compare.
  func snapshot() throws -> [String] {
    var lines = try cases()
    for entity in try engine.heldEntities() {
      let schema = try #require(Self.schemas[entity])
      lines += try engine.records(of: entity, after: nil, limit: 100_000).map { state in
        "\(schema.name) \(schema.identity.text(of: state.id)) "
          + schema.fields.map { "\(state.shown($0, schema))" }.joined(separator: "|")
      }
    }
    return lines + (try engine.balances("stock_on_hand") + engine.balances("points_balance")).map { "\($0)" }
  }
}

/// What became of a receipt, without its stamp.
enum Outcome: Hashable {
  case committed, unchanged
  case refused(RetailError.Code)
  case unfit(ModelError.Code)

  init(_ outcome: ReceiptOutcome) {
    self =
      switch outcome {
      case .planned(.committed): .committed
      case .planned(.unchanged): .unchanged
      case .planned(.refused(let error)): .unfit(error.code)
      case .refused(let error): .refused(error.code)
      }
  }
}

/// The seed of the property tests: `SEED` in the environment, otherwise a fixed one.
let seedOfThisRun: UInt64 = {
  let seed = getenv("SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_170_603
  print("RetailTests: SEED=\(seed)")
  return seed
}()

// MARK: - Receipts in short

/// Minutes after noon of a summer's day.
func time(_ minutes: Int) -> WallTime { WallTime(milliseconds: 1_496_505_600_000 + Int64(minutes) * 60_000) }

func line(_ product: String, _ quantity: Int64, _ cents: Int64) -> Sale.Line {
  Sale.Line(product: product, quantity: quantity, salesAmount: cents, retailDiscount: cents / 10)
}

func sale(_ receipt: String, _ minutes: Int, member: String? = nil, _ lines: Sale.Line...) -> TillReceipt {
  sale(receipt, minutes, member: member, lines)
}

func sale(_ receipt: String, _ minutes: Int, member: String? = nil, _ lines: [Sale.Line]) -> TillReceipt {
  .sale(
    Sale(
      receipt: receipt, soldAt: time(minutes), member: member, lines: lines,
      payments: [Sale.Payment(method: .cash, amount: lines.reduce(0) { $0 + $1.salesAmount })]))
}

func goods(
  _ receipt: String, _ minutes: Int, of original: String, at originalMinutes: Int? = nil, member: String? = nil,
  _ lines: Sale.Line...
) -> TillReceipt {
  goods(receipt, minutes, of: original, at: originalMinutes, member: member, lines)
}

func goods(
  _ receipt: String, _ minutes: Int, of original: String, at originalMinutes: Int? = nil, member: String? = nil,
  _ lines: [Sale.Line]
) -> TillReceipt {
  .return(
    Return(
      receipt: receipt, soldAt: time(minutes), original: original, originalSoldAt: originalMinutes.map(time),
      member: member, lines: lines,
      payments: [Sale.Payment(method: .cash, amount: lines.reduce(0) { $0 + $1.salesAmount })]))
}

func voiding(_ receipt: String, _ minutes: Int, of original: String) -> TillReceipt {
  .void(Voiding(receipt: receipt, soldAt: time(minutes), original: original))
}
