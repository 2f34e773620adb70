import COpenSSL

/// What OpenSSL's calls share.
enum OpenSSL {
  /// The first error in this thread's queue, in OpenSSL's words; empties the queue.
  static func takeError() -> (reason: Int32, text: String) {
    let code = ERR_get_error()
    defer { ERR_clear_error() }
    guard code != 0 else { return (0, "no reason given") }
    let text = ERR_reason_error_string(code).map { String(cString: $0) }
    return (ERR_GET_REASON(code), text ?? "error \(code)")
  }

  static func failure(_ doing: String) -> TransportError {
    TransportError(.tls, "\(doing): OpenSSL reports \(takeError().text)")
  }

  static func sha256(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    guard EVP_Digest(bytes.baseAddress, bytes.count, &digest, &length, EVP_sha256(), nil) == 1, length == 32 else {
      return nil
    }
    return digest
  }

  /// SHA-256 of a certificate's SubjectPublicKeyInfo in DER: what a pin is made of.
  static func pin(of certificate: OpaquePointer) -> [UInt8]? {
    var der: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der)
    guard count > 0, let der else { return nil }
    defer { CRYPTO_free(der, nil, 0) }
    return sha256(UnsafeBufferPointer(start: der, count: Int(count)))
  }
}
