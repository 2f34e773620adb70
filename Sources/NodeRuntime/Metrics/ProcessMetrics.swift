import Glibc
import Metrics

/// What Prometheus' client libraries tell of every process, under the same names, from `/proc/self` (proc(5)).
enum ProcessMetrics {
  static func families() -> [MetricFamily] {
    var all: [MetricFamily] = []
    func add(_ kind: MetricDefinition.Kind, _ name: String, _ help: String, _ value: Double?) {
      // What cannot be read is absent, and not zero.
      if let value { all.append(MetricFamily(MetricDefinition(kind, name, help), value)) }
    }
    let status = ProcessStatus()
    add(
      .counter, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", status?.cpuSeconds)
    add(.gauge, "process_resident_memory_bytes", "Resident memory size in bytes.", status?.residentBytes)
    add(.gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.", status?.virtualBytes)
    add(
      .gauge, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
      status?.startSeconds)
    add(.gauge, "process_open_fds", "Number of open file descriptors.", openDescriptors().map(Double.init))
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 {
      add(.gauge, "process_max_fds", "Maximum number of open file descriptors.", Double(limit.rlim_cur))
    }
    return all
  }

  /// Without the one that reading them takes.
  private static func openDescriptors() -> Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
    }
    return count - 1
  }
}

/// The line of `/proc/self/stat`.
private struct ProcessStatus {
  let cpuSeconds: Double
  let residentBytes: Double
  let virtualBytes: Double
  let startSeconds: Double?

  init?() {
    guard let line = SystemFile.text("/proc/self/stat"), let end = line.lastIndex(of: ")") else { return nil }
    // Behind the program's name, which may hold anything: the third field and those after it.
    let fields = line[line.index(after: end)...].split(separator: " ")
    func field(_ number: Int) -> Double? { fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    guard let user = field(14), let system = field(15), let started = field(22), let size = field(23),
      let pages = field(24), ticks > 0
    else { return nil }
    cpuSeconds = (user + system) / ticks
    residentBytes = pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    virtualBytes = size
    let boot = SystemFile.text("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
    startSeconds = boot.flatMap { Double($0.dropFirst(6)) }.map { $0 + started / ticks }
  }
}

/// Files that the system makes up as they are read.
enum SystemFile {
  /// Longer ones are cut off.
  private static let limit = 1 << 20

  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return String(decoding: Console.readToEnd(descriptor, limit: limit), as: UTF8.self)
  }
}
