import Dispatch
import RecordStore
import SQLiteStore
import StoreModel

/// A reader with a queue of its own, opened when somebody asks, and closed when nobody has for a while.
///
/// The queue guards the engine (`@unchecked Sendable`).
final class SpareReader: @unchecked Sendable {
  private let queue: DispatchQueue
  private let path: String
  private let model: Model
  private var engine: StoreGate.Engine?

  init(_ label: String, qos: DispatchQoS = .unspecified, path: String, model: Model) {
    queue = DispatchQueue(label: label, qos: qos)
    self.path = path
    self.model = model
  }

  /// Runs `body` after all that was asked for before.
  func run<Value: Sendable>(
    _ body: @escaping @Sendable (StoreGate.Engine) throws(StoreError) -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    queue.async {
      completion(capture { () throws(StoreError) in try body(try self.open()) })
    }
  }

  func close() {
    queue.async { self.engine = nil }
  }

  private func open() throws(StoreError) -> StoreGate.Engine {
    if let engine { return engine }
    let opened = try StoreGate.Engine(SQLiteBackend.open(path: path, model: model, mode: .readOnly))
    engine = opened
    return opened
  }
}
