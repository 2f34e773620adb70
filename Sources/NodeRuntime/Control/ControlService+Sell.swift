import RecordStore
import Retail
import Wire

extension ControlService {
  /// Turns each receipt into one commit group. One that is there already adds nothing if it says the same, and otherwise
  /// becomes a conflict case.
  func sell(_ request: CBORValue, _ completion: @escaping @Sendable (Result<CBORValue, ControlError>) -> Void) {
    let items = request["sales"]?.arrayValue ?? []
    let receipts = items.compactMap(TillReceipt.init)
    guard receipts.count == items.count else {
      return completion(
        .failure(ControlError(.usage, "a receipt that cannot be read; do syncctl and node differ in version?")))
    }
    gate.commit(count: receipts.count, isDryRun: request["isDryRun"]?.booleanValue ?? false) {
      engine, commit throws(StoreError) in
      try Till.take(receipts, engine, commit)
    } completion: { result in
      switch result {
      case .failure(let error): completion(.failure(ControlError(error)))
      case .success(.failure(let error)): completion(.failure(error))
      case .success(.success(let outcomes)): completion(.success(.array(outcomes.map(\.controlValue))))
      }
    }
  }
}
