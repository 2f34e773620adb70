import Base
import COpenSSL

/// The settings of one side's TLS connections. OpenSSL allows an `SSL_CTX` to be shared between threads once it is set up, and
/// nothing changes it after `init` (hence `@unchecked Sendable`).
final class TLSContext: @unchecked Sendable {
  private let context: OpaquePointer
  let role: Role

  enum Role {
    case client, server
  }

  /// A server's, with its identity.
  convenience init(_ identity: TLSIdentity) throws(TransportError) {
    try self.init(role: .server)
    let context = context
    _ = try TLSIdentity.withParts(identity.pem) { key, certificate in
      SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1 ? true : nil
    }
  }

  init(role: Role) throws(TransportError) {
    ERR_clear_error()
    guard let context = SSL_CTX_new(role == .client ? TLS_client_method() : TLS_server_method()) else {
      throw OpenSSL.failure("setting up TLS")
    }
    self.context = context
    self.role = role
    // The functions behind OpenSSL's macros, which Swift doesn't see.
    guard SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil) == 1,
      SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_3_VERSION), nil) == 1
    else { throw OpenSSL.failure("asking for TLS 1.3") }
    // Partial writes from a buffer that may move, as non-blocking sockets need; idle connections give their buffers back.
    let modes = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
    SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(modes), nil)
    // No resumption: it would save little on links that last for hours, and a ticket outlives the pin that was checked.
    SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
    SSL_CTX_set_num_tickets(context, 0)
    // A client judges the key by its pin, once the handshake has proved that the peer owns it: no authority, name or date.
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
  }

  deinit {
    SSL_CTX_free(context)
  }

  /// A session over a connected descriptor, which it does not own.
  func session(_ descriptor: Int32) throws(TransportError) -> TLSSession {
    ERR_clear_error()
    guard let ssl = SSL_new(context) else { throw OpenSSL.failure("setting up TLS") }
    // Until the peer's first bytes have been looked at there is nothing to read (see `TLSSession.handshake`): an empty buffer.
    let nothing = BIO_new(BIO_s_mem())
    SSL_set0_rbio(ssl, nothing)
    guard nothing != nil, SSL_set_wfd(ssl, descriptor) == 1 else {
      SSL_free(ssl)
      throw OpenSSL.failure("setting up TLS")
    }
    switch role {
    case .client: SSL_set_connect_state(ssl)
    case .server: SSL_set_accept_state(ssl)
    }
    return TLSSession(ssl, descriptor: descriptor, role: role)
  }
}

/// How a client does TLS: the keys of the one server that it accepts.
package struct TLSClient: Sendable {
  let pins: [[UInt8]]
  let context: TLSContext

  package init(pinnedKey: [UInt8]) throws(TransportError) {
    try self.init(pinnedKeys: [pinnedKey])
  }

  /// Each is a `TLSIdentity.pin` of the server, 32 bytes: one, or several while its key changes.
  package init(pinnedKeys: [[UInt8]]) throws(TransportError) {
    guard !pinnedKeys.isEmpty, let wrong = pinnedKeys.first(where: { $0.count != 32 }) ?? pinnedKeys.first,
      wrong.count == 32
    else {
      throw TransportError(
        .tls, "a pin of \(pinnedKeys.first { $0.count != 32 }?.count ?? 0) bytes; expected the 32 of a SHA-256")
    }
    pins = pinnedKeys
    context = try TLSContext(role: .client)
  }

  static func mismatch(found: [UInt8]?, expected: [[UInt8]], peer: String) -> TransportError {
    let found = found.map { Hex.encode($0) } ?? "none"
    return TransportError(
      .pinMismatch,
      "\(peer) shows the key \(found); expected \(expected.map { Hex.encode($0) }.joined(separator: " or ")): another server answers at this address (a captive "
        + "portal, a proxy), or HQ has a new key of which this store has not heard (`store-node set-pin`)")
  }
}
