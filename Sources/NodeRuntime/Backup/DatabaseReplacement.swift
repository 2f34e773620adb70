import Base
import Glibc
import RecordStore
import SQLiteStore

/// Puts another database in the place of a node's, and keeps the old one in a folder of its own.
///
/// Holds the node's database for as long as it lives, so that no node starts meanwhile.
final class DatabaseReplacement {
  private static let suffixes = ["", "-wal", "-shm"]

  private let directory: DataDirectory
  private let lock: WriterLock
  /// Where the new database is made.
  let newPath: String

  init(_ directory: DataDirectory) throws(StoreError) {
    self.directory = directory
    try directory.create()
    lock = try WriterLock(database: directory.databasePath)
    newPath = directory.databasePath + ".new"
    discard()
  }

  /// Removes a new database that is not installed.
  func discard() {
    for suffix in Self.suffixes + ["-journal", ".lock"] { unlink(newPath + suffix) }
  }

  /// Puts the new database, which nobody has open, into its place.
  /// - Returns: the folder that holds the old one; nil if there was none.
  func install(at now: WallTime) throws(StoreError) -> String? {
    try DurableFile.flush(newPath)
    let aside = directory.hasDatabase ? try keepOld(at: now) : nil
    // Before the new one has its name: SQLite would take another database's log for its own.
    for suffix in ["-wal", "-shm", "-journal"] { unlink(directory.databasePath + suffix) }
    guard rename(newPath, directory.databasePath) == 0 else { throw DurableFile.problem(directory.databasePath) }
    unlink(newPath + ".lock")
    try DurableFile.flush(directory.path)
    return aside
  }

  /// The old files get second names in the folder: until the new database is in place, both names hold.
  private func keepOld(at now: WallTime) throws(StoreError) -> String {
    let digits = RFC3339.format(now).prefix { $0 != "." }.filter { $0.isNumber || $0 == "T" }
    var folder = "\(directory.path)/aside-\(digits)"
    var number = 1
    while mkdir(folder, 0o700) != 0 {
      guard errno == EEXIST, number < 1_000 else { throw DurableFile.problem(folder) }
      number += 1
      folder = "\(directory.path)/aside-\(digits)-\(number)"
    }
    let old = DataDirectory(folder)
    var pairs = ["-wal", ""].map { (directory.databasePath + $0, old.databasePath + $0) }
    pairs.append((directory.instancePath, old.instancePath))
    for (path, name) in pairs where DurableFile.exists(path) {
      // Where the file system has no links, the log goes first: without its database it does no harm.
      guard link(path, name) == 0 || rename(path, name) == 0 else { throw DurableFile.problem(name) }
    }
    try DurableFile.flush(folder)
    return folder
  }
}
