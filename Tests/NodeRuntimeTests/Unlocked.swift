import Glibc
import RecordStore

/// Opens a database that nobody should hold any more. Other tests start processes, which hold what this one has open for
/// the moment before they become another program.
func unlocked<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
  for _ in 0..<500 {
    do throws(StoreError) {
      return try body()
    } catch {
      guard error.code == .inUse else { throw error }
      usleep(10_000)
    }
  }
  return try body()
}
