import CSQLite
import Glibc
package import RecordStore

/// Holds a database for one writing process: an advisory lock on a file beside it, which names the process.
///
/// The lock belongs to the open file and goes with the process, however it ends. The file stays: removing it would let
/// two processes lock two files of one name.
package final class WriterLock {
  private let descriptor: Int32

  package init(database: String) throws(StoreError) {
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

extension SQLiteBackend {
  /// Why a database cannot lie at a path; nil if it can.
  package static func fileSystemProblem(_ path: String) -> String? {
    do throws(StoreError) {
      try FileSystem.checkLocal(path)
      return nil
    } catch {
      return error.message
    }
  }
}

/// What the file system under a database must be.
enum FileSystem {
  /// `f_type` of those whose locks and shared memory do not hold between machines (linux/magic.h, statfs(2)).
  private static let networkTypes: [Int: String] = [
    0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x00C3_6400: "Ceph", 0x5346_414F: "AFS",
    0x6B41_4653: "AFS", 0x0102_1997: "9p", 0x7375_7245: "Coda", 0x564C: "NCP", 0x0BD0_0BD0: "Lustre",
    0x4750_4653: "GPFS", 0x786F_4256: "a VirtualBox shared folder", 0xBACB_ACBC: "a VMware shared folder",
  ]

  /// FUSE carries local file systems and remote ones: which it is, the mount tells.
  static let fuseType = 0x6573_5546
  private static let remoteFUSE: Set<String> = [
    "sshfs", "rclone", "s3fs", "goofys", "gcsfuse", "blobfuse", "blobfuse2", "glusterfs", "ceph", "davfs", "davfs2",
    "curlftpfs", "cifs", "smbnetfs", "juicefs", "gvfsd-fuse", "vmhgfs-fuse", "nfs", "moosefs", "seaweedfs",
    "google-drive-ocamlfuse", "onedriver",
  ]

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func networkName(type: Int) -> String? { networkTypes[type & 0xFFFF_FFFF] }

  /// The remote file system behind a mount's type (`fuse.sshfs`, `virtiofs`), or nil.
  static func networkName(mountType: String) -> String? {
    guard mountType != "virtiofs" else { return mountType }
    guard mountType.hasPrefix("fuse.") else { return nil }
    let name = String(mountType.dropFirst(5))
    return remoteFUSE.contains(name) ? name : nil
  }

  /// The type of the mount with this device number, from the lines of `/proc/self/mountinfo` (proc(5)).
  static func mountType(device: String, in mountinfo: String) -> String? {
    for line in mountinfo.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 4, words[2] == device, let dash = words.firstIndex(of: "-"), dash + 1 < words.count else {
        continue
      }
      return String(words[dash + 1])
    }
    return nil
  }

  private static func mountType(of directory: String) -> String? {
    var status = stat()
    guard stat(directory, &status) == 0, let file = fopen("/proc/self/mountinfo", "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk.prefix(count) }
    // makedev(3), whose macros Swift doesn't see.
    let number = UInt64(status.st_dev)
    let device = "\((number >> 8) & 0xFFF | (number >> 32) & ~0xFFF):\(number & 0xFF | (number >> 12) & ~0xFF)"
    return mountType(device: device, in: String(decoding: bytes, as: UTF8.self))
  }

  /// Refuses a network file system: write-ahead logging needs memory that all its users share, and locks that hold.
  static func checkLocal(_ path: String) throws(StoreError) {
    let directory = directory(of: path)
    let type = storesync_file_system_type(directory)
    guard type >= 0 else {
      throw StoreError(
        .notWritable, "\(directory): \(String(cString: strerror(errno))); make the directory, or choose another")
    }
    let mount = Int(type) == fuseType ? mountType(of: directory) : nil
    if let name = networkName(type: Int(type)) ?? mount.flatMap(networkName(mountType:)) {
      throw StoreError(
        .notWritable,
        "\(directory): a network file system (\(name)), expected a local disk: others' locks do not hold there, and the "
          + "database would be damaged; choose a directory of a local disk"
      )
    }
  }
}
