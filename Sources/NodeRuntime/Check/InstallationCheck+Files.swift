import Glibc
import Retail
import SQLiteStore

extension InstallationCheck {
  /// Offenders that are named; a folder that was copied by the wrong user has many.
  private static let namedFiles = 5
  private static let leastFreeBytes = 100 << 20
  private static let comfortableFreeBytes = 1 << 30

  /// Whose the files are, and that nobody else may read them.
  func rights() -> [Finding] {
    var folder = stat()
    guard stat(directory.path, &folder) == 0 else {
      return [
        Finding("directory", .failure, "“\(directory.path)”: \(systemError)", "make the node there, or look at --data")
      ]
    }
    let names = DurableFile.names(in: directory.path)
    guard access(directory.path, R_OK | X_OK) == 0 else {
      return [Finding("directory", .failure, "“\(directory.path)”: \(systemError)", "ask as root: sudo syncctl check")]
    }
    guard directory.hasDatabase else {
      let advice = "make the node: hq-node init, or store-node join, --data \(directory.path)"
      return [Finding("directory", .failure, "“\(directory.path)” holds no database", advice)]
    }
    let owner = Self.userName(folder.st_uid)
    var findings: [Finding] = []
    if daemon != nil, owner != Self.serviceUser {
      findings.append(
        Finding(
          "rights", .failure,
          "“\(directory.path)” is user \(owner)'s, expected \(Self.serviceUser)'s, as the service is",
          "chown -R \(Self.serviceUser): \(directory.path)"))
    }
    let open = [""] + names
    let exposed = open.filter { mode($0).map { $0 & 0o077 != 0 } ?? false }
    if !exposed.isEmpty {
      findings.append(
        Finding(
          "rights", .failure, "others may read or write \(listed(exposed)): customers' data, and keys",
          "chmod -R go= \(directory.path)"))
    }
    let foreign = names.filter { self.owner($0).map { $0 != folder.st_uid } ?? false }
    if !foreign.isEmpty {
      findings.append(
        Finding(
          "rights", .failure, "not user \(owner)'s, as the directory is: \(listed(foreign))",
          "chown -R \(owner): \(directory.path)"))
    }
    return findings.isEmpty
      ? [Finding("rights", .ok, "“\(directory.path)” and its \(names.count) entries are user \(owner)'s alone")]
      : findings
  }

  func fileSystem() -> Finding? {
    guard directory.hasDatabase else { return nil }
    if let problem = SQLiteBackend.fileSystemProblem(directory.databasePath) {
      return Finding("file-system", .failure, problem, "move the data to a local disk")
    }
    return Finding("file-system", .ok, "the data lies on a local disk")
  }

  func space() -> Finding? {
    guard let free = DurableFile.freeBytes(directory.path) else { return nil }
    let size = Backup.byteCount(of: directory.databasePath)
    let text = "\(free >> 20) MiB free, the database has \(size >> 20)"
    if free < Self.leastFreeBytes {
      return Finding("space", .failure, text, "make room: a full disk refuses sales")
    }
    if free < max(Self.comfortableFreeBytes, size) {
      return Finding(
        "space", .warning, text,
        "make room: an upgrade saves the database first; `syncctl purge` lets go of old sales at a store")
    }
    return Finding("space", .ok, text)
  }

  func timeZones() -> Finding {
    DurableFile.exists(BusinessCalendar.tzdata + "/Europe/Berlin")
      ? Finding("time-zones", .ok, "time zones are in \(BusinessCalendar.tzdata)")
      : Finding("time-zones", .failure, "found no time zones in \(BusinessCalendar.tzdata)", "apt install tzdata")
  }

  /// The certificate and the key that HTTP is to use.
  func httpFiles() -> [Finding] {
    ["http-cert", "http-key"].compactMap { name in settings[name].map { httpFile(name, $0) } }
  }

  private func httpFile(_ name: String, _ path: String) -> Finding {
    var status = stat()
    guard stat(path, &status) == 0 else {
      return Finding(
        "http", .failure, "\(name) “\(path)”: \(systemError)", "correct the settings, or put the file there")
    }
    var folder = stat()
    guard stat(directory.path, &folder) == 0 else {
      return Finding("http", .warning, "\(name) “\(path)”: whether the node may read it is unknown", "run as root")
    }
    let mode = status.st_mode
    let isReadable =
      folder.st_uid == 0
      || (status.st_uid == folder.st_uid
        ? mode & 0o400 != 0
        : status.st_gid == folder.st_gid ? mode & 0o040 != 0 : mode & 0o004 != 0)
    guard isReadable else {
      let owner = Self.userName(folder.st_uid)
      return Finding(
        "http", .failure, "\(name) “\(path)” cannot be read by user \(owner)",
        "chgrp \(owner) \(path) && chmod 640 \(path)")
    }
    if name == "http-key", mode & 0o007 != 0 {
      return Finding("http", .failure, "others may read the key “\(path)”", "chmod o= \(path)")
    }
    return Finding("http", .ok, "\(name) “\(path)” can be read")
  }

  // MARK: Files

  static let serviceUser = "storesync"

  var systemError: String { String(cString: strerror(errno)) }

  static func userName(_ user: uid_t) -> String {
    getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
  }

  private func entry(_ name: String) -> stat? {
    var status = stat()
    return lstat(name.isEmpty ? directory.path : "\(directory.path)/\(name)", &status) == 0 ? status : nil
  }

  private func mode(_ name: String) -> mode_t? {
    entry(name).flatMap { $0.st_mode & S_IFMT == S_IFLNK ? nil : $0.st_mode }
  }

  private func owner(_ name: String) -> uid_t? { entry(name)?.st_uid }

  private func listed(_ names: [String]) -> String {
    let shown = names.sorted().prefix(Self.namedFiles).map { $0.isEmpty ? "the directory" : $0 }
    return shown.joined(separator: ", ") + (names.count > shown.count ? " and \(names.count - shown.count) more" : "")
  }
}
