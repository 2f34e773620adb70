import CSQLite
import Glibc
package import RecordStore

/// Whether SQLite finds its file sound.
extension SQLiteBackend {
  /// Reads the whole file and compares tables with their indexes.
  /// - Parameter milliseconds: how long it may take; nil for as long as it needs.
  /// - Returns: whether it came to the end.
  /// - Throws: `corrupt` if something is wrong.
  @discardableResult
  package func checkFile(isQuick: Bool = false, within milliseconds: Int64? = nil) throws(StoreError) -> Bool {
    let name = isQuick ? "quick_check" : "integrity_check"
    let deadline = Deadline(milliseconds)
    if milliseconds != nil {
      sqlite3_progress_handler(
        connection.handle, SQLiteLimits.checkSteps,
        { pointer in
          guard let pointer else { return 0 }
          return Unmanaged<Deadline>.fromOpaque(pointer).takeUnretainedValue().isOver ? 1 : 0
        }, Unmanaged.passUnretained(deadline).toOpaque())
    }
    defer { sqlite3_progress_handler(connection.handle, 0, nil, nil) }
    var problems: [String] = []
    let check = SQLiteStatement(connection, "PRAGMA \(name)(\(SQLiteLimits.damageCount))")
    do throws(StoreError) {
      problems = try withExtendedLifetime(deadline) { () throws(StoreError) in
        try check.all { row throws(StoreError) in try row.text(0) }
      }
    } catch {
      // Only the deadline interrupts.
      guard deadline.isOver, error.code != .corrupt else { throw error }
      return false
    }
    guard problems == ["ok"] else {
      let found = problems.joined(separator: "; ").split(separator: "\n").joined(separator: "; ")
      throw .corrupt(connection.path, "\(name) found: \(found)")
    }
    return true
  }
}

private final class Deadline {
  private let end: Int64?

  init(_ milliseconds: Int64?) { end = milliseconds.map { Self.now + $0 } }

  var isOver: Bool { end.map { Self.now >= $0 } ?? false }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
