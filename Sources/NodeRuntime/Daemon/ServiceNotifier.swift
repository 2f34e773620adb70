import Glibc

/// Tells the service manager how the service is, as sd_notify(3) describes it: a datagram to the socket that the environment
/// names. It fails quietly: a node sells on whatever becomes of its messages.
package struct ServiceNotifier: Sendable {
  /// sun_path without the zero byte behind it.
  private static let maximumPath = 107
  /// A manager that does not read must not hold a node up.
  private static let sendSeconds = 1

  private let socketPath: [UInt8]
  /// How long the manager waits for a sign of life before it restarts the service; nil if it does not.
  package let watchdogMicroseconds: UInt64?

  /// - Parameters:
  ///   - socket: NOTIFY_SOCKET: a path, or a name in the abstract space behind an `@`.
  ///   - watchdog: WATCHDOG_USEC, and in `watchdogProcess` WATCHDOG_PID, whose watch it is if it is there.
  /// - Returns: nil without a manager, or if it listens in a way that this does not know.
  package init?(socket: String?, watchdog: String?, watchdogProcess: String?, process: Int32) {
    guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@"), socket.utf8.count > 1,
      socket.utf8.count <= Self.maximumPath
    else { return nil }
    var path = Array(socket.utf8)
    if socket.hasPrefix("@") { path[0] = 0 }
    socketPath = path
    let isOurs = watchdogProcess.map { Int32($0) == process } ?? true
    watchdogMicroseconds = isOurs ? watchdog.flatMap { UInt64($0) }.flatMap { $0 > 0 ? $0 : nil } : nil
  }

  /// The manager that has started this process, if one has.
  package static func ofProcess() -> ServiceNotifier? {
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    return ServiceNotifier(
      socket: value("NOTIFY_SOCKET"), watchdog: value("WATCHDOG_USEC"), watchdogProcess: value("WATCHDOG_PID"),
      process: getpid())
  }

  /// - Returns: whether the manager has it.
  @discardableResult
  package func send(_ message: Message) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var limit = timeval(tv_sec: Self.sendSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath) }
    // The length tells where a name in the abstract space ends.
    let length = socklen_t(MemoryLayout<sa_family_t>.size + socketPath.count)
    let bytes = Array(message.text.utf8)
    let sent = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
    return sent == bytes.count
  }

  /// What there is to tell.
  package enum Message: Hashable, Sendable {
    case ready(status: String)
    case status(String)
    /// A sign of life.
    case alive
    case stopping
    /// Starting takes so much longer than the manager would wait.
    case starting(seconds: Int, status: String)

    var text: String {
      switch self {
      case .ready(let status): "READY=1\nSTATUS=\(status.oneLine)"
      case .status(let status): "STATUS=\(status.oneLine)"
      case .alive: "WATCHDOG=1"
      case .stopping: "STOPPING=1\nSTATUS=stopping"
      case .starting(let seconds, let status): "EXTEND_TIMEOUT_USEC=\(seconds)000000\nSTATUS=\(status.oneLine)"
      }
    }
  }
}

extension String {
  /// A line's end would begin another assignment.
  fileprivate var oneLine: String { String(map { $0.isNewline ? " " : $0 }) }
}
