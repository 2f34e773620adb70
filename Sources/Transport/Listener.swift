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
  private var tls: TLSContext?
  private var handshakes: [ObjectIdentifier: ByteStream] = [:]
  private var isResting = false

  /// Listens at `address` and calls `accept` on `queue` with each connected stream, not yet started; with `tls`, once its handshake
  /// is done. A host name is looked up
  /// here, which may block: call this at start-up.
  package init(
    at address: Address, tls: TLSIdentity? = nil, queue: DispatchQueue, log: @escaping LogSink = { _ in },
    accept: @escaping (ByteStream) -> Void
  ) throws(TransportError) {
    self.queue = queue
    self.log = log
    self.accept = accept
    if let tls { self.tls = try TLSContext(tls) } else { self.tls = nil }
    let bound = try BoundSocket(address)
    boundAddress = bound.address
    socketFile = bound.file
    watch = DescriptorWatch(descriptor: bound.descriptor, queue: queue)
    watch.onReadable = { self.acceptWaiting() }
    queue.async { self.updateInterest() }
  }

  /// Shows another key to whoever connects from now on.
  package func show(_ identity: TLSIdentity) throws(TransportError) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard tls != nil else { return }
    tls = try TLSContext(identity)
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
    for stream in handshakes.values { stream.close(flushing: false) }
    handshakes = [:]
    socketFile?.remove()
    watch.close(completion)
  }

  private func acceptWaiting() {
    // Bounded, so that a flood of connections leaves the queue's other work its turn; the source calls again.
    for _ in 0..<Limits.acceptsPerTurn {
      guard accept != nil, handshakes.count < Limits.handshakes else { break }
      switch Socket.accept(watch.descriptor) {
      case .success(let descriptor): accepted(descriptor)
      case .failure(let error):
        guard failed(error.number) else { return }
      }
    }
    updateInterest()
  }

  private func updateInterest() {
    let isWilling = accept != nil && !isResting && handshakes.count < Limits.handshakes
    watch.want(readable: isWilling, writable: false)
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
    isResting = true
    updateInterest()
    queue.asyncAfter(deadline: .now() + .milliseconds(Limits.acceptPauseMilliseconds)) { [weak self] in
      self?.isResting = false
      self?.updateInterest()
    }
  }

  private func accepted(_ descriptor: Int32) {
    guard !boundAddress.isUnix else {
      accept?(ByteStream(connected: descriptor, peer: boundAddress.description, queue: queue))
      return
    }
    Socket.tuneTCP(descriptor)
    let peer = Socket.peerAddress(descriptor)?.endpoint?.description ?? "a peer already gone"
    if let tls {
      shakeHands(descriptor, tls, peer)
    } else {
      accept?(ByteStream(connected: descriptor, peer: peer, queue: queue))
    }
  }

  private func shakeHands(_ descriptor: Int32, _ tls: TLSContext, _ peer: String) {
    do throws(TransportError) {
      let session = try tls.session(descriptor)
      var identifier: ObjectIdentifier?
      let stream = ByteStream(connected: descriptor, peer: peer, queue: queue, session: session, pins: nil) { result in
        if let identifier { self.handshakes[identifier] = nil }
        self.handshakeEnded(result, peer)
      }
      identifier = ObjectIdentifier(stream)
      handshakes[ObjectIdentifier(stream)] = stream
    } catch {
      _ = Glibc.close(descriptor)
      handshakeEnded(.failure(error), peer)
    }
  }

  private func handshakeEnded(_ result: Result<ByteStream, TransportError>, _ peer: String) {
    switch result {
    case .success(let stream): accept?(stream)
    case .failure(let error):
      let details = [LogEvent.Detail("address", peer), LogEvent.Detail("code", error.code.rawValue)]
      log(
        LogEvent(.info, "listener.handshakeFailed", "a connection did not get through TLS: \(error.message)", details))
    }
    updateInterest()
  }
}
