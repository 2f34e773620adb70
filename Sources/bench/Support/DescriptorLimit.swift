import Glibc

/// How many files and connections this process may have open, and the programs that it starts.
enum DescriptorLimit {
  /// Beside the connections: the database, the programs' pipes, what the system libraries hold.
  private static let beside = 256

  /// Raises the limit for so many connections in one process, as far as the system lets it.
  static func raise(toConnections count: Int) throws {
    let needed = rlim_t(count + beside)
    let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else {
      throw BenchError("the limit on open files cannot be read: \(String(cString: strerror(errno)))")
    }
    guard limit.rlim_cur < needed else { return }
    guard limit.rlim_max >= needed else {
      throw BenchError(
        "found a limit of \(limit.rlim_max) open files, expected at least \(needed) for \(count) connections; raise it with "
          + "`ulimit -Hn \(needed)` as root, or LimitNOFILE= of the service that runs this")
    }
    limit.rlim_cur = needed
    guard setrlimit(resource, &limit) == 0 else {
      throw BenchError("the limit on open files cannot be raised: \(String(cString: strerror(errno)))")
    }
  }
}
