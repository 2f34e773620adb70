package import Base
import Transport

/// The key by which a receiver knows that a message is HQ's (Standard Webhooks 1.0.0, “Signature scheme”).
package struct WebhookSecret: Hashable, Sendable {
  package var bytes: [UInt8]
  /// Until when it signs beside the one that has replaced it; nil for the present one.
  package var validUntil: WallTime?

  package init(bytes: [UInt8], validUntil: WallTime? = nil) {
    self.bytes = bytes
    self.validUntil = validUntil
  }

  package init(using generator: inout some RandomNumberGenerator) {
    self.init(bytes: (0..<WebhookLimits.secretBytes).map { _ in .random(in: .min ... .max, using: &generator) })
  }

  private static let prefix = "whsec_"

  /// As receivers are given it.
  package var text: String { Self.prefix + Base64.encode(bytes) }

  package init?(_ text: String) {
    guard text.hasPrefix(Self.prefix), let bytes = Base64.decode(text.dropFirst(Self.prefix.count)) else { return nil }
    self.init(bytes: bytes)
  }

  /// Signs a message: `v1,` and the HMAC-SHA256 of its id, time and body, as Base64.
  /// - Parameter seconds: since 1970, as in `webhook-timestamp`.
  package func signature(id: String, seconds: Int64, body: [UInt8]) -> String {
    "v1," + Base64.encode(Digest.hmacSHA256(Array("\(id).\(seconds).".utf8) + body, key: bytes))
  }
}
