import Glibc

/// A program that runs beside this one. It ends with this object, and with this process, however that ends: a shell waits
/// at a pipe that only this process holds open, and kills it then.
final class Server {
  let pid: pid_t
  /// From its start until it said that it is ready.
  private(set) var startSeconds = 0.0
  private let output: Int32
  private var unread: [UInt8] = []
  private var guardian: pid_t = 0
  private let door: Int32
  private var hasEnded = false
  /// How long it may take to end in good order.
  private static let patienceSeconds = 30.0

  /// - Parameter errors: the file that takes its standard error.
  init(_ program: String, _ arguments: [String], errors: String) throws {
    let (ours, theirs) = try Self.pipeEnds()
    let log = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
    let (waiting, door) = try Self.pipeEnds()
    defer { for descriptor in [theirs, log, nothing, waiting] { close(descriptor) } }
    (output, self.door) = (ours, door)
    pid = try Self.spawn(program, arguments, [nothing, theirs, log])
    guardian = try Self.spawn("/bin/sh", ["-c", "read word || kill -9 \(pid)"], [waiting, nothing, nothing])
  }

  deinit {
    end(SIGKILL)
    close(output)
  }

  /// Waits until it is ready.
  /// - Returns: the lines before, such as “listening 127.0.0.1:7400”.
  func ready(since stopwatch: Stopwatch) throws -> [String] {
    var lines: [String] = []
    while true {
      while let newline = unread.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: unread[..<newline], as: UTF8.self)
        unread.removeSubrange(...newline)
        if line == "ready" {
          startSeconds = stopwatch.reading.seconds
          return lines
        }
        lines.append(line)
      }
      var request = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, 60_000) > 0 else { throw BenchError("a daemon was silent for a minute") }
      var chunk = [UInt8](repeating: 0, count: 4_096)
      let count = read(output, &chunk, chunk.count)
      guard count > 0 else { throw BenchError("a daemon ended before it was ready: \(lines)") }
      unread += chunk.prefix(count)
    }
  }

  /// Ends it as an administrator does.
  func stop() { end(SIGTERM) }

  private func end(_ signal: Int32) {
    guard !hasEnded else { return }
    hasEnded = true
    var status: Int32 = 0
    kill(pid, signal)
    let stopwatch = Stopwatch()
    while waitpid(pid, &status, WNOHANG) == 0 {
      if stopwatch.reading.seconds > Self.patienceSeconds { kill(pid, SIGKILL) }
      usleep(2_000)
    }
    // Its number may go to another now: the shell must not kill that one.
    _ = write(door, "\n", 1)
    close(door)
    if guardian > 0 { waitpid(guardian, &status, 0) }
  }

  /// A pipe that no program inherits that is started later.
  private static func pipeEnds() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw BenchError("no pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// - Parameter descriptors: what becomes standard input, output and error.
  private static func spawn(_ path: String, _ arguments: [String], _ descriptors: [Int32]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, path, &actions, nil, &words, environ)
    guard code == 0 else { throw BenchError("cannot run “\(path)”: \(String(cString: strerror(code)))") }
    return pid
  }
}

/// What the system counts of a process.
struct ProcessCounts {
  var residentBytes: Double
  var highestResidentBytes: Double
  /// Of each thread; those that have ended are gone.
  var contextSwitches: [String: Double] = [:]
  var processorSeconds: Double

  init(of server: Server) throws {
    let own = Self.numbers("/proc/\(server.pid)/status")
    residentBytes = (own["VmRSS"] ?? 0) * 1_024
    highestResidentBytes = (own["VmHWM"] ?? 0) * 1_024
    for task in Self.names(in: "/proc/\(server.pid)/task") {
      let numbers = Self.numbers("/proc/\(server.pid)/task/\(task)/status")
      contextSwitches[task] = (numbers["voluntary_ctxt_switches"] ?? 0) + (numbers["nonvoluntary_ctxt_switches"] ?? 0)
    }
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(server.pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
      throw BenchError("a daemon is gone")
    }
    processorSeconds = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Context switches since `before`, of all threads that one of `later` has seen.
  static func contextSwitches(since before: ProcessCounts, seenIn later: [ProcessCounts]) -> Double {
    var last: [String: Double] = [:]
    for counts in later { last.merge(counts.contextSwitches) { max($0, $1) } }
    return last.reduce(0) { $0 + $1.value - (before.contextSwitches[$1.key] ?? 0) }
  }

  /// The lines of a file that are a name, a colon and a number.
  private static func numbers(_ path: String) -> [String: Double] {
    guard let file = fopen(path, "r") else { return [:] }
    defer { fclose(file) }
    var numbers: [String: Double] = [:]
    var line = [CChar](repeating: 0, count: 1_024)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let parts = String(decoding: text, as: UTF8.self).split { " :\t\n".contains($0) }
      if parts.count >= 2, let number = Double(parts[1]) { numbers[String(parts[0])] = number }
    }
    return numbers
  }

  private static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if Int(name) != nil { names.append(name) }
    }
    return names
  }
}
