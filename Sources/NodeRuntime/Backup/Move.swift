package import Base
package import RecordStore
import SQLiteStore
package import StoreModel

/// Takes a node to another machine without a gap: the last thing that is written where it was is that it has gone, and what arrives
/// knows that nothing was written after it, so that it goes on as what it was.
package enum Move {
  static let setting = "moved-out"

  /// Closes a node that does not run, and puts it into a file, from which `restore` makes it again. It does not start any more
  /// where it was.
  /// - Parameter file: nothing may be there.
  package static func out(
    of directory: DataDirectory, to file: String, model: Model, at now: WallTime, log: LogSink,
    progress: Backup.Progress
  ) throws(StoreError) -> Backup {
    try directory.checkDatabase()
    guard !DurableFile.exists(file) else {
      throw StoreError(.occupied, "“\(file)” is there already, and is not overwritten; give another name")
    }
    // Once more, if a copy was cut off.
    if try !hasMoved(directory, model) {
      let gate = try StoreGate.open(directory, model: model, isStarting: false, log: log)
      try gate.writeNow { engine throws(StoreError) in
        try engine.backend.setSettings([(setting, [UInt8](String(now.milliseconds).utf8))])
      }
    }
    return try Backup.make(of: directory, to: file, model: model, at: now, progress: progress)
  }

  /// It has not gone after all. Only if what was made of the file has never run: else there are two.
  /// - Returns: false if it had not moved out.
  package static func back(_ directory: DataDirectory, model: Model) throws(StoreError) -> Bool {
    try directory.checkDatabase()
    guard try hasMoved(directory, model) else { return false }
    let backend = try SQLiteBackend.open(path: directory.databasePath, model: model, mode: .readWrite)
    try backend.setSettings([(setting, nil)])
    return true
  }

  private static func hasMoved(_ directory: DataDirectory, _ model: Model) throws(StoreError) -> Bool {
    let backend = try SQLiteBackend.openUnchecked(path: directory.databasePath, model: model, isAlone: false)
    return try backend.setting(setting) != nil
  }

  /// Whether the database that is open has just arrived from where it moved out.
  /// - Throws: `notWritable` if it has moved out from here.
  static func isArriving(_ engine: StoreGate.Engine, _ directory: DataDirectory) throws(StoreError) -> Bool {
    guard let bytes = try engine.backend.setting(setting) else { return false }
    guard try Backup.time(in: engine) == nil else { return true }
    throw StoreError(
      .notWritable,
      "this node moved out of “\(directory.path)” at \(RFC3339.format(Backup.time(bytes))), and must not run twice; if what was "
        + "made of its file has never run, `syncctl move back --data \(directory.path)` takes it back")
  }
}
