package import Base
package import Causality
import Glibc
package import RecordStore
import SQLiteStore
package import StoreModel

/// A copy of a node's database in one file, from which the node can be made again.
///
/// It holds all that a node needs, and so its secrets: HQ's key, or a store's credential.
package struct Backup: Hashable, Sendable {
  /// When the database was made a backup: whoever opens it for writing takes a new incarnation first.
  static let setting = "backup"

  package var node: NodeNumber
  package var madeAt: WallTime
  package var bytes: Int
  /// What was looked at. Nil if the database was made by an older version, whose tables this one cannot read as they are.
  package var audit: Audit?

  /// How far it is.
  package enum Stage: Hashable, Sendable {
    case copying(done: Int, total: Int)
    case checking(entries: Int)
  }

  /// Tells the stage; returns false to give up.
  package typealias Progress = (Stage) -> Bool

  /// Makes a backup of a node, running or not. The node works on meanwhile, and what it writes meanwhile is not in it.
  /// - Parameter file: nothing may be there.
  package static func make(
    of directory: DataDirectory, to file: String, model: Model, at now: WallTime, progress: Progress
  ) throws(StoreError) -> Backup {
    try directory.checkDatabase()
    guard !DurableFile.exists(file) else { throw occupied(file) }
    let partial = file + ".partial"
    let lock = try PartialFile(partial)
    defer { lock.discard() }
    let time = [UInt8](String(now.milliseconds).utf8)
    try DatabaseCopy.copy(from: directory.databasePath, to: partial, settings: [(setting, time)]) {
      progress(.copying(done: $0, total: $1))
    }
    let (node, audit) = try check(partial, model: model, progress)
    try DurableFile.flush(partial)
    guard try DurableFile.name(partial, file) else { throw occupied(file) }
    return Backup(node: node, madeAt: now, bytes: byteCount(of: file), audit: audit)
  }

  /// Checks a copy: as a file, as a node's database, and as a log with all its records.
  static func check(
    _ path: String, model: Model, _ progress: Progress
  ) throws(StoreError) -> (node: NodeNumber, audit: Audit?) {
    do throws(StoreError) {
      let engine = try StoreGate.Engine(SQLiteBackend.open(path: path, model: model, mode: .alone))
      guard progress(.checking(entries: 0)) else { throw interrupted }
      try engine.backend.checkFile()
      if engine.identity.isHQ {
        _ = try NodeSettings.hq(engine)
        _ = try NodeSettings.enrolments(engine)
      } else {
        _ = try NodeSettings.membership(engine)
      }
      return (engine.identity.replica.node, try engine.audit { progress(.checking(entries: $0)) })
    } catch {
      guard error.code == .notWritable else { throw error }
      return (try checkOlder(path), nil)
    }
  }

  /// A database whose tables an upgrade is to change first.
  private static func checkOlder(_ path: String) throws(StoreError) -> NodeNumber {
    let backend = try SQLiteBackend.openUnchecked(path: path, model: Model([]), isAlone: true)
    try backend.checkFile()
    return try backend.loadNode().identity.replica.node
  }

  static var interrupted: StoreError { StoreError(.interrupted, "interrupted; nothing was kept") }

  private static func occupied(_ file: String) -> StoreError {
    StoreError(.occupied, "“\(file)” is there already, and is not overwritten; move it away, or give another name")
  }

  static func byteCount(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// When the database that is open was made as a backup; nil if it is none.
  static func time(in engine: StoreGate.Engine) throws(StoreError) -> WallTime? {
    try engine.backend.setting(setting).map(time)
  }

  static func time(_ bytes: [UInt8]) -> WallTime {
    WallTime(milliseconds: Int64(String(decoding: bytes, as: UTF8.self)) ?? 0)
  }
}

/// A file that is being made under another name than it is to have: private, and by one program at a time.
final class PartialFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws(StoreError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DurableFile.problem(path) }
    // An earlier one that was cut off may lie there.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fchmod(descriptor, 0o600) == 0, ftruncate(descriptor, 0) == 0
    else {
      close(descriptor)
      throw StoreError(.inUse, "“\(path)” is being written by another program; wait for that")
    }
  }

  deinit { close(descriptor) }

  /// Removes what has not got its name.
  func discard() {
    for suffix in ["", "-journal", "-wal", "-shm"] { unlink(path + suffix) }
  }
}
