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

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
