import Base
import Causality
import RecordStore
import StoreModel
import Synchronization
package import Wire

/// Answers what `syncctl` asks, in a running daemon or on a database that no daemon has open.
package final class ControlService: Sendable {
  /// The version of the answers' form; they only ever gain fields within one.
  static let schema: Int64 = 1

  package let node: any RunningNode
  package var gate: StoreGate { node.gate }
  /// Where a running node is reached, by what for: “http”.
  private let boundAddresses = Mutex([(name: String, address: String)]())

  package init(node: any RunningNode) {
    self.node = node
  }

  package var addresses: [(name: String, address: String)] {
    get { boundAddresses.withLock { $0 } }
    set { boundAddresses.withLock { $0 = newValue } }
  }

  /// Calls `completion` once, on any thread.
  package func handle(_ request: CBORValue, completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    guard let operation = request["operation"]?.textValue else {
      return completion(.failure(ControlError(.usage, "the request names no operation")))
    }
    switch operation {
    case "status": status(request, completion)
    case "metrics": metrics(request, completion)
    case "commit": commit(request, completion)
    case "sell": sell(request, completion)
    case "export": export(request, completion)
    case "places": places(completion)
    case "count": count(request, completion)
    case "conflicts": conflicts(request, completion)
    case "explain": explain(request, completion)
    case "conflict-settle": settle(request, completion)
    case "parked": parked(request, completion)
    case "parked-retry": retryParked(request, completion)
    case "parked-drop": dropParked(request, completion)
    case "parked-forget": forgetExceptions(request, completion)
    case "purge": purge(request, completion)
    case "verify": verify(request, completion)
    case "consumers": listConsumers(completion)
    case "consumer-forget": forgetConsumer(request, completion)
    case "key-status": keyStatus(completion)
    case "key-rotate": changeKeys(.rotate, request, completion)
    case "key-switch": changeKeys(.switch, request, completion)
    case "key-drop": changeKeys(.drop, request, completion)
    case "store-rotate": rotateStores(request, completion)
    case "pin-set": setPin(request, completion)
    case "erase": erase(request, completion)
    case "erasures": erasures(request, completion)
    case "erasure-lift": liftErasure(request, completion)
    case "erasure-vouch": vouchForErasure(request, completion)
    case "store-add": addStore(request, completion)
    case "store-list": listStores(completion)
    case "endpoints": endpoints(completion)
    case "endpoints-set": setEndpoints(request, completion)
    case "store-revoke": revokeStore(request, completion)
    case "store-retire": retireStore(request, completion)
    case "token-add": addToken(request, completion)
    case "token-list": listTokens(completion)
    case "token-revoke": revokeToken(request, completion)
    default:
      if handleWebhook(operation, request, completion) { return }
      completion(.failure(ControlError(.usage, "found the operation “\(operation)”, which this node does not know")))
    }
  }

  func read<Value: Sendable>(
    _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void,
    _ body: @escaping @Sendable (StoreGate.Engine) throws(StoreError) -> Value,
    then finish: @escaping @Sendable (Value) -> Result<CBORValue, ControlError>
  ) {
    gate.read(body) { result in
      switch result {
      case .success(let value): completion(finish(value))
      case .failure(let error): completion(.failure(ControlError(error)))
      }
    }
  }
}

extension ControlError {
  init(_ error: StoreError) {
    self.init(.storage, error.description)
  }
}

extension ControlService {
  private func commit(
    _ request: CBORValue, _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void
  ) {
    let items = request["drafts"]?.arrayValue ?? []
    let drafts = items.compactMap(CommitDraft.init)
    guard drafts.count == items.count else {
      return completion(
        .failure(ControlError(.usage, "a commit that cannot be read; do syncctl and node differ in version?")))
    }
    gate.commit(drafts, isDryRun: request["isDryRun"]?.booleanValue ?? false) { result in
      switch result {
      case .success(let results): completion(.success(.array(results.map(\.controlValue))))
      case .failure(let error): completion(.failure(ControlError(error)))
      }
    }
  }
}

extension CommitResult {
  var controlValue: CBORValue {
    switch self {
    case .committed(let stamp): .object(["outcome": .text("committed"), "stamp": .text(stamp.description)])
    case .unchanged: .object(["outcome": .text("unchanged")])
    case .refused(let error):
      .object(["outcome": .text("refused"), "code": .text(error.code.rawValue), "reason": .text(error.description)])
    }
  }
}
