import Glibc
import RecordStore
import SQLiteStore
import Simulation
import StoreModel

/// Databases in SQLite files, in a folder that goes with this object. One run's own: it is used from one thread.
///
/// A process that ends leaves its files as they are: what comes after it opens a copy of them, log and all, as they lay
/// there while the connection was open, so that SQLite recovers from its write-ahead log as after `kill -9`.
final class SQLiteDisks: DiskMaker {
  private let folder: String
  private var paths: [ObjectIdentifier: String] = [:]
  private var lastFile = 0

  init() throws(StoreError) {
    // mkdtemp writes over the last six.
    var template = Array("\(Self.parent)/simulate-\(String(repeating: "X", count: 6))".utf8CString)
    guard mkdtemp(&template) != nil else { throw Self.failure(Self.parent, "no folder can be made in it") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for number in stride(from: 1, through: lastFile, by: 1) { remove(path(number)) }
    rmdir(folder)
  }

  /// Memory, where there is such a file system: nothing is to outlast the run, and flushing costs nothing there.
  private static var parent: String {
    if let chosen = getenv("TMPDIR") { return String(cString: chosen) }
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
  }

  private func path(_ number: Int) -> String { "\(folder)/\(number).db" }

  private func newPath() -> String {
    lastFile += 1
    return path(lastFile)
  }

  private func open(_ path: String, _ model: Model, _ mode: SQLiteBackend.Mode) throws(StoreError) -> SQLiteBackend {
    let backend = try SQLiteBackend.open(path: path, model: model, mode: mode)
    paths[ObjectIdentifier(backend)] = path
    return backend
  }

  private func path(of disk: any StorageBackend) throws(StoreError) -> String {
    guard let path = paths[ObjectIdentifier(disk)] else {
      throw StoreError(.internalError, "a disk that is not one of these files")
    }
    return path
  }

  func make(_ model: Model, _ identity: NodeIdentity) throws(StoreError) -> any StorageBackend {
    try open(newPath(), model, .create(identity))
  }

  /// As a backup is made and put back.
  func copy(_ disk: any StorageBackend) throws(StoreError) -> any StorageBackend {
    let target = newPath()
    try DatabaseCopy.copy(from: try path(of: disk), to: target, settings: []) { _, _ in true }
    return try open(target, disk.model, .readWrite)
  }

  func reopen(_ disk: any StorageBackend, _ model: Model) throws(StoreError) -> any StorageBackend {
    let source = try path(of: disk)
    let target = newPath()
    for suffix in ["", "-wal"] where access(source + suffix, F_OK) == 0 {
      try Self.copyFile(source + suffix, target + suffix)
    }
    let next = try open(target, model, .readWrite)
    // The old process is gone, and its open files keep what they need of them.
    remove(source)
    return next
  }

  private func remove(_ path: String) {
    for suffix in ["", "-wal", "-shm", ".lock"] { unlink(path + suffix) }
  }

  private static func failure(_ path: String, _ what: String) -> StoreError {
    StoreError(.io, "\(path): \(what): \(String(cString: strerror(errno)))")
  }

  private static func copyFile(_ source: String, _ target: String) throws(StoreError) {
    let input = Glibc.open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw failure(source, "cannot be read") }
    defer { close(input) }
    let output = Glibc.open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard output >= 0 else { throw failure(target, "cannot be written") }
    defer { close(output) }
    var count = 0
    repeat {
      count = sendfile(output, input, nil, 1 << 30)
      guard count >= 0 else { throw failure(target, "cannot be written") }
    } while count > 0
  }
}
