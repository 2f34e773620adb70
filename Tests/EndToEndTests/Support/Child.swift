import Glibc
import Testing

/// How long a test waits for what must happen: generous, because a loaded machine is slow and a sanitizer slower, and
/// never reached in a test that passes.
let patienceMilliseconds: Int64 = 120_000

/// A moment on a clock that nobody sets.
func milliseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}

/// Asks `condition` again and again until it holds.
func eventually(
  _ what: @autoclosure () -> String, within limit: Int64 = patienceMilliseconds,
  sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) throws {
  let end = milliseconds() + limit
  while try !condition() {
    try #require(milliseconds() < end, "waited in vain: \(what())", sourceLocation: sourceLocation)
    usleep(10_000)
  }
}

/// A process of ours. It ends with this object, and with the test's process, however that ends.
///
/// Its standard output is read from a pipe; its standard error goes to a file, so that it never waits for a reader.
/// Used by one test, on one thread at a time (`@unchecked Sendable`).
final class Child: @unchecked Sendable {
  let pid: pid_t
  let program: String
  private let output: Int32
  private let errorPath: String
  private var unread: [UInt8] = []
  private var ended: Int32?
  /// Where a daemon serves HTTP, once it has said so.
  private(set) var httpPort: UInt16?
  private let guardian: Guardian?

  /// - Parameter environment: what the process has in its environment beside this one's.
  /// - Parameter isGuarded: whether a second process sees to it that this one does not outlive the test's; for what runs on.
  init(
    _ program: String, _ arguments: [String], input inputPath: String = "/dev/null", errors errorPath: String,
    environment: [String: String] = [:], isGuarded: Bool
  ) throws {
    self.program = program
    self.errorPath = errorPath
    let standardInput = open(inputPath, O_RDONLY | O_CLOEXEC)
    defer { close(standardInput) }
    let ends = try connectedPair()
    defer { close(ends.theirs) }
    output = ends.ours
    let errors = open(errorPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(errors) }
    pid = try Self.spawn(
      "\(try Binaries.directory())/\(program)", arguments, [standardInput, ends.theirs, errors], environment)
    guardian = isGuarded ? try Guardian(of: pid) : nil
  }

  deinit {
    if ended == nil { try? kill() }
    close(output)
  }

  /// The next line of standard output; nil at its end.
  func line(within limit: Int64 = patienceMilliseconds) throws -> String? {
    let end = milliseconds() + limit
    while true {
      if let newline = unread.firstIndex(of: UInt8(ascii: "\n")) {
        defer { unread.removeSubrange(...newline) }
        return String(decoding: unread[..<newline], as: UTF8.self)
      }
      guard try readMore(until: end) else {
        defer { unread = [] }
        return unread.isEmpty ? nil : String(decoding: unread, as: UTF8.self)
      }
    }
  }

  /// Reads lines up to the one that begins with `prefix`, and returns the rest of that.
  func line(after prefix: String) throws -> String {
    while let line = try line() {
      if line.hasPrefix("http http") { httpPort = line.split(separator: ":").last.flatMap { UInt16($0) } }
      if line.hasPrefix(prefix) { return String(line.dropFirst(prefix.count)) }
    }
    _ = try status()
    try #require(Bool(false), "\(program) ended before “\(prefix)”; it said: \(errors)")
    return ""
  }

  /// All that is left of standard output, to its end.
  func rest() throws -> String {
    let end = milliseconds() + patienceMilliseconds
    while try readMore(until: end) {}
    defer { unread = [] }
    return String(decoding: unread, as: UTF8.self)
  }

  /// What it has written to standard error so far.
  var errors: String { readFile(errorPath) }

  func send(signal: Int32) throws {
    guard ended == nil else { return }
    try #require(Glibc.kill(pid, signal) == 0)
  }

  func kill() throws {
    try send(signal: SIGKILL)
    _ = try status()
  }

  /// Waits for its end: the exit status, or 128 and the signal's number, as in a shell.
  func status() throws -> Int32 {
    if let ended { return ended }
    var state: Int32 = 0
    try eventually("\(program) to end; it said: \(errors)") { waitpid(pid, &state, WNOHANG) == pid }
    let signal = state & 0x7f
    let status = signal == 0 ? (state >> 8) & 0xff : 128 + signal
    ended = status
    guardian?.dismiss()
    return status
  }

  private func readMore(until end: Int64) throws -> Bool {
    var request = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    let ready = poll(&request, 1, Int32(clamping: max(0, end - milliseconds())))
    if ready < 0, errno == EINTR { return true }
    try #require(ready > 0, "\(program) was silent for too long; it said: \(errors)")
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(output, &chunk, chunk.count)
    if count > 0 { unread += chunk.prefix(count) }
    return count > 0 || (count < 0 && errno == EINTR)
  }

  /// - Parameter descriptors: what becomes standard input, output and error.
  fileprivate static func spawn(
    _ path: String, _ arguments: [String], _ descriptors: [Int32], _ environment: [String: String] = [:]
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    // The test runner may ignore or block signals; a program that was started by a shell does not.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var inherited: [UnsafeMutablePointer<CChar>?] = []
    while let entry = environ[inherited.count] { inherited.append(entry) }
    let added = environment.map { strdup("\($0.key)=\($0.value)") }
    defer { for entry in added { free(entry) } }
    var pid: pid_t = 0
    var entries = added + inherited + [nil]
    let code = posix_spawn(&pid, path, &actions, &attributes, &words, &entries)
    try #require(code == 0, "\(path) could not be started: \(String(cString: strerror(code)))")
    return pid
  }
}

/// A shell that kills a process once the test's own is gone, whatever ended it: it waits at a pipe that only the test's
/// process holds open.
private final class Guardian: @unchecked Sendable {
  private let pid: pid_t
  private var door: Int32

  init(of child: pid_t) throws {
    let ends = try connectedPair()
    defer { close(ends.theirs) }
    door = ends.ours
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(nowhere) }
    pid = try Child.spawn("/bin/sh", ["-c", "read word || kill -9 \(child)"], [ends.theirs, nowhere, nowhere])
  }

  /// The process has ended by itself, and its number may go to another.
  func dismiss() {
    guard door >= 0 else { return }
    _ = write(door, "\n", 1)
    close(door)
    door = -1
    var state: Int32 = 0
    waitpid(pid, &state, 0)
  }

  deinit { dismiss() }
}

/// Two ends of a pipe that no other child inherits. (A socket pair: `pipe2` is not in Swift's Glibc, and between `pipe` and
/// `fcntl` another test may start a process.)
private func connectedPair() throws -> (ours: Int32, theirs: Int32) {
  var ends: [Int32] = [-1, -1]
  let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
  let result = socketpair(AF_UNIX, kind, 0, &ends)
  try #require(result == 0)
  return (ends[0], ends[1])
}

/// Where the programs are.
enum Binaries {
  /// Beside the test's own executable: that is where the build puts both.
  static func directory() throws -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { readlink("/proc/self/exe", $0, text.count) } ?? -1
      }
    }
    try #require(count > 0)
    let path = String(decoding: buffer.prefix(count), as: UTF8.self)
    let slash = try #require(path.lastIndex(of: "/"))
    let directory = String(path[..<slash])
    for name in ["hq-node", "store-node", "syncctl"] {
      let found = access("\(directory)/\(name)", X_OK) == 0
      try #require(found, "\(name) is not in \(directory)")
    }
    return directory
  }
}
