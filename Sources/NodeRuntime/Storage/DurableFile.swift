import Glibc
import RecordStore

/// Files that are to outlast a power cut.
enum DurableFile {
  static func problem(_ path: String) -> StoreError {
    let code = errno
    return StoreError(
      code == ENOSPC || code == EDQUOT ? .diskFull : .notWritable, "“\(path)”: \(String(cString: strerror(code)))")
  }

  /// Flushes a file's contents, or the names in a directory.
  static func flush(_ path: String) throws(StoreError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw problem(path) }
    defer { close(descriptor) }
    // Some file systems cannot flush a directory, and need not.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw problem(path) }
  }

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Gives a file a name that nothing has.
  /// - Returns: false if something has it.
  static func name(_ path: String, _ name: String) throws(StoreError) -> Bool {
    if link(path, name) == 0 {
      unlink(path)
    } else {
      if errno == EEXIST { return false }
      // Some file systems have no links: what came to stand there just now is then replaced.
      guard access(name, F_OK) != 0 else { return false }
      guard rename(path, name) == 0 else { throw problem(name) }
    }
    try flush(directory(of: name))
    return true
  }

  /// The names in a directory, without those of itself and the one above; none if it cannot be read.
  static func names(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// When it was last written, in nanoseconds since 1970; nil if it is not there.
  static func modifiedAt(_ path: String) -> Int64? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// What an ordinary user may still write to the file system under a path; nil if it does not tell.
  static func freeBytes(_ path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0, status.f_frsize > 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
