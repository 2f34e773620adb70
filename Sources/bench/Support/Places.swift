import Synchronization

/// Gives out numbers from 0 on to whoever asks next.
final class Places: Sendable {
  private let count: Int
  private let taken = Atomic<Int>(0)
  private let problem = Mutex<String?>(nil)

  init(count: Int) {
    self.count = count
  }

  func next() -> Int? {
    let place = taken.wrappingAdd(1, ordering: .relaxed).oldValue
    return place < count ? place : nil
  }

  var failure: String? { problem.withLock { $0 } }

  func noting(_ body: () throws -> Void) {
    do { try body() } catch { problem.withLock { $0 = $0 ?? "\(error)" } }
  }
}
