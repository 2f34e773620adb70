package import Dispatch
import Glibc

/// Opens streams.
package enum Connector {
  /// Connects to `address` within `timeoutMilliseconds`, name look-up and TLS handshake included, and calls `completion` on
  /// `queue`, exactly once unless the attempt is cancelled. With `tls`, the stream is encrypted and leads to the pinned key.
  package static func connect(
    to address: Address, tls: TLSClient? = nil, queue: DispatchQueue, timeoutMilliseconds: Int,
    completion: @escaping (Result<ByteStream, TransportError>) -> Void
  ) -> ConnectAttempt {
    dispatchPrecondition(condition: .onQueue(queue))
    let attempt = ConnectAttempt(
      address: address, tls: tls, queue: queue, timeoutMilliseconds: timeoutMilliseconds, completion: completion)
    attempt.begin()
    return attempt
  }
}

/// A connection being opened. Confined to its queue, which guards its state (`@unchecked Sendable`). It keeps itself alive until
/// it has called back.
package final class ConnectAttempt: @unchecked Sendable {
  private let address: Address
  private let tls: TLSClient?
  private let queue: DispatchQueue
  private let deadline: DispatchTime
  private let timeoutMilliseconds: Int
  private var completion: ((Result<ByteStream, TransportError>) -> Void)?
  private var untried: ArraySlice<SocketAddress> = []
  private var watch: DescriptorWatch?
  private var handshaking: ByteStream?
  /// Tells the address being tried from those given up: their timers find another number.
  private var trial = 0
  private var lastError: TransportError?

  init(
    address: Address, tls: TLSClient?, queue: DispatchQueue, timeoutMilliseconds: Int,
    completion: @escaping (Result<ByteStream, TransportError>) -> Void
  ) {
    self.address = address
    self.tls = tls
    self.queue = queue
    self.timeoutMilliseconds = timeoutMilliseconds
    self.completion = completion
    deadline = .now() + .milliseconds(timeoutMilliseconds)
  }

  /// Gives up without calling back. Does nothing once the attempt has called back.
  package func cancel() {
    dispatchPrecondition(condition: .onQueue(queue))
    completion = nil
    stopTrial()
  }

  func begin() {
    queue.asyncAfter(deadline: deadline) { [weak self] in self?.timeIsUp() }
    switch address {
    case .unix(let path):
      do throws(TransportError) {
        let address = try SocketAddress(unixPath: path)
        queue.async { self.resolved(.success([address])) }
      } catch {
        queue.async { self.resolved(.failure(error)) }
      }
    case .tcp(let endpoint):
      Resolver.resolve(endpoint, queue: queue) { self.resolved($0) }
    }
  }

  private func resolved(_ result: Result<[SocketAddress], TransportError>) {
    guard completion != nil else { return }
    switch result {
    case .success(let addresses):
      untried = addresses[...]
      tryNext()
    case .failure(let error):
      complete(.failure(error))
    }
  }

  private func tryNext() {
    guard completion != nil else { return }
    guard let next = untried.popFirst() else {
      complete(.failure(lastError ?? TransportError(.resolve, "\(address): found no address")))
      return
    }
    trial += 1
    let name = next.endpoint?.description ?? address.description
    do throws(TransportError) {
      let descriptor = try Socket.make(family: next.family)
      let watch = DescriptorWatch(descriptor: descriptor, queue: queue)
      self.watch = watch
      let number = Socket.connect(descriptor, to: next)
      switch number {
      case 0: connected(to: name)
      case EINPROGRESS, EINTR:
        watch.onWritable = { self.connectEnded(name) }
        watch.want(readable: false, writable: true)
        limitTrial(name)
      default: failed(error(number, name))
      }
    } catch {
      failed(error)
    }
  }

  /// A share of the time left for each address, so that one that swallows packets doesn't starve the others.
  private func limitTrial(_ name: String) {
    guard !untried.isEmpty else { return }
    let left = Int64(bitPattern: deadline.uptimeNanoseconds &- DispatchTime.now().uptimeNanoseconds) / 1_000_000
    let share = Self.share(ofMilliseconds: left, addresses: untried.count + 1)
    let current = trial
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(share))) { [weak self] in
      guard let self, self.trial == current, self.watch != nil, self.completion != nil else { return }
      self.failed(TransportError(.timedOut, "connecting to \(name): no answer in \(share) ms"))
    }
  }

  /// What the next of so many addresses gets of the time that is left: the last has none to leave to others.
  static func share(ofMilliseconds left: Int64, addresses: Int) -> Int64 {
    max(left / Int64(addresses), Limits.addressMilliseconds)
  }

  private func connectEnded(_ name: String) {
    guard let watch else { return }
    let number = Socket.pendingError(watch.descriptor)
    if number == 0 { connected(to: name) } else { failed(error(number, name)) }
  }

  private func connected(to name: String) {
    guard let watch else { return }
    self.watch = nil
    watch.handOver { descriptor in
      guard self.completion != nil else {
        _ = Glibc.close(descriptor)
        return
      }
      if case .tcp = self.address { Socket.tuneTCP(descriptor) }
      if let tls = self.tls {
        self.shakeHands(descriptor, tls, name)
      } else {
        self.complete(.success(ByteStream(connected: descriptor, peer: name, queue: self.queue)))
      }
    }
  }

  private func shakeHands(_ descriptor: Int32, _ tls: TLSClient, _ name: String) {
    do throws(TransportError) {
      let session = try tls.context.session(descriptor)
      handshaking = ByteStream(
        connected: descriptor, peer: name, queue: queue, session: session, pins: tls.pins
      ) { result in
        self.handshaking = nil
        switch result {
        case .success: self.complete(result)
        case .failure(let error): self.failed(error)
        }
      }
    } catch {
      _ = Glibc.close(descriptor)
      failed(error)
    }
  }

  private func error(_ number: Int32, _ name: String) -> TransportError {
    switch number {
    case ENOENT where address.isUnix:
      TransportError(.refused, "connecting to \(name): found no socket there; expected a running node: start it")
    case EAGAIN:
      TransportError(.refused, "connecting to \(name): too many connections wait there already; try again")
    default:
      Socket.systemError(number, "connecting to \(name)")
    }
  }

  private func failed(_ error: TransportError) {
    if weight(error) >= lastError.map(weight) ?? 0 { lastError = error }
    stopTrial()
    tryNext()
  }

  /// Of several addresses' errors the one that tells most is reported: a wrong server says more than no server.
  private func weight(_ error: TransportError) -> Int {
    switch error.code {
    case .pinMismatch: 3
    case .tls: 2
    default: 1
    }
  }

  private func stopTrial() {
    watch?.close()
    watch = nil
    handshaking?.close(flushing: false)
    handshaking = nil
  }

  private func timeIsUp() {
    guard completion != nil else { return }
    let found = handshaking == nil ? "no connection to" : "connected, but no TLS answer from"
    let waited = "\(found) \(address) in \(timeoutMilliseconds) ms"
    let hint = lastError.map { "; before that, \($0.message)" } ?? "; check the address and the network"
    stopTrial()
    complete(.failure(TransportError(.timedOut, waited + hint)))
  }

  private func complete(_ result: Result<ByteStream, TransportError>) {
    guard let completion else { return }
    self.completion = nil
    completion(result)
  }
}
