import COpenSSL

/// Digests, from OpenSSL.
package enum Digest {
  /// SHA-256 (FIPS 180-4), 32 bytes.
  package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let status = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
    precondition(status == 1 && length == 32, "OpenSSL computes SHA-256")
    return digest
  }

  /// HMAC with SHA-256 (RFC 2104), 32 bytes.
  package static func hmacSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let isDone = HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &digest, &length) != nil
    precondition(isDone && length == 32, "OpenSSL computes HMAC-SHA256")
    return digest
  }

  /// Whether two byte strings are equal, in a time that does not tell where they differ.
  package static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
  }
}
