import Glibc

/// Runs another program to its end.
enum Child {
  /// What it writes to its standard output.
  /// - Parameter statuses: the exit statuses that are no failure.
  static func output(of program: String, _ arguments: [String], allowing statuses: [Int32] = [0]) throws -> String {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw BenchError("no pipe: \(String(cString: strerror(errno)))") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    posix_spawn_file_actions_addclose(&actions, ends[1])
    var texts: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for text in texts { free(text) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &actions, nil, &texts, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard code == 0 else { throw BenchError("cannot run “\(program)”: \(String(cString: strerror(code)))") }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while case let count = read(ends[0], &buffer, buffer.count), count > 0 { output += buffer[..<count] }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    guard status & 0x7f == 0, statuses.contains(status >> 8) else {
      throw BenchError("“\(program)” ended with \(status)")
    }
    return String(decoding: output, as: UTF8.self)
  }
}
