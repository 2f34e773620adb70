import CSQLite
import Glibc
import RecordStore

extension StoreError {
  /// What SQLite reported, in our words. The bound values are never part of it: they may be personal data.
  init(sqlite code: Int32, systemError: Int32, message: String, sql: String, path: String) {
    let primary = code & 0xFF
    let isFull = primary == SQLITE_FULL || systemError == ENOSPC || systemError == EDQUOT
    let storeCode: Code
    let advice: String
    switch primary {
    case _ where isFull && (primary == SQLITE_FULL || primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN):
      storeCode = .diskFull
      advice = "nothing was written; make room on the disk and try again"
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      storeCode = .corrupt
      advice = Self.damageAdvice
    case SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN, SQLITE_AUTH:
      storeCode = .notWritable
      advice = "check that the directory exists and that this user may write to it"
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL:
      storeCode = .inUse
      advice = "another program holds the database; close it and try again"
    case SQLITE_IOERR, SQLITE_NOMEM, SQLITE_NOLFS:
      storeCode = .io
      advice = "check the disk and the system's log"
    default:
      storeCode = .internalError
      advice = "this is a mistake of the program; report it"
    }
    let errno = systemError == 0 ? "" : ", errno \(systemError)"
    let statement = sql.isEmpty ? "" : " in “\(sql)”"
    self.init(storeCode, "\(path): SQLite error \(code)\(errno): \(message)\(statement); \(advice)")
  }

  /// Bytes or rows that this program can't have written.
  static func corrupt(_ path: String, _ found: String) -> StoreError {
    StoreError(
      .corrupt,
      "\(path): \(found); \(damageAdvice)")
  }

  /// What to do about a damaged database.
  package static let damageAdvice =
    "the database is damaged, and is left as it is. A store: `store-node recover --data DIR`. HQ: "
    + "`syncctl restore BACKUP --replace --data DIR`"
}
