import Base
import Dispatch
import NodeRuntime
import RecordStore
import Synchronization

/// Those who wait for changes at this moment: long polls and streams.
final class ChangeFollowers: Sendable {
  private struct Entries: Sendable {
    var streams = 0
    var waits: [UInt64: @Sendable () -> Void] = [:]
    var last: UInt64 = 0
    var isEnded = false
  }

  /// Where polls and streams take their steps.
  let queue = DispatchQueue(label: "storesync.changes")
  private let entries = Mutex(Entries())

  /// - Returns: false if there are as many streams as there may be.
  func beginStream() -> Bool {
    entries.withLock { entries in
      guard entries.streams < APILimits.changeStreams, !entries.isEnded else { return false }
      entries.streams += 1
      return true
    }
  }

  func endStream() { entries.withLock { $0.streams -= 1 } }

  /// Calls `cut` when the node stops.
  /// - Returns: what takes that back; nil if it stops already.
  func addWait(_ cut: @escaping @Sendable () -> Void) -> (@Sendable () -> Void)? {
    let number = entries.withLock { entries -> UInt64? in
      guard !entries.isEnded else { return nil }
      entries.last += 1
      entries.waits[entries.last] = cut
      return entries.last
    }
    guard let number else { return nil }
    return { self.entries.withLock { $0.waits[number] = nil } }
  }

  /// The node stops: nobody waits any longer.
  func end() {
    let waits = entries.withLock { entries in
      entries.isEnded = true
      defer { entries.waits = [:] }
      return entries.waits.values.map(\.self)
    }
    for cut in waits { cut() }
  }
}
