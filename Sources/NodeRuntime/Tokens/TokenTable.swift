import Base
package import RecordStore
import SQLiteStore
import Synchronization
import Transport

/// The tokens that are valid now, in memory: read at the start, and anew whenever one is made or revoked.
package final class TokenTable: Sendable {
  private static let settingPrefix = "token."

  private struct Tokens {
    var kept: [APIToken] = []
    var local: APIToken?
  }

  private let tokens = Mutex(Tokens())

  package init() {}

  package func load(_ engine: StoreGate.Engine) throws(StoreError) {
    let kept = try Self.all(engine)
    tokens.withLock { $0.kept = kept }
  }

  /// The token that whoever may read the node's directory uses, until the node ends.
  package func setLocal(_ token: APIToken?) { tokens.withLock { $0.local = token } }

  /// The token whose secret that is. Every token is compared, each in a time that does not tell how much of it is right.
  package func find(secret: String) -> APIToken? {
    let digest = APIToken.digest(of: secret)
    return tokens.withLock { tokens in
      var found: APIToken?
      for token in tokens.kept + (tokens.local.map { [$0] } ?? []) where Digest.isEqual(token.digest, digest) {
        found = token
      }
      return found
    }
  }

  // MARK: In the database

  /// Ascending by name.
  static func all(_ engine: StoreGate.Engine) throws(StoreError) -> [APIToken] {
    var all: [APIToken] = []
    for name in try engine.backend.settingNames(prefix: settingPrefix) {
      guard let bytes = try engine.backend.setting(name),
        let token = APIToken(name: String(name.dropFirst(settingPrefix.count)), setting: bytes)
      else { throw StoreError(.corrupt, "the setting “\(name)” cannot be read") }
      all.append(token)
    }
    return all.sorted { $0.name < $1.name }
  }

  static func save(_ token: APIToken, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([(settingPrefix + token.name, token.setting)])
  }

  static func remove(_ name: String, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([(settingPrefix + name, nil)])
  }
}
