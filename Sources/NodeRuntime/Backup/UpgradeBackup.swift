import Base
import Glibc
import RecordStore
import SQLiteStore
import StoreModel

/// The backup that a newer version of the program makes of a database before it opens it for the first time: what makes it
/// possible to go back to the version before.
struct UpgradeBackup {
  private static let prefix = "before-"
  private static let suffix = ".db"

  let directory: DataDirectory
  let log: LogSink

  /// Makes one if the database was last opened by an older version. A node that cannot, for lack of room most likely, starts
  /// all the same: a shop that does not sell is worse than an upgrade without a way back, and upgrades only add.
  /// - Parameter progress: hears what it is at, at least every few seconds, in words for people.
  /// - Throws: `newerFormat` if the database was last opened by a newer version.
  func makeIfNewer(at now: WallTime, progress: (String) -> Void) throws(StoreError) {
    let last: ProgramVersion?
    do throws(StoreError) {
      last = try LastProgram.version(of: directory.databasePath)
    } catch {
      // Whoever opens it tells what is wrong with it.
      return
    }
    try LastProgram.check(last, directory)
    guard last != .present else { return }
    do throws(StoreError) {
      let file = try make(at: now, progress)
      log(
        LogEvent(
          .info, "upgrade.saved",
          "version \(ProgramVersion.present) is new here\(last.map { ", after \($0)" } ?? ""); the database as it was is in "
            + file))
      removeOld()
    } catch {
      log(
        LogEvent(
          .warning, "upgrade.unsaved",
          "version \(ProgramVersion.present) is new here, and there is no backup of the database as it was, so no way back: "
            + error.message))
    }
  }

  private func make(at now: WallTime, _ progress: (String) -> Void) throws(StoreError) -> String {
    let folder = directory.backupsPath
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw DurableFile.problem(folder) }
    try checkRoom(folder)
    let partial = "\(folder)/new.partial"
    let lock = try PartialFile(partial)
    defer { lock.discard() }
    let time = [UInt8](String(now.milliseconds).utf8)
    try DatabaseCopy.copy(from: directory.databasePath, to: partial, settings: [(Backup.setting, time)]) {
      progress("saving the database before the upgrade: \($0 * 100 / max($1, 1)) %")
      return true
    }
    progress("checking the copy of the database")
    let copy = try SQLiteBackend.openUnchecked(path: partial, model: Model([]), isAlone: true)
    // As long as a start may reasonably take: the copy is of the file that the node goes on with anyway.
    try copy.checkFile(isQuick: true, within: StorageLimits.upgradeCheckMilliseconds)
    try DurableFile.flush(partial)
    // An upgrade that was begun before has its own: which of the two was made before anything changed, only a person can tell.
    for number in 1...StorageLimits.upgradeBackupNames {
      let name = "\(Self.prefix)\(ProgramVersion.present)\(number == 1 ? "" : "-\(number)")\(Self.suffix)"
      if try DurableFile.name(partial, "\(folder)/\(name)") { return "\(folder)/\(name)" }
    }
    throw StoreError(.occupied, "“\(folder)” holds \(StorageLimits.upgradeBackupNames) of this version; move some away")
  }

  private func checkRoom(_ folder: String) throws(StoreError) {
    let needed =
      Backup.byteCount(of: directory.databasePath) + Backup.byteCount(of: directory.databasePath + "-wal")
      + StorageLimits.upgradeMarginBytes
    guard let free = DurableFile.freeBytes(folder), free < needed else { return }
    throw StoreError(
      .diskFull,
      "found \(free >> 20) MiB free at “\(folder)”, expected \(needed >> 20): make room, stop the node, and copy its database "
        + "with `syncctl backup`, or go without")
  }

  private func removeOld() {
    let files = Self.files(in: directory)
    for file in files.dropLast(StorageLimits.upgradeBackups) { unlink(file) }
  }

  /// All of them, the one made last at the end.
  private static func files(in directory: DataDirectory) -> [String] {
    let names = DurableFile.names(in: directory.backupsPath).filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
    let made = names.map { name in
      let path = "\(directory.backupsPath)/\(name)"
      return (path: path, time: DurableFile.modifiedAt(path) ?? 0)
    }
    return made.sorted { ($0.time, $0.path) < ($1.time, $1.path) }.map(\.path)
  }

  /// The last one from before a version that is newer than `version`.
  static func newest(in directory: DataDirectory, beyond version: ProgramVersion) -> String? {
    files(in: directory).last { path in
      let name = path.split(separator: "/").last?.dropFirst(prefix.count) ?? ""
      return ProgramVersion(name.dropLast(suffix.count)).map { $0 > version } ?? false
    }
  }
}
