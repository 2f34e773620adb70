import Synchronization

/// The look-ups of names that may be under way at once: each holds a thread that can't be cancelled.
final class LookupPlaces: Sendable {
  /// Those of the process.
  static let shared = LookupPlaces()

  private let taken = Atomic<Int>(0)

  /// Takes a place, if there is one.
  func enter() -> Bool {
    if taken.add(1, ordering: .relaxed).newValue <= Limits.lookups { return true }
    leave()
    return false
  }

  func leave() { taken.subtract(1, ordering: .relaxed) }
}
