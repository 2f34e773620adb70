import Base
import Causality
import Dispatch
import Merge
import NodeRuntime
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Wire

/// A node's database with all that a daemon has between it and the world, but for the network.
final class BenchNode: Sendable {
  let directory: String
  let gate: StoreGate
  let number: NodeNumber

  static let store = NodeNumber(JourneyLines.store)

  /// Makes a new node.
  init(_ number: NodeNumber, in directory: String) throws {
    self.number = number
    self.directory = directory
    try DataDirectory(directory).create()
    let path = DataDirectory(directory).databasePath
    let identity = NodeIdentity(
      replica: ReplicaID(node: number, incarnation: 0x5EED_0000 | number.rawValue),
      epoch: Epoch(rawValue: 0x0123_4567_89AB_0000 | UInt64(number.rawValue)))
    _ = try StoreEngine(SQLiteBackend.open(path: path, model: .retail, mode: .create(identity)))
    gate = try StoreGate(path: path, model: .retail, clock: SystemWallClock())
  }

  /// Opens the database of a node that was made before, and does not run.
  init(existingIn directory: String) throws {
    self.directory = directory
    gate = try StoreGate(path: DataDirectory(directory).databasePath, model: .retail, clock: SystemWallClock())
    number = gate.identity.replica.node
  }

  var databasePath: String { DataDirectory(directory).databasePath }

  /// Waits for what a till waits for: the commit is durable.
  @discardableResult
  func commit(_ drafts: [CommitDraft]) throws -> [CommitResult] {
    try waiting { gate.commit(drafts, completion: $0) }
  }

  /// One transaction, as long as it takes.
  func commitWhole(_ drafts: [CommitDraft]) throws {
    let clock = gate.clock
    let results = try gate.writeNow { engine throws(StoreError) in try engine.commit(drafts, at: clock.now) }
    for case .refused(let error) in results { throw BenchError("refused: \(error)") }
  }

  /// All that a peer is to have of a lane beyond `after`, as messages on the wire.
  func batches(for peer: NodeNumber, _ lane: Lane, after start: Sequence64 = 0) throws -> [Batch] {
    var batches: [Batch] = []
    var read = start
    while true {
      let request = OutgoingRequest(
        peer: peer, lane: lane, after: read, sent: LaneMap(repeating: read), budgetBytes: SessionLimits.batchBytes,
        chainBytes: SessionLimits.chainBytes, scanLimit: SessionLimits.scanEntries, readsColumns: true)
      let stretch = try waiting { completion in
        gate.load(
          lane, { engine throws(StoreError) in try SessionPerformer.load(request, from: engine, codec: ZstdCodec()) },
          completion: completion)
      }
      if let batch = stretch.batch { batches.append(batch) }
      read = stretch.through
      guard stretch.hasMore else { return batches }
    }
  }

  /// A batch, and whose it is.
  struct Delivery {
    var batch: Batch
    var peer: NodeNumber
    var epoch: Epoch
  }

  func apply(_ batches: [Batch], from peer: BenchNode) throws {
    try apply(batches.map { Delivery(batch: $0, peer: peer.number, epoch: peer.gate.identity.epoch) })
  }

  /// Gives batches to the node as a link does, and waits until the last is durable.
  func apply(_ deliveries: [Delivery]) throws {
    let done = DispatchGroup()
    let failures = Failures()
    for delivery in deliveries {
      done.enter()
      gate.apply(delivery.batch, peer: delivery.peer, epoch: delivery.epoch, codec: ZstdCodec()) { outcome in
        switch outcome {
        case .applied(let results):
          if let result = results.first(where: { $0 != .applied }) { failures.note("\(result)") }
        case .undecodable(let reason): failures.note(reason)
        case .failed(let error): failures.note("\(error)")
        }
        done.leave()
      }
    }
    done.wait()
    if let first = failures.first { throw BenchError("a batch was not applied: \(first)") }
  }

  /// Everything is in the database's file, and nothing beside it.
  func checkpoint() throws {
    try RawSQLite(path: databasePath, cacheKibibytes: 1_000).execute("PRAGMA wal_checkpoint(TRUNCATE)")
  }
}

/// Waits for an answer.
func waiting<Value: Sendable>(
  _ body: (@escaping @Sendable (Result<Value, StoreError>) -> Void) -> Void
) throws -> Value {
  let done = DispatchSemaphore(value: 0)
  let answer = Answer<Value>()
  body { result in
    answer.value = result
    done.signal()
  }
  done.wait()
  guard let result = answer.value else { throw BenchError("no answer") }
  return try result.get()
}

/// `@unchecked Sendable`: the semaphore orders the one write before the one read.
private final class Answer<Value>: @unchecked Sendable {
  var value: Result<Value, StoreError>?
}

/// `@unchecked Sendable`: what is noted comes from the node's writing queue alone, and is read after all of it.
private final class Failures: @unchecked Sendable {
  private(set) var first: String?

  func note(_ failure: String) { first = first ?? failure }
}
