import Glibc
import Testing

/// A file system of a few megabytes of its own, where mounting is permitted: what a full disk and one that cannot be written
/// do is then the real thing.
final class TinyDisk {
  let path: String

  /// Whether this process may mount.
  static let isPermitted: Bool = {
    guard geteuid() == 0, let scratch = try? Scratch(), let disk = try? TinyDisk("\(scratch.path)/try") else {
      return false
    }
    return access(disk.path, W_OK) == 0
  }()

  init(_ path: String, megabytes: Int = 8) throws {
    self.path = path
    try #require(mkdir(path, 0o700) == 0)
    let result = mount("none", path, "tmpfs", 0, "size=\(megabytes)m,mode=700")
    try #require(result == 0, "\(String(cString: strerror(errno)))")
  }

  deinit {
    _ = umount2(path, Int32(2))  // MNT_DETACH
  }

  func makeReadOnly() throws {
    // MS_RDONLY | MS_REMOUNT
    let result = mount("none", path, "tmpfs", 33, "")
    try #require(result == 0, "\(String(cString: strerror(errno)))")
  }

  private var ballast: String { path + "/ballast" }

  /// Leaves no room.
  func fill() throws {
    let descriptor = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let block = [UInt8](repeating: 0, count: 64 << 10)
    for size in [block.count, 4096] { while write(descriptor, block, size) == size {} }
  }

  func makeRoom() throws {
    try #require(unlink(ballast) == 0)
  }
}
