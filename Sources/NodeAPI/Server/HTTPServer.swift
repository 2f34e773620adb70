import CMicroHTTPD
import Dispatch
import Glibc
import Synchronization
package import Transport

/// HTTP/1.1 on libmicrohttpd: one thread that polls, and handlers elsewhere. A connection rests while its request is at work, so no
/// thread waits for the database.
///
/// `@unchecked Sendable`: `daemon` is set once, before anything can reach it; `shared` has a lock.
package final class HTTPServer: @unchecked Sendable {
  /// A certificate and its key, as PEM texts.
  package struct Credentials: Sendable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  private struct Shared {
    var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
    /// When each connection, by its address, has to have its request whole; none while it is answered, or rests between requests.
    var deadlines: [UInt: DispatchTime] = [:]
    var bodyBytes = 0
    var connections = 0
    var isStopping = false
  }

  /// Requests that are not completed.
  private let open = DispatchGroup()

  private let handler: HTTPHandler
  private let refusal: @Sendable (Refusal) -> HTTPResponse
  private let shared = Mutex(Shared())
  private let sweeping = DispatchQueue(label: "storesync.http-sweep", qos: .utility)
  private var daemon: OpaquePointer?
  private let bounds: Bounds
  private var sweeper: (any DispatchSourceTimer)?
  package let endpoint: Endpoint

  /// How much, and for how long; `APILimits` has the reasons. Tests wait for less.
  package struct Bounds: Sendable {
    package var connections = APILimits.connections
    package var connectionsPerAddress = APILimits.connectionsPerAddress
    package var requestMilliseconds = APILimits.requestMilliseconds
    package var restMilliseconds = APILimits.restMilliseconds
    package var sweepMilliseconds = APILimits.sweepMilliseconds
    package var allBodyBytes = APILimits.allBodyBytes

    package init() {}
  }

  /// What the server itself turns away; the words are the caller's.
  package enum Refusal: Sendable {
    case tooLarge, tooManyParameters, badEscapes, stopping
  }

  /// - Parameters:
  ///   - endpoint: port 0 takes a free one.
  ///   - credentials: nil for plain HTTP.
  package init(
    at endpoint: Endpoint, _ credentials: Credentials?, bounds: Bounds = Bounds(),
    refusal: @escaping @Sendable (Refusal) -> HTTPResponse, handler: @escaping HTTPHandler
  ) throws(TransportError) {
    self.handler = handler
    self.refusal = refusal
    self.bounds = bounds
    let bound = try ListeningDescriptor(endpoint)
    self.endpoint = bound.endpoint
    let this = Unmanaged.passUnretained(self).toOpaque()
    daemon = storesync_http_start(
      bound.descriptor, credentials?.key, credentials?.certificate, bounds.connections,
      bounds.connectionsPerAddress, APILimits.silenceSeconds, APILimits.headBytes,
      { context, connection, url, method, _, upload, uploadCount, state in
        guard let context, let connection, let url, let method, let uploadCount, let state else { return MHD_Result.NO }
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        let bytes = UnsafeRawBufferPointer(start: upload, count: uploadCount.pointee)
        uploadCount.pointee = 0
        return server.turn(connection, url, method, bytes, state)
      }, this,
      { context, connection, state, _ in
        guard let context, let state, let pointer = state.pointee else { return }
        state.pointee = nil
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        server.completed(Unmanaged<HTTPExchange>.fromOpaque(pointer).takeRetainedValue())
      }, this,
      { context, connection, _, code in
        guard let context, let connection else { return }
        Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().connection(
          connection, isOpen: code == MHD_ConnectionNotificationCode.CONNECTION_NOTIFY_STARTED)
      }, this)
    guard daemon != nil else {
      close(bound.descriptor)
      throw TransportError(
        .tls,
        "the HTTP server at \(endpoint) does not start"
          + (credentials == nil ? "" : "; do certificate and key belong together, and are they PEM?"))
    }
  }

  package var connectionCount: Int { shared.withLock { $0.connections } }

  // MARK: On libmicrohttpd's thread

  private func turn(
    _ connection: OpaquePointer, _ url: UnsafePointer<CChar>, _ method: UnsafePointer<CChar>,
    _ bytes: UnsafeRawBufferPointer, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) -> MHD_Result {
    guard let pointer = state.pointee else {
      let exchange = HTTPExchange(connection, method: String(cString: method), path: String(cString: url))
      open.enter()
      shared.withLock { shared in
        shared.exchanges[ObjectIdentifier(exchange)] = exchange
        shared.deadlines[exchange.key] = Self.deadline(bounds.requestMilliseconds)
      }
      state.pointee = Unmanaged.passRetained(exchange).toOpaque()
      return MHD_Result.YES
    }
    let exchange = Unmanaged<HTTPExchange>.fromOpaque(pointer).takeUnretainedValue()
    switch exchange.turn {
    case .receiving where bytes.count > 0:
      receive(bytes, exchange)
      return MHD_Result.YES
    case .receiving: return begin(exchange)
    case .answered(let response): return exchange.queue(response)
    case .resting, .over: return MHD_Result.YES
    }
  }

  private func receive(_ bytes: UnsafeRawBufferPointer, _ exchange: HTTPExchange) {
    let before = exchange.bodyBytes
    let room = shared.withLock { before + max(0, bounds.allBodyBytes - $0.bodyBytes) }
    exchange.receive(bytes, room: room)
    shared.withLock { $0.bodyBytes += exchange.bodyBytes - before }
  }

  private func begin(_ exchange: HTTPExchange) -> MHD_Result {
    let isStopping = shared.withLock { shared in
      shared.deadlines[exchange.key] = nil
      return shared.isStopping
    }
    if isStopping { return exchange.queue(refusal(.stopping)) }
    if exchange.isTooLarge { return exchange.queue(refusal(.tooLarge)) }
    if exchange.request.query.count > APILimits.queryParameters { return exchange.queue(refusal(.tooManyParameters)) }
    guard exchange.unescape() else { return exchange.queue(refusal(.badEscapes)) }
    exchange.work(handler)
    return MHD_Result.YES
  }

  private func completed(_ exchange: HTTPExchange) {
    shared.withLock { shared in
      shared.exchanges[ObjectIdentifier(exchange)] = nil
      shared.bodyBytes -= exchange.bodyBytes
      shared.deadlines[exchange.key] = Self.deadline(bounds.restMilliseconds)
    }
    exchange.completed()
    open.leave()
  }

  private func connection(_ connection: OpaquePointer, isOpen: Bool) {
    let key = UInt(bitPattern: connection)
    let isFirst = shared.withLock { shared in
      shared.connections += isOpen ? 1 : -1
      shared.deadlines[key] = isOpen ? Self.deadline(bounds.requestMilliseconds) : nil
      return isOpen && shared.connections == 1
    }
    if isFirst { sweeping.async { self.startSweeping() } }
  }

  private static func deadline(_ milliseconds: Int64) -> DispatchTime { .now() + .milliseconds(Int(milliseconds)) }

  // MARK: Requests that take too long

  /// Only while there are connections: an idle node wakes nobody up.
  private func startSweeping() {
    guard sweeper == nil else { return }
    let timer = DispatchSource.makeTimerSource(queue: sweeping)
    let period = DispatchTimeInterval.milliseconds(Int(bounds.sweepMilliseconds))
    timer.schedule(deadline: .now() + period, repeating: period, leeway: .seconds(1))
    timer.setEventHandler { [weak self] in self?.sweep() }
    timer.activate()
    sweeper = timer
  }

  private func sweep() {
    let now = DispatchTime.now()
    let isIdle = shared.withLock { shared in
      for (key, deadline) in shared.deadlines where deadline < now {
        guard let connection = OpaquePointer(bitPattern: key) else { continue }
        // The library notices the end of the socket, and cleans up.
        let descriptor = storesync_http_descriptor(connection)
        if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
      }
      return shared.connections == 0
    }
    guard isIdle else { return }
    sweeper?.cancel()
    sweeper = nil
  }

  private var exchanges: [HTTPExchange] { shared.withLock { $0.exchanges.values.map(\.self) } }

  // MARK: The end

  /// Takes no more connections, gives requests at work a moment, and ends. Blocks; not to be called on the server's thread.
  package func stop() {
    guard let daemon else { return }
    let listener = MHD_quiesce_daemon(daemon)
    if listener >= 0 { close(listener) }
    shared.withLock { $0.isStopping = true }
    for exchange in exchanges where exchange.isStreaming { exchange.abandon(refusal(.stopping)) }
    _ = open.wait(timeout: Self.deadline(APILimits.stopMilliseconds))
    for exchange in exchanges { exchange.abandon(refusal(.stopping)) }
    MHD_stop_daemon(daemon)
    self.daemon = nil
    sweeping.sync {
      sweeper?.cancel()
      sweeper = nil
    }
  }
}
