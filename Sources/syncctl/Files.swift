import Glibc
import Interchange
import NodeRuntime

/// The bytes of a file, or of standard input for “-”.
final class FileSource {
  private static let chunkBytes = 64 << 10
  /// How long it waits for a pipe before it looks whether somebody has interrupted.
  private static let patienceMilliseconds: Int32 = 200
  private let descriptor: Int32
  /// Nil if it is not a regular file.
  let byteCount: Int?
  private var chunk = [UInt8](repeating: 0, count: FileSource.chunkBytes)

  init(_ path: String) throws(UsageError) {
    descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw UsageError("“\(path)” cannot be opened: \(systemError())")
    }
    var status = stat()
    fstat(descriptor, &status)
    byteCount = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    Interruption.watch()
  }

  deinit {
    if descriptor != STDIN_FILENO { close(descriptor) }
  }

  /// - Throws: `ImportInterruption` once somebody has interrupted.
  func next() throws -> [UInt8]? {
    while true {
      if Interruption.isRequested { throw ImportInterruption() }
      guard byteCount != nil || isReady() else { continue }
      let count = read(descriptor, &chunk, chunk.count)
      if count > 0 { return Array(chunk.prefix(count)) }
      if count == 0 { return nil }
      guard errno == EINTR else { throw UsageError(systemError()) }
    }
  }

  private func isReady() -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, Self.patienceMilliseconds) != 0
  }
}

/// A file that was not there before. What is written stands under another name until it is kept, so that nobody takes
/// half a file for a whole one.
final class NewFile {
  let path: String
  private(set) var byteCount = 0
  private let partialPath: String
  private var descriptor: Int32

  init(_ path: String) throws(UsageError) {
    self.path = path
    partialPath = path + ".partial"
    guard access(path, F_OK) != 0 else { throw Self.exists(path) }
    descriptor = open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw UsageError("“\(path)” cannot be made: \(systemError())") }
  }

  deinit { discard() }

  private static func exists(_ path: String) -> UsageError {
    UsageError("“\(path)” is there already, and is not overwritten; move it away, or give another name")
  }

  func write(_ bytes: [UInt8]) throws {
    try writeAll(bytes, to: descriptor, path)
    byteCount += bytes.count
  }

  /// Gives it its name.
  func keep() throws {
    guard fsync(descriptor) == 0, close(descriptor) == 0 else { throw FileError("“\(path)”: \(systemError())") }
    descriptor = -1
    // A link does not replace what has come to stand there meanwhile; some file systems have none.
    if link(partialPath, path) == 0 {
      unlink(partialPath)
    } else {
      guard errno != EEXIST else { throw Self.exists(path) }
      guard rename(partialPath, path) == 0 else { throw FileError("“\(path)”: \(systemError())") }
    }
  }

  func discard() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    unlink(partialPath)
  }
}

/// A file could not be written.
struct FileError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(FileError) {
  var offset = 0
  while offset < bytes.count {
    let count = bytes.withUnsafeBytes {
      Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
    }
    guard count > 0 || errno == EINTR else { throw FileError("“\(path)” cannot be written: \(systemError())") }
    offset += max(count, 0)
  }
}

func systemError() -> String { String(cString: strerror(errno)) }
