import Synchronization

/// Those who want to know when a log has grown: links, the change feed, webhooks.
final class GrowthObservers: Sendable {
  private struct Entries: Sendable {
    var all: [(number: UInt64, observer: @Sendable () -> Void)] = []
    var last: UInt64 = 0
  }

  private let entries = Mutex(Entries())

  func add(_ observer: @escaping @Sendable () -> Void) -> GrowthObservation {
    let number = entries.withLock { entries in
      entries.last += 1
      entries.all.append((entries.last, observer))
      return entries.last
    }
    return GrowthObservation(observers: self, number: number)
  }

  fileprivate func remove(_ number: UInt64) {
    entries.withLock { $0.all.removeAll { $0.number == number } }
  }

  /// Calls them in the order in which they came.
  func tell() {
    for entry in entries.withLock({ $0.all }) { entry.observer() }
  }
}

/// Stands for one observer.
package struct GrowthObservation: Sendable {
  fileprivate let observers: GrowthObservers
  fileprivate let number: UInt64

  /// It is called no more, except where a call has begun.
  package func end() { observers.remove(number) }
}
