import Base
import Glibc
import RecordStore
import SQLiteStore

/// Tells after the fact whether the machine went down under a node: a file in its directory, with the number of the machine's
/// start in it, that is there while the node runs and taken away when it ends.
///
/// A process that is killed leaves the database's file whole, because the system has what it wrote. When the machine itself
/// went down, a disk that does not keep its word may have damaged it: then, and only then, the file is looked through.
struct RunMark {
  private static let bootFile = "/proc/sys/kernel/random/boot_id"
  /// A look through a file of about a gigabyte; a larger one is looked through in part.
  private static let checkMilliseconds: Int64 = 10_000

  private let path: String

  init(_ directory: DataDirectory) { path = directory.runningPath }

  /// - Throws: `corrupt` if the last run ended with the machine, and the file has come to harm.
  func checkAfterPowerCut(_ gate: StoreGate, log: LogSink) throws(StoreError) {
    guard let last = Self.contents(of: path), last != Self.contents(of: Self.bootFile) else { return }
    let isWhole = try gate.writeNow { engine throws(StoreError) in
      try engine.backend.checkFile(isQuick: true, within: Self.checkMilliseconds)
    }
    log(
      LogEvent(
        .info, "database.checked",
        isWhole
          ? "the machine went down while this node ran; the database is whole"
          : "the machine went down while this node ran; the database was looked through for "
            + "\(Self.checkMilliseconds / 1_000) s, and is whole as far as that went"))
  }

  func noteStart() {
    guard let boot = Self.contents(of: Self.bootFile) else { return }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    // Without it one look is left out: no reason to keep a node from starting.
    _ = write(descriptor, boot, boot.count)
    fsync(descriptor)
    close(descriptor)
  }

  func noteEnd() { unlink(path) }

  private static func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &buffer, buffer.count)
    return count >= 0 ? Array(buffer.prefix(count)) : nil
  }
}
