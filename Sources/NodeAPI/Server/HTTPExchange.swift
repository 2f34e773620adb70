import CMicroHTTPD
import Glibc
import Synchronization

/// One request on its way through libmicrohttpd: received, at work, answered.
///
/// `@unchecked Sendable`: all but `outcome` is used on the server's thread alone; `outcome` has a lock. The connection is
/// libmicrohttpd's, and lives until it says that the request is completed; while it is suspended it cannot end.
final class HTTPExchange: @unchecked Sendable {
  private enum Outcome {
    case receiving
    /// A handler is at work, and the connection rests.
    case working
    case answered(HTTPResponse)
    /// The answer is on its way, or the connection has ended.
    case done
  }

  let connection: OpaquePointer
  /// Names the connection while it lives.
  var key: UInt { UInt(bitPattern: connection) }
  private(set) var request: HTTPRequest
  private(set) var isTooLarge = false
  private let outcome = Mutex(Outcome.receiving)
  private var stream: HTTPStream?

  init(_ connection: OpaquePointer, method: String, path: String) {
    self.connection = connection
    request = HTTPRequest(method: method, path: path)
    request.peer = Self.peer(connection)
    request.headers = Self.values(connection, MHD_ValueKind.HEADER_KIND, limit: .max).map {
      .init($0.name.lowercased(), $0.value)
    }
    request.query = Self.values(connection, MHD_ValueKind.GET_ARGUMENT_KIND, limit: APILimits.queryParameters + 1)
  }

  var isStreaming: Bool { stream != nil }

  /// - Returns: false if a parameter is no escaped UTF-8. The path stays as it is for whoever takes it apart.
  func unescape() -> Bool {
    for index in request.query.indices {
      guard let name = Percent.decode(request.query[index].name), let value = Percent.decode(request.query[index].value)
      else { return false }
      request.query[index] = HTTPRequest.Parameter(name, value)
    }
    return true
  }

  var bodyBytes: Int { request.body.count }

  func receive(_ bytes: UnsafeRawBufferPointer, room: Int) {
    // What comes beyond the limit is read and dropped, so that the client gets to hear why.
    guard !isTooLarge, request.body.count + bytes.count <= min(APILimits.bodyBytes, room) else {
      isTooLarge = true
      request.body = []
      return
    }
    request.body += bytes
  }

  /// The request is whole: the connection rests until there is an answer.
  func work(_ handler: HTTPHandler) {
    outcome.withLock { $0 = .working }
    MHD_suspend_connection(connection)
    handler(request) { self.answer($0) }
  }

  /// The first answer counts.
  func answer(_ response: HTTPResponse) {
    let isFirst = outcome.withLock { outcome in
      guard case .working = outcome else { return false }
      outcome = .answered(response)
      return true
    }
    if isFirst { MHD_resume_connection(connection) }
  }

  enum Turn { case receiving, resting, answered(HTTPResponse), over }

  var turn: Turn {
    outcome.withLock { outcome in
      switch outcome {
      case .receiving: return .receiving
      case .working: return .resting
      case .done: return .over
      case .answered(let response):
        outcome = .done
        return .answered(response)
      }
    }
  }

  /// Puts an answer on its way.
  func queue(_ response: HTTPResponse) -> MHD_Result {
    outcome.withLock { $0 = .done }
    guard let made = make(response) else { return MHD_Result.NO }
    defer { MHD_destroy_response(made) }
    for header in response.headers { _ = MHD_add_response_header(made, header.name, header.value) }
    return MHD_queue_response(connection, UInt32(response.status), made)
  }

  private func make(_ response: HTTPResponse) -> OpaquePointer? {
    switch response.body {
    case .bytes(var bytes):
      return bytes.withUnsafeMutableBytes { buffer in
        MHD_create_response_from_buffer(buffer.count, buffer.baseAddress, MHD_ResponseMemoryMode.RESPMEM_MUST_COPY)
      }
    case .stream(let stream):
      self.stream = stream
      // The response is gone before the exchange is: `completed` ends both.
      return MHD_create_response_from_callback(
        storesync_http_unknown_size(), 16 << 10,
        { context, _, buffer, count in
          guard let context, let buffer else { return storesync_http_end_of_stream() }
          let exchange = Unmanaged<HTTPExchange>.fromOpaque(context).takeUnretainedValue()
          return exchange.read(UnsafeMutableRawBufferPointer(start: buffer, count: count))
        }, Unmanaged.passUnretained(self).toOpaque(), nil)
    }
  }

  private func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let stream else { return storesync_http_end_of_stream() }
    let step = stream.take(into: buffer) {
      MHD_suspend_connection(connection)
    } wake: { [weak self] in
      guard let self else { return }
      MHD_resume_connection(self.connection)
    }
    switch step {
    case .bytes(let count): return count
    case .wait: return 0
    case .end: return storesync_http_end_of_stream()
    }
  }

  /// The server stops: whatever rests is woken, because it could not end otherwise.
  func abandon(_ response: HTTPResponse) {
    answer(response)
    stream?.finish()
  }

  /// libmicrohttpd is through with it.
  func completed() {
    outcome.withLock { $0 = .done }
    stream?.close()
  }

  // MARK: What libmicrohttpd knows

  private static func peer(_ connection: OpaquePointer) -> String {
    guard let address = storesync_http_peer(connection) else { return "" }
    let size =
      address.pointee.sa_family == sa_family_t(AF_INET6)
      ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard getnameinfo(address, socklen_t(size), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
      return ""
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private final class Values {
    var found: [HTTPRequest.Parameter] = []
    let limit: Int

    init(limit: Int) { self.limit = limit }
  }

  private static func values(_ connection: OpaquePointer, _ kind: MHD_ValueKind, limit: Int) -> [HTTPRequest.Parameter]
  {
    let values = Values(limit: limit)
    _ = withExtendedLifetime(values) {
      MHD_get_connection_values(
        connection, kind,
        { context, _, name, value in
          guard let context, let name else { return MHD_Result.NO }
          let values = Unmanaged<Values>.fromOpaque(context).takeUnretainedValue()
          guard values.found.count < values.limit else { return MHD_Result.NO }
          values.found.append(
            HTTPRequest.Parameter(String(cString: name), value.map { String(cString: $0) } ?? ""))
          return MHD_Result.YES
        }, Unmanaged.passUnretained(values).toOpaque())
    }
    return values.found
  }
}
