import Base
import Merge
import RecordStore
import SQLiteStore
import StoreModel

/// Sees to it that a node's own files have nothing of erased records any more.
enum ErasureCleaning {
  /// At HQ: takes away what lies beside records that are erased and not known to be clean.
  /// - Returns: whether all are clean now.
  static func clean(_ engine: StoreGate.Engine, at now: WallTime) throws(StoreError) -> Bool {
    let keys = try engine.erasures().filter { $0.isInForce && $0.cleanedAt == nil }.map(\.key)
    guard !keys.isEmpty else { return true }
    var clean: [RecordKey] = []
    for key in keys where try engine.wipe([key], at: now).isEmpty { clean.append(key) }
    guard try scrub(engine) else { return false }
    try engine.noteCleaned(clean, at: now)
    return clean.count == keys.count
  }

  /// - Returns: false while somebody reads, so that it has to be tried again.
  static func scrub(_ engine: StoreGate.Engine) throws(StoreError) -> Bool {
    do throws(StoreError) {
      try engine.backend.scrub()
      return true
    } catch {
      guard error.code == .inUse else { throw error }
      return false
    }
  }

  /// What else lies in a node's directory that may hold what was erased, for a person: databases of before, which are not looked
  /// into. The oldest first; nil if there is nothing.
  static func oldDatabases(in directory: DataDirectory) -> String? {
    let asides = DurableFile.names(in: directory.path).filter { $0.hasPrefix("aside-") }
    let backups = DurableFile.names(in: directory.backupsPath).map { "backups/" + $0 }
    let all = (asides + backups).map { name in
      (name: name, at: DurableFile.modifiedAt("\(directory.path)/\(name)").map { $0 / 1_000_000 })
    }.sorted { ($0.at ?? 0, $0.name) < ($1.at ?? 0, $1.name) }
    guard !all.isEmpty else { return nil }
    let named = all.prefix(namedDatabases).map { item in
      item.name + (item.at.map { " of \(RFC3339.format(WallTime(milliseconds: $0)).prefix(10))" } ?? "")
    }
    let more = all.count > namedDatabases ? " and \(all.count - namedDatabases) more" : ""
    return named.joined(separator: ", ") + more
  }

  /// They travel to HQ as one text; whoever has more knows by then.
  private static let namedDatabases = 8
}
