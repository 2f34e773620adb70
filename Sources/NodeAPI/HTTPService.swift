package import Base
import Dispatch
import Glibc
import Metrics
package import NodeRuntime
import Synchronization
package import Transport

/// A daemon's HTTP: the options that turn it on, the server, and the token of whoever may read the node's directory.
///
/// `@unchecked Sendable`: `server` has a lock.
package final class HTTPService: DaemonService, @unchecked Sendable {
  private static let largestFile = 1 << 20

  private let endpoint: Endpoint
  private let credentials: HTTPServer.Credentials?
  private let directory: DataDirectory
  private let log: LogSink
  private let server = Mutex<HTTPServer?>(nil)
  private let service = Mutex<APIService?>(nil)

  package static let options = [
    OptionHelp(
      "http", .value("HOST:PORT"),
      "serves the HTTP API there, such as 127.0.0.1:7480 (default: no HTTP); port 0 takes a free one"),
    OptionHelp(
      "http-cert", .value("FILE"), "certificates for HTTPS, PEM; needed at an address that is not this machine's own"),
    OptionHelp("http-key", .value("FILE"), "the key that belongs to them, PEM; readable by its owner alone"),
  ]

  /// None if the command line does not ask for HTTP.
  package static func make(
    _ arguments: CommandLineArguments, _ directory: DataDirectory, log: @escaping LogSink
  ) throws(UsageError) -> [any DaemonService] {
    guard let endpoint = try arguments.value("http", Endpoint.argument) else { return [] }
    let (certificate, key) = (arguments.value("http-cert"), arguments.value("http-key"))
    guard (certificate == nil) == (key == nil) else {
      throw UsageError("found one of --http-cert and --http-key, expected both or none")
    }
    guard certificate != nil || isLoopback(endpoint.host) else {
      throw UsageError(
        "found --http \(endpoint) without a certificate, expected --http-cert and --http-key: tokens and customers' data "
          + "would cross the network for all to read; or serve 127.0.0.1:\(endpoint.port) alone")
    }
    var credentials: HTTPServer.Credentials?
    if let certificate, let key {
      credentials = HTTPServer.Credentials(certificate: try read(certificate), key: try read(key, isSecret: true))
    }
    return [HTTPService(endpoint, credentials, directory, log)]
  }

  private init(
    _ endpoint: Endpoint, _ credentials: HTTPServer.Credentials?, _ directory: DataDirectory, _ log: @escaping LogSink
  ) {
    self.endpoint = endpoint
    self.credentials = credentials
    self.directory = directory
    self.log = log
  }

  /// Only names and addresses that cannot lead off this machine.
  static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 < 0x3A })
  }

  private static func read(_ path: String, isSecret: Bool = false) throws(UsageError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw UsageError("“\(path)” cannot be opened: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, !isSecret || status.st_mode & 0o007 == 0 else {
      throw UsageError("“\(path)” can be read by everyone on this machine; chmod 600 it, and think about a new key")
    }
    let bytes = Console.readToEnd(descriptor, limit: largestFile)
    guard let text = String(validating: bytes, as: UTF8.self), text.contains("-----BEGIN") else {
      throw UsageError("“\(path)” is no PEM file; expected “-----BEGIN …”")
    }
    return text
  }

  // MARK: The daemon

  package func start(control: ControlService) throws(TransportError) -> [(name: String, address: String)] {
    try writeLocalToken(control.gate)
    let service = APIService(control)
    self.service.withLock { $0 = service }
    let router = Router(
      service.routes, tokens: control.gate.tokens, failures: FailureLimiter(), log: control.gate.metrics.counting(log),
      observe: HTTPMetrics(control.gate.metrics.registry).observe)
    let server = try HTTPServer(at: endpoint, credentials, refusal: Self.answer) { request, respond in
      router.handle(request, respond)
    }
    self.server.withLock { $0 = server }
    control.gate.metrics.registry.gather { [weak server] in
      let definition = MetricDefinition(.gauge, "storesync_http_connections", "Open connections of the HTTP API.")
      return [MetricFamily(definition, Double(server?.connectionCount ?? 0))]
    }
    return [("http", "\(credentials == nil ? "http" : "https")://\(server.endpoint)")]
  }

  package func stop() {
    let server = server.withLock { server in
      defer { server = nil }
      return server
    }
    // Whoever waits for changes has the answer that there are none, before the server ends.
    service.withLock { $0 }?.stop()
    server?.stop()
    unlink(directory.tokenPath)
  }

  private static func answer(_ refusal: HTTPServer.Refusal) -> HTTPResponse {
    switch refusal {
    case .tooLarge:
      Problem(
        .tooLarge, "found a body of more than \(APILimits.bodyBytes) bytes, or too many large ones at once; split it"
      )
      .response
    case .tooManyParameters:
      Problem(.badRequest, "found more than \(APILimits.queryParameters) parameters").response
    case .badEscapes: Problem(.badRequest, "found a parameter that is no escaped UTF-8").response
    case .stopping: Problem(.unavailable, "the node is stopping; try again", retryAfter: 5).response
    }
  }

  /// Whoever may read the node's directory may do everything anyway. The secret is new at each start, so a copy of the directory
  /// opens nothing.
  private func writeLocalToken(_ gate: StoreGate) throws(TransportError) {
    var generator = SystemRandomness()
    let secret = APIToken.secret(using: &generator)
    let path = directory.tokenPath
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    var line = Array((secret + "\n").utf8)
    guard descriptor >= 0, write(descriptor, &line, line.count) == line.count else {
      throw TransportError(.io, "“\(path)” cannot be written: \(String(cString: strerror(errno)))")
    }
    close(descriptor)
    gate.tokens.setLocal(
      APIToken(
        name: APIToken.localName, role: .admin, madeAt: gate.clock.now, digest: APIToken.digest(of: secret)))
  }
}
