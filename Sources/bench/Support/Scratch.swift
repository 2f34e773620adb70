import Glibc

/// A folder that is gone at the end, on the disk that is measured.
final class Scratch {
  let path: String

  /// - Parameter parent: where it is made.
  init(in parent: String) throws {
    // mkdtemp(3) puts a name that is not taken in the place of the last six.
    let placeholder = String(repeating: "X", count: 6)
    var template = Array("\(parent)/storesync-bench-\(placeholder)".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw BenchError("cannot make a folder in “\(parent)”: \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { remove(path) }

  /// A name that is not taken.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  func removeAll() {
    remove(path)
    mkdir(path, 0o700)
  }

  private func remove(_ path: String) {
    var arguments: [UnsafeMutablePointer<CChar>?] = (["rm", "-rf", path] as [String]).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    guard posix_spawnp(&child, "rm", nil, nil, &arguments, environ) == 0 else { return }
    var status: Int32 = 0
    waitpid(child, &status, 0)
  }
}

/// Bytes of a file.
func fileBytes(_ path: String) -> Int {
  var information = stat()
  return stat(path, &information) == 0 ? Int(information.st_size) : 0
}
