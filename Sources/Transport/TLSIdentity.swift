import COpenSSL

/// A private key and a certificate that it signed itself. Trust rests on the key alone (`pin`): the certificate is only the
/// envelope that TLS wants, so its names and dates mean nothing.
package struct TLSIdentity: Sendable {
  /// The private key and the certificate, in PEM. A secret: keep it in a file that only the node can read.
  package let pem: [UInt8]
  /// SHA-256 of the public key (SubjectPublicKeyInfo): what the other side pins.
  package let pin: [UInt8]

  /// Makes a new key and certificate.
  package static func generate() throws(TransportError) -> TLSIdentity {
    let key = try makeKey()
    defer { EVP_PKEY_free(key) }
    let certificate = try makeCertificate(key)
    defer { X509_free(certificate) }
    return try TLSIdentity(pem: encode(key, certificate))
  }

  /// Reads what `pem` gave.
  package init(pem: [UInt8]) throws(TransportError) {
    self.pem = pem
    pin = try Self.withParts(pem) { _, certificate in OpenSSL.pin(of: certificate) }
  }

  /// Calls `body` with the key and the certificate in `pem`, if they belong together; `body` returns nil for an OpenSSL error.
  static func withParts<Result>(
    _ pem: [UInt8], _ body: (_ key: OpaquePointer, _ certificate: OpaquePointer) -> Result?
  ) throws(TransportError) -> Result {
    guard (1...Limits.identityBytes).contains(pem.count) else {
      let message =
        "found \(pem.count) bytes; expected a private key and a certificate in PEM, 1 to \(Limits.identityBytes) bytes"
      throw TransportError(.tls, "reading the TLS identity: " + message)
    }
    guard let key = read(pem, { PEM_read_bio_PrivateKey($0, nil, refusePassword, nil) }) else {
      throw OpenSSL.failure("reading the TLS identity's private key in PEM")
    }
    defer { EVP_PKEY_free(key) }
    guard let certificate = read(pem, { PEM_read_bio_X509($0, nil, refusePassword, nil) }) else {
      throw OpenSSL.failure("reading the TLS identity's certificate in PEM")
    }
    defer { X509_free(certificate) }
    guard X509_check_private_key(certificate, key) == 1 else {
      throw OpenSSL.failure("reading the TLS identity: expected the certificate of the private key beside it")
    }
    guard let result = body(key, certificate) else { throw OpenSSL.failure("using the TLS identity") }
    return result
  }

  /// Without this, OpenSSL would ask for an encrypted key's password at the terminal.
  private static let refusePassword:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 =
      { _, _, _, _ in -1 }

  private static func read(_ pem: [UInt8], _ body: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
    ERR_clear_error()
    return pem.withUnsafeBytes { bytes in
      guard let buffer = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
      defer { BIO_free(buffer) }
      return body(buffer)
    }
  }

  /// P-256, which every TLS library speaks (Windows' and Java's older ones lack Ed25519).
  private static func makeKey() throws(TransportError) -> OpaquePointer {
    ERR_clear_error()
    let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard context != nil, EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
      EVP_PKEY_generate(context, &key) == 1, let key
    else { throw OpenSSL.failure("making a private key") }
    return key
  }

  private static func makeCertificate(_ key: OpaquePointer) throws(TransportError) -> OpaquePointer {
    guard let certificate = X509_new() else { throw OpenSSL.failure("making a certificate") }
    // RFC 5280 §4.1.2.2: positive, at most 20 octets; random, so that no two certificates share issuer and serial.
    var serial = [UInt8](repeating: 0, count: 16)
    let name = X509_get_subject_name(certificate)
    let isMade =
      RAND_bytes(&serial, Int32(serial.count)) == 1
      && setSerial(certificate, serial)
      && X509_set_version(certificate, 2) == 1
      && X509_NAME_add_entry_by_txt(name, "CN", asciiString, "StoreSync", -1, -1, 0) == 1
      && X509_set_issuer_name(certificate, name) == 1
      && ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "19700101000000Z") == 1
      // RFC 5280 §4.1.2.5: the date for "no well-defined expiration".
      && ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1
      && X509_set_pubkey(certificate, key) == 1
      && X509_sign(certificate, key, EVP_sha256()) > 0
    guard isMade else {
      X509_free(certificate)
      throw OpenSSL.failure("making a certificate")
    }
    return certificate
  }

  /// `MBSTRING_ASC`, a macro that Swift doesn't see.
  private static let asciiString = Int32(0x1000 | 1)

  private static func setSerial(_ certificate: OpaquePointer, _ random: [UInt8]) -> Bool {
    var serial = random
    serial[0] = serial[0] & 0x7F | 0x40
    return ASN1_STRING_set(X509_get_serialNumber(certificate), serial, Int32(serial.count)) == 1
  }

  private static func encode(_ key: OpaquePointer, _ certificate: OpaquePointer) throws(TransportError) -> [UInt8] {
    guard let buffer = BIO_new(BIO_s_secmem()) else { throw OpenSSL.failure("writing a key") }
    defer { BIO_free(buffer) }
    guard PEM_write_bio_PrivateKey(buffer, key, nil, nil, 0, nil, nil) == 1,
      PEM_write_bio_X509(buffer, certificate) == 1
    else { throw OpenSSL.failure("writing a key") }
    var pem = [UInt8](repeating: 0, count: BIO_ctrl_pending(buffer))
    guard BIO_read(buffer, &pem, Int32(pem.count)) == Int32(pem.count) else { throw OpenSSL.failure("writing a key") }
    return pem
  }
}
