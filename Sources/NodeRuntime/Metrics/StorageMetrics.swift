import Glibc
import Metrics
import RecordStore
import SQLiteStore

/// Of the database as a file, and of its disk.
enum StorageMetrics {
  static func disk(_ path: String, _ history: DiskHistory) -> [MetricFamily] {
    guard let space = DiskSpace(of: path) else { return [] }
    var all = [
      MetricFamily(
        MetricDefinition(
          .gauge, "storesync_disk_free_bytes", "Bytes that are free for this node on the disk of its database."),
        Double(space.freeBytes)),
      MetricFamily(
        MetricDefinition(.gauge, "storesync_disk_size_bytes", "Size of the disk that holds the database."),
        Double(space.totalBytes)),
    ]
    if let days = history.daysUntilFull(free: space.freeBytes) {
      all.append(
        MetricFamily(
          MetricDefinition(
            .gauge, "storesync_disk_full_seconds",
            "Seconds until the disk is full if it fills as in the last days, at the most two weeks. Absent while less than "
              + "a day is known, and if it does not fill."), days * 86_400))
    }
    return all
  }

  static func database(_ engine: StoreGate.Engine) throws(StoreError) -> [MetricFamily] {
    let pages = try engine.backend.pages()
    return [
      MetricFamily(
        MetricDefinition(
          .gauge, "storesync_database_bytes", "Size of the database, without what is in the write-ahead log alone."),
        Double(pages.count * pages.byteCount)),
      MetricFamily(
        MetricDefinition(
          .gauge, "storesync_database_free_bytes",
          "Of the database: pages without contents, which are used again before it grows."),
        Double(pages.free * pages.byteCount)),
      MetricFamily(
        MetricDefinition(.gauge, "storesync_wal_bytes", "Size of the write-ahead log's file."),
        Double(Backup.byteCount(of: engine.backend.path + "-wal"))),
    ]
  }
}
