import Base
import Dispatch
import Glibc
import Metrics
import RecordStore
import SQLiteStore
import Synchronization

/// What is free on the disk that holds a file.
struct DiskSpace: Hashable, Sendable {
  var freeBytes: Int64
  var totalBytes: Int64

  /// Nil if the system does not tell.
  init?(of path: String) {
    var found = statvfs()
    guard statvfs(path, &found) == 0 else { return nil }
    // What an ordinary user may have: the rest is the system's reserve.
    freeBytes = Int64(
      clamping: UInt64(found.f_bavail).multipliedReportingOverflow(by: UInt64(found.f_frsize)).partialValue)
    totalBytes = Int64(
      clamping: UInt64(found.f_blocks).multipliedReportingOverflow(by: UInt64(found.f_frsize)).partialValue)
  }
}

/// Measures the disk now and then, and keeps what it found in the database, over restarts.
///
/// Confined to `queue`, but for `history`, which its lock guards (`@unchecked Sendable`).
final class DiskWatch: @unchecked Sendable {
  /// More often than is kept: the first measurement of an hour is.
  private static let lookSeconds = 600

  private let path: String
  private let gate: StoreGate
  private let timer: any DispatchSourceTimer
  private let history: Mutex<DiskHistory>

  init(_ directory: DataDirectory, gate: StoreGate, queue: DispatchQueue) {
    path = directory.databasePath
    self.gate = gate
    let kept = try? gate.writeNow { engine throws(StoreError) in try NodeSettings.diskHistory(engine) }
    history = Mutex(kept ?? DiskHistory())
    timer = DispatchSource.makeTimerSource(queue: queue)
    timer.schedule(deadline: .now(), repeating: .seconds(Self.lookSeconds), leeway: .seconds(30))
    timer.setEventHandler { [weak self] in self?.look() }
    timer.activate()
    gate.metrics.registry.gather { [weak self] in self?.families() ?? [] }
  }

  func stop() { timer.cancel() }

  private func look() {
    guard let space = DiskSpace(of: path) else { return }
    // The machine's own clock: a correction by HQ's is no time that has passed.
    let now = gate.clock.base.now
    let changed = history.withLock { history in
      history.note(free: space.freeBytes, of: space.totalBytes, at: now) ? history : nil
    }
    guard let changed else { return }
    gate.write { engine throws(StoreError) in
      try NodeSettings.save(changed, in: engine)
    } completion: { _ in
      // A full disk, perhaps: what it says is told by what comes next, and the next hour tries again.
    }
  }

  private func families() -> [MetricFamily] {
    StorageMetrics.disk(path, history.withLock { $0 })
  }
}

extension NodeSettings {
  private static let diskHistory = "disk-history"

  static func save(_ history: DiskHistory, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([(diskHistory, history.bytes)])
  }

  /// Empty if there is none, or one that cannot be read.
  static func diskHistory(_ engine: StoreGate.Engine) throws(StoreError) -> DiskHistory {
    try engine.backend.setting(diskHistory).flatMap(DiskHistory.init) ?? DiskHistory()
  }
}
