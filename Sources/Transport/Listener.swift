package import Base
package import Dispatch
import Glibc

/// Accepts connections at an address. Confined to its queue, which guards its state (`@unchecked Sendable`).
///
/// A listener lives until `close()`, which its owner must call.
package final class Listener: @unchecked Sendable {
  /// The address really bound: with port 0 asked for, the one that the kernel chose.
  package let boundAddress: Address

  private let queue: DispatchQueue
  private let log: LogSink
  private let watch: DescriptorWatch
  private let socketFile: SocketFile?
  private var accept: ((ByteStream) -> Void)?
  private var isResting = false

  /// Listens at `address` and calls `accept` on `queue` with each connected stream, not yet started. A host name is looked up
  /// here, which may block: call this at start-up.
  package init(
    at address: Address, queue: DispatchQueue, log: @escaping LogSink = { _ in }, accept: @escaping (ByteStream) -> Void
  ) throws(TransportError) {
    self.queue = queue
    self.log = log
    self.accept = accept
    let bound = try BoundSocket(address)
    boundAddress = bound.address
    socketFile = bound.file
    watch = DescriptorWatch(descriptor: bound.descriptor, queue: queue)
    watch.onReadable = { self.acceptWaiting() }
    queue.async { self.watch.want(readable: true, writable: false) }
  }

  /// The bound host and port of a TCP listener.
  package var boundEndpoint: Endpoint? {
    if case .tcp(let endpoint) = boundAddress { endpoint } else { nil }
  }

  /// Stops listening, takes its socket file away, and calls `completion` on the queue once the address is free. Streams already
  /// accepted live on.
  package func close(_ completion: @escaping @Sendable () -> Void = {}) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard accept != nil else { return }
    accept = nil
    socketFile?.remove()
    watch.close(completion)
  }

  private func acceptWaiting() {
    // Bounded, so that a flood of connections leaves the queue's other work its turn; the source calls again.
    for _ in 0..<Limits.acceptsPerTurn {
      guard let accept else { return }
      switch Socket.accept(watch.descriptor) {
      case .success(let descriptor):
        accept(stream(descriptor))
      case .failure(let error):
        guard failed(error.number) else { return }
      }
    }
  }

  /// Whether to go on accepting.
  private func failed(_ number: Int32) -> Bool {
    switch number {
    case EAGAIN: return false
    case EMFILE, ENFILE, ENOBUFS, ENOMEM:
      rest(number)
      return false
    default:
      // The connection that waited is already gone again (accept(2) passes its network errors on); the next may be well.
      return true
    }
  }

  private func rest(_ number: Int32) {
    let message =
      "can't accept a connection at \(boundAddress): \(Socket.text(number)); trying again every "
      + "\(Limits.acceptPauseMilliseconds) ms: raise the limit on open files"
    log(LogEvent(.warning, "listener.exhausted", message))
    watch.want(readable: false, writable: false)
    queue.asyncAfter(deadline: .now() + .milliseconds(Limits.acceptPauseMilliseconds)) { [weak self] in
      self?.watch.want(readable: true, writable: false)
    }
  }

  private func stream(_ descriptor: Int32) -> ByteStream {
    if boundAddress.isUnix { return ByteStream(connected: descriptor, peer: boundAddress.description, queue: queue) }
    Socket.tuneTCP(descriptor)
    let peer = Socket.peerAddress(descriptor)?.endpoint?.description ?? "a peer already gone"
    return ByteStream(connected: descriptor, peer: peer, queue: queue)
  }
}
