import CSQLite
import RecordStore

/// Keeps the write-ahead log's file longer than what is in it, so that small commits overwrite and do not make it grow.
///
/// Where a file grows, its flush waits for the file system's journal as well, and takes twice as long. SQLite begins at
/// the file's start again after a checkpoint, so this is about the first 32 MB after each opening: a shop's morning.
/// Zeros behind the last commit are to whoever reads the log what an earlier round's frames are there: not of this round,
/// since their salt is another one (sqlite.org/fileformat2.html, “The Write-Ahead Log”).
final class LogRoom {
  private let connection: SQLiteConnection
  /// How long the file was at the last look.
  private var length: Int64 = 0
  private var isGivenUp = false

  init(_ connection: SQLiteConnection) {
    self.connection = connection
  }

  /// Makes room behind the log if the last commit had to make its file longer; nothing else needs any.
  func make() {
    guard !isGivenUp, !connection.isInTransaction, let file = LogFile(connection) else { return }
    let before = length
    length = file.byteCount
    guard length > before, length < SQLiteLimits.logRoomEnd else { return }
    do throws(StoreError) {
      // Under the writer's lock nobody else, `sqlite3` of a person included, writes to the log or cuts it short.
      try connection.execute("BEGIN IMMEDIATE")
      defer { try? connection.execute("ROLLBACK") }
      isGivenUp = !file.append(zeros: SQLiteLimits.logRoomBytes)
      length = file.byteCount
    } catch {
      // Somebody else writes: the next commit that grows makes room.
    }
  }
}

/// The write-ahead log as SQLite's own open file.
private struct LogFile {
  private let file: UnsafeMutablePointer<sqlite3_file>
  private let methods: sqlite3_io_methods

  init?(_ connection: SQLiteConnection) {
    var pointer: UnsafeMutablePointer<sqlite3_file>?
    let code = sqlite3_file_control(connection.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &pointer)
    guard code == SQLITE_OK, let pointer, let methods = pointer.pointee.pMethods else { return nil }
    file = pointer
    self.methods = methods.pointee
  }

  var byteCount: Int64 {
    var size: Int64 = 0
    return methods.xFileSize(file, &size) == SQLITE_OK ? size : 0
  }

  /// Writes zeros behind the end, and flushes them: not the next commit is to wait for that.
  /// - Returns: false if that failed. What was written of them does no harm.
  func append(zeros count: Int) -> Bool {
    var end = byteCount
    let zeros = [UInt8](repeating: 0, count: SQLiteLimits.logRoomWriteBytes)
    for _ in 0..<count / zeros.count {
      let code = zeros.withUnsafeBytes { methods.xWrite(file, $0.baseAddress, Int32($0.count), end) }
      guard code == SQLITE_OK else { return false }
      end += Int64(zeros.count)
    }
    return methods.xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) == SQLITE_OK
  }
}
