import Glibc

/// A socket that listens.
struct BoundSocket {
  let descriptor: Int32
  let address: Address
  let file: SocketFile?

  init(_ wanted: Address) throws(TransportError) {
    switch wanted {
    case .tcp(let endpoint):
      descriptor = try Self.listen(at: endpoint)
      file = nil
      guard let bound = Socket.localAddress(descriptor)?.endpoint else {
        _ = Glibc.close(descriptor)
        throw TransportError(.io, "listening at \(endpoint): the kernel doesn't tell the bound address")
      }
      address = .tcp(bound)
    case .unix(let path):
      descriptor = try Self.listen(atPath: path)
      file = SocketFile(path: path)
      address = wanted
    }
  }

  private static func listen(at endpoint: Endpoint) throws(TransportError) -> Int32 {
    var last = TransportError(.resolve, "found no address for \(endpoint.host)")
    for address in try Resolver.lookUp(endpoint, flags: AI_PASSIVE).get() {
      let descriptor = try Socket.make(family: address.family)
      // A node that restarts must not wait for its old connections' TIME-WAIT to pass.
      Socket.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
      // `[::]` serves IPv4 as well, whatever the machine's default.
      if address.family == AF_INET6 { Socket.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
      var number = address.withPointer { bind(descriptor, $0, $1) } == 0 ? 0 : errno
      if number == 0 { number = Glibc.listen(descriptor, Int32(Limits.backlog)) == 0 ? 0 : errno }
      if number == 0 { return descriptor }
      _ = Glibc.close(descriptor)
      last =
        number == EADDRNOTAVAIL
        ? TransportError(
          .invalidAddress,
          "listening at \(endpoint): this machine has no such address; choose one of its own, or [::]:\(endpoint.port) for all"
        )
        : Socket.systemError(number, "listening at \(endpoint)")
    }
    throw last
  }

  private static func listen(atPath path: String) throws(TransportError) -> Int32 {
    let address = try SocketAddress(unixPath: path)
    let descriptor = try Socket.make(family: AF_UNIX)
    var number = address.withPointer { bind(descriptor, $0, $1) } == 0 ? 0 : errno
    if number == EADDRINUSE, SocketFile.removeStale(path, address) {
      number = address.withPointer { bind(descriptor, $0, $1) } == 0 ? 0 : errno
    }
    // Nobody can connect before `listen`, so there is no moment at which the file is open to others.
    if number == 0 { number = chmod(path, 0o600) == 0 ? 0 : errno }
    if number == 0 { number = Glibc.listen(descriptor, Int32(Limits.backlog)) == 0 ? 0 : errno }
    guard number == 0 else {
      _ = Glibc.close(descriptor)
      throw Socket.systemError(number, "listening at \(path)")
    }
    return descriptor
  }
}

/// The file of a Unix-domain socket.
struct SocketFile {
  let path: String
  private let device: dev_t
  private let inode: ino_t

  init?(path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.path = path
    device = status.st_dev
    inode = status.st_ino
  }

  /// Removes the file, if it is still the one that was bound.
  func remove() {
    guard let now = SocketFile(path: path), now.device == device, now.inode == inode else { return }
    _ = unlink(path)
  }

  /// Removes a socket file that a node which died left behind; false if somebody listens there or it is no socket.
  ///
  /// Two nodes that start at the same moment could take each other's fresh file for a stale one: the lock on the data directory
  /// comes first.
  static func removeStale(_ path: String, _ address: SocketAddress) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
    guard let probe = try? Socket.make(family: AF_UNIX) else { return false }
    defer { _ = Glibc.close(probe) }
    guard Socket.connect(probe, to: address) == ECONNREFUSED else { return false }
    return unlink(path) == 0
  }
}
