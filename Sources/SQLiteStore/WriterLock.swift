import CSQLite
import Glibc
import RecordStore

/// Holds a database for one writing process: an advisory lock on a file beside it, which names the process.
///
/// The lock belongs to the open file and goes with the process, however it ends. The file stays: removing it would let
/// two processes lock two files of one name.
final class WriterLock {
  private let descriptor: Int32

  init(database: String) throws(StoreError) {
    let path = database + ".lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.openError(path, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = Self.holder(descriptor)
      close(descriptor)
      guard code == EWOULDBLOCK else {
        throw StoreError(.io, "\(path): could not be locked: \(String(cString: strerror(code)))")
      }
      throw StoreError(
        .inUse, "\(database): process \(holder) has it open for writing; stop that process, or ask it instead")
    }
    let text = Array("\(getpid())\n".utf8)
    // Who holds the lock is only told to people: failing to write it down must not keep the node from starting.
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
    self.descriptor = descriptor
  }

  deinit {
    _ = ftruncate(descriptor, 0)
    close(descriptor)
  }

  private static func holder(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    let digits = bytes.prefix(max(count, 0)).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return digits.isEmpty ? "of unknown number" : String(decoding: digits, as: UTF8.self)
  }

  private static func openError(_ path: String, _ code: Int32) -> StoreError {
    let reason = String(cString: strerror(code))
    switch code {
    case ENOSPC, EDQUOT:
      return StoreError(.diskFull, "\(path): \(reason); make room on the disk and try again")
    default:
      return StoreError(
        .notWritable, "\(path): \(reason); check that the directory exists and that this user may write to it")
    }
  }
}

/// What the file system under a database must be.
enum FileSystem {
  /// `f_type` of those whose locks and shared memory do not hold between machines (linux/magic.h, statfs(2)).
  private static let networkTypes: [Int: String] = [
    0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x00C3_6400: "Ceph", 0x5346_414F: "AFS",
  ]

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func networkName(type: Int) -> String? { networkTypes[type & 0xFFFF_FFFF] }

  /// Refuses a network file system: write-ahead logging needs memory that all its users share, and locks that hold.
  static func checkLocal(_ path: String) throws(StoreError) {
    let directory = directory(of: path)
    let type = storesync_file_system_type(directory)
    guard type >= 0 else {
      throw StoreError(
        .notWritable, "\(directory): \(String(cString: strerror(errno))); make the directory, or choose another")
    }
    if let name = networkName(type: Int(type)) {
      throw StoreError(
        .notWritable, "\(directory): a network file system (\(name)), expected a local disk; choose another directory")
    }
  }
}
