import Glibc

/// The system calls on stream sockets. Every descriptor is non-blocking and closed on `exec`.
enum Socket {
  private static let streamType =
    Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

  static func make(family: Int32) throws(TransportError) -> Int32 {
    let descriptor = socket(family, streamType, 0)
    guard descriptor >= 0 else { throw systemError(errno, "making a socket") }
    // Told to the peer when a connection begins, and taken over by those that a listener accepts.
    if family != AF_UNIX { set(descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, Limits.segmentBytes) }
    return descriptor
  }

  /// The descriptor of the next waiting connection, or the error number. (Swift's Glibc lacks `accept4`; a node never forks, so
  /// nothing can inherit the descriptor in between.)
  static func accept(_ listener: Int32) -> Result<Int32, SystemError> {
    let descriptor = Glibc.accept(listener, nil, nil)
    guard descriptor >= 0 else { return .failure(SystemError(number: errno)) }
    guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      let number = errno
      _ = Glibc.close(descriptor)
      return .failure(SystemError(number: number))
    }
    return .success(descriptor)
  }

  /// The error number of a non-blocking connect: 0 when connected, `EINPROGRESS` when under way.
  static func connect(_ descriptor: Int32, to address: SocketAddress) -> Int32 {
    address.withPointer { Glibc.connect(descriptor, $0, $1) } == 0 ? 0 : errno
  }

  /// How a connect under way ended: an error number, 0 when connected.
  static func pendingError(_ descriptor: Int32) -> Int32 {
    var number: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) == 0 ? number : errno
  }

  /// Options of a connected TCP socket: frames leave at once, and a dead line is noticed within a minute.
  /// A kernel that lacks one still moves bytes, so failures are let pass.
  static func tuneTCP(_ descriptor: Int32) {
    let tcp = Int32(IPPROTO_TCP)
    set(descriptor, tcp, TCP_NODELAY, 1)
    set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
    set(descriptor, tcp, TCP_KEEPIDLE, Limits.keepAliveIdle)
    set(descriptor, tcp, TCP_KEEPINTVL, Limits.keepAliveInterval)
    set(descriptor, tcp, TCP_KEEPCNT, Limits.keepAliveProbes)
    set(descriptor, tcp, TCP_USER_TIMEOUT, Limits.unacknowledgedMilliseconds)
  }

  static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  static func localAddress(_ descriptor: Int32) -> SocketAddress? {
    SocketAddress { getsockname(descriptor, $0, $1) }
  }

  static func peerAddress(_ descriptor: Int32) -> SocketAddress? {
    SocketAddress { getpeername(descriptor, $0, $1) }
  }

  static func text(_ number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func systemError(_ number: Int32, _ doing: String) -> TransportError {
    switch number {
    case ECONNREFUSED:
      TransportError(
        .refused, "\(doing): connection refused; nobody listens there: is the node running, and the port right?")
    case ETIMEDOUT:
      TransportError(.timedOut, "\(doing): no answer; check the network between the two machines")
    case ECONNRESET, EPIPE, ECONNABORTED:
      TransportError(.closed, "\(doing): the other end broke the connection off (\(text(number)))")
    case EACCES, EPERM:
      TransportError(
        .notPermitted,
        "\(doing): \(text(number)); ports below 1024 need a privilege, and a firewall may forbid others: choose another port"
      )
    case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, EHOSTDOWN:
      TransportError(.connect, "\(doing): \(text(number)); check this machine's network")
    case EADDRINUSE:
      TransportError(
        .addressInUse, "\(doing): the address is in use by another process: stop it or choose another port")
    case EMFILE, ENFILE:
      TransportError(.io, "\(doing): \(text(number)); raise the limit on open files")
    default:
      TransportError(.io, "\(doing): \(text(number))")
    }
  }
}

/// An `errno` value.
struct SystemError: Error {
  var number: Int32
}

/// Makes a write to a closed connection an error instead of the process's end. A program calls it once, before it opens streams:
/// plain sockets ask for this with each write (`MSG_NOSIGNAL`), but OpenSSL writes to its descriptor without.
package func ignoreBrokenPipes() {
  _ = signal(SIGPIPE, SIG_IGN)
}
