import Base
import Glibc
import Metrics
import RecordStore
import SQLiteStore
import SyncSession
import Wire

/// The machine and the node's files, as far as they need not be named.
enum BundleSystem {
  static func versions(at now: WallTime) -> CBORValue {
    .object([
      "schema": .integer(1), "madeAt": .text(RFC3339.format(now)), "software": .text(SoftwareVersion.text),
      "protocolVersion": .unsigned(ProtocolVersion.newest), "databaseFormat": .integer(SQLiteLimits.formatVersion),
      "sqlite": .text(SQLiteBackend.libraryVersion),
    ])
  }

  static func system(_ directory: DataDirectory) -> CBORValue {
    var name = utsname()
    let isKnown = uname(&name) == 0
    let disk = DiskSpace(of: directory.path)
    return .object([
      "system": line("/etc/os-release", "PRETTY_NAME=").map { .text($0.filter { $0 != "\"" }) },
      "kernel": isKnown ? .text(text(&name.release)) : nil, "machine": isKnown ? .text(text(&name.machine)) : nil,
      "processors": .integer(Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
      "memory": line("/proc/meminfo", "MemTotal:").map(CBORValue.text),
      "memoryAvailable": line("/proc/meminfo", "MemAvailable:").map(CBORValue.text),
      "uptimeSeconds": SystemFile.text("/proc/uptime")?.split(separator: " ").first.map { .text(String($0)) },
      "load": SystemFile.text("/proc/loadavg").map { .text(String($0.prefix { $0 != "\n" })) },
      "clock": .object([
        "wall": .text(RFC3339.format(SystemWallClock().now)),
        "sinceBootMilliseconds": .integer(SystemMonotonicClock().now.milliseconds),
        "isSynchronized": .boolean(access("/run/systemd/timesync/synchronized", F_OK) == 0),
      ]),
      "disk": disk.map { .object(["freeBytes": .integer($0.freeBytes), "totalBytes": .integer($0.totalBytes)]) },
    ])
  }

  private static func text<Field>(_ field: inout Field) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// What stands behind `name` in a file of lines.
  private static func line(_ path: String, _ name: String) -> String? {
    let found = SystemFile.text(path)?.split(separator: "\n").first { $0.hasPrefix(name) }
    return found.map { String($0.dropFirst(name.count).drop { $0 == " " }) }
  }

  // MARK: Files

  /// Of ours by name, and all else by kind: a file that somebody has left here may be named after a person.
  static func files(_ directory: DataDirectory, _ pseudonyms: Pseudonyms) -> CBORValue {
    let names = DurableFile.names(in: directory.path).sorted()
    return .array(
      names.map { name in
        let status = status(of: directory.path + "/" + name)
        let kind = mode_t(status.st_mode) & S_IFMT
        return .object([
          "name": .text(isOurs(name) ? name : pseudonyms.name("file", Array(name.utf8))),
          "kind": .text(
            kind == S_IFDIR ? "directory" : kind == S_IFREG ? "file" : kind == S_IFSOCK ? "socket" : "other"),
          "mode": .text(String(mode_t(status.st_mode) & 0o7777, radix: 8)), "bytes": .integer(Int64(status.st_size)),
          "isOwn": .boolean(status.st_uid == geteuid()),
          "modifiedAt": .text(
            RFC3339.format(WallTime(milliseconds: Int64(status.st_mtim.tv_sec) * 1_000))),
        ])
      })
  }

  /// All zero for what has gone meanwhile.
  private static func status(of path: String) -> stat {
    var status = stat()
    return lstat(path, &status) == 0 ? status : stat()
  }

  private static func isOurs(_ name: String) -> Bool {
    let all = [
      "storesync.db", "storesync.db-wal", "storesync.db-shm", "storesync.db.lock", "control.sock", "instance",
      "running",
      "addresses", "token",
    ]
    if all.contains(name) { return true }
    let rest = name.hasPrefix("aside-") ? name.dropFirst(6) : name.hasPrefix("before-") ? name.dropFirst(7) : "?"
    return BundleWord.isWord(rest) && !rest.contains { $0.isLetter && !"TZdb".contains($0) }
  }
}
