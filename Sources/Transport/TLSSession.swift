import COpenSSL
import Glibc

/// One TLS connection. Used on its stream's queue alone (`@unchecked Sendable`).
final class TLSSession: @unchecked Sendable {
  private let ssl: OpaquePointer
  private let descriptor: Int32
  private let role: TLSContext.Role
  /// The peer's first bytes were looked at: they are TLS.
  private var hasHeardTLS = false
  /// After a fatal error OpenSSL allows nothing more, the closing alert included.
  private var isBroken = false

  init(_ ssl: OpaquePointer, descriptor: Int32, role: TLSContext.Role) {
    self.ssl = ssl
    self.descriptor = descriptor
    self.role = role
  }

  deinit {
    SSL_free(ssl)
  }

  /// One step of the handshake; `.moved` once it is done.
  func handshake() -> Outcome {
    if !hasHeardTLS, let early = listen() { return early }
    return step()
  }

  private func step() -> Outcome {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    guard result != 1 else { return .moved(0) }
    return outcome(result, "TLS handshake")
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
    ERR_clear_error()
    var count = 0
    let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
    return result == 1 ? .moved(count) : outcome(result, "receiving")
  }

  func write(_ buffer: UnsafeRawBufferPointer) -> Outcome {
    ERR_clear_error()
    var count = 0
    let result = SSL_write_ex(ssl, buffer.baseAddress, buffer.count, &count)
    return result == 1 ? .moved(count) : outcome(result, "sending")
  }

  /// Sends the closing alert, which tells a finished stream from one cut off.
  func finishSending() -> Outcome {
    guard !isBroken else { return .moved(0) }
    ERR_clear_error()
    let result = SSL_shutdown(ssl)
    return result >= 0 ? .moved(0) : outcome(result, "closing")
  }

  /// The pin of the certificate that the peer showed and proved to own.
  var peerPin: [UInt8]? {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
    defer { X509_free(certificate) }
    return OpenSSL.pin(of: certificate)
  }

  private func outcome(_ result: Int32, _ doing: String) -> Outcome {
    let number = errno
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .needsReadable
    case SSL_ERROR_WANT_WRITE: return .needsWritable
    case SSL_ERROR_ZERO_RETURN: return .end
    case SSL_ERROR_SYSCALL:
      isBroken = true
      guard number != 0 else { return .failed(Self.cutOff(doing)) }
      return .failed(Socket.systemError(number, doing))
    default:
      isBroken = true
      return .failed(protocolError(doing))
    }
  }

  private static func cutOff(_ doing: String) -> TransportError {
    TransportError(.closed, "\(doing): the other end closed the connection without TLS's closing alert")
  }

  private func protocolError(_ doing: String) -> TransportError {
    let (reason, text) = OpenSSL.takeError()
    switch reason {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return Self.cutOff(doing)
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_WRONG_SSL_VERSION,
      SSL_R_UNKNOWN_SSL_VERSION, SSL_R_UNSUPPORTED_SSL_VERSION, SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
      let message = "the other end speaks an older TLS (\(text)); expected TLS 1.3: is it a StoreSync node?"
      return TransportError(.tls, "\(doing): \(message)")
    default:
      return TransportError(.tls, "\(doing): \(text); expected TLS 1.3 with a StoreSync node")
    }
  }

  private static func nameServer(_ text: String) -> String {
    let expected = "expected a StoreSync node with TLS: check the address and port"
    if text.hasPrefix("HTTP/1.0 30") || text.hasPrefix("HTTP/1.1 30") {
      return
        "an HTTP server answers there and sends us elsewhere; \(expected), and whether the network wants a sign-in "
        + "page (captive portal)"
    }
    if text.hasPrefix("HTTP/") {
      return "an HTTP server answers there; \(expected), and whether the network wants a sign-in page (captive portal)"
    }
    // RFC 4253 §4.2; RFC 5321 §4.2 and RFC 959 §4.2 greet with 220.
    if text.hasPrefix("SSH-") { return "an SSH server answers there; \(expected)" }
    if text.hasPrefix("220") { return "a mail or FTP server answers there; \(expected)" }
    return "the other end doesn't speak TLS; \(expected)"
  }

  /// Looks at what the peer said first, without taking it, to name what else than TLS answers there: OpenSSL would only say
  /// "wrong version number", or wait for the rest of a record. It gets the socket to read from once that is TLS; then nil.
  private func listen() -> Outcome? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_PEEK))
    guard count > 0 else {
      if count == 0 { return .end }
      guard errno == EAGAIN || errno == EINTR else { return .failed(Socket.systemError(errno, "TLS handshake")) }
      return role == .client ? step() : .needsReadable
    }
    // RFC 8446 §5.1: a record of type alert (21) or handshake (22).
    guard bytes[0] == 21 || bytes[0] == 22 else {
      return .failed(TransportError(.tls, Self.name(bytes.prefix(count), role)))
    }
    hasHeardTLS = true
    guard SSL_set_rfd(ssl, descriptor) == 1 else { return .failed(OpenSSL.failure("setting up TLS")) }
    return nil
  }

  private static func name(_ bytes: ArraySlice<UInt8>, _ role: TLSContext.Role) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    if role == .client { return nameServer(text) }
    let methods = ["GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ", "CONNECT "]
    return methods.contains { text.hasPrefix($0) }
      ? "an HTTP client asks here; this is the sync port and speaks TLS: HTTP has a port of its own"
      : "the client doesn't speak TLS; expected a StoreSync node"
  }
}
