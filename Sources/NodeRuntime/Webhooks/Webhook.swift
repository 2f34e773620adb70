package import Base
package import RecordStore
import SQLiteStore
import Wire

/// Where HQ posts what changes, as a person has set it up.
package struct Webhook: Hashable, Sendable {
  package var name: String
  package var address: String
  package var allowsPlainHTTP: Bool
  /// Names; empty for all.
  package var entities: [String]
  /// The present one first; those before while they are still good.
  package var secrets: [WebhookSecret]
  package var createdAt: WallTime
  /// A person has paused it.
  package var isPaused: Bool
  /// A person has let it go on then, whatever had paused it.
  package var resumedAt: WallTime?

  package init(
    name: String, address: String, allowsPlainHTTP: Bool = false, entities: [String] = [], secrets: [WebhookSecret],
    createdAt: WallTime, isPaused: Bool = false, resumedAt: WallTime? = nil
  ) {
    self.name = name
    self.address = address
    self.allowsPlainHTTP = allowsPlainHTTP
    self.entities = entities
    self.secrets = secrets
    self.createdAt = createdAt
    self.isPaused = isPaused
    self.resumedAt = resumedAt
  }

  /// One signature for each secret that is good, the present one's first.
  package func signatures(id: String, seconds: Int64, body: [UInt8]) -> String {
    let good = secrets.filter { $0.validUntil.map { $0.milliseconds > seconds * 1_000 } ?? true }
    return good.map { $0.signature(id: id, seconds: seconds, body: body) }.joined(separator: " ")
  }
}

/// How far a webhook has come, as the sender notes it.
package struct WebhookProgress: Hashable, Sendable {
  /// Nil for the beginning.
  package var cursor: FeedCursor?
  /// The receiver has yet to be told that all comes anew, and why.
  package var resetReason: String?
  /// Since when every attempt has failed; nil if the last one did not.
  package var failingSince: WallTime?
  package var failures = 0
  package var lastDelivery: WallTime?
  /// What went wrong last; nil if nothing did since it last worked.
  package var problem: String?
  /// The sender has paused it then.
  package var pausedAt: WallTime?

  package init(cursor: FeedCursor?) {
    self.cursor = cursor
  }
}

extension Webhook {
  /// Another secret signs from now on, and the present one beside it until `end`.
  mutating func replaceSecret(with secret: WebhookSecret, overlappingUntil end: WallTime, at now: WallTime) {
    for index in secrets.indices { secrets[index].validUntil = min(secrets[index].validUntil ?? end, end) }
    secrets.removeAll { $0.validUntil.map { $0 <= now } ?? false }
    // Whoever rotates again and again within one overlap means the latest.
    secrets = [secret] + secrets.prefix(WebhookLimits.secretCount - 1)
  }
}

// MARK: - Bytes

extension Webhook {
  private static let prefix = "webhook."
  private static let progressPrefix = "webhook-progress."

  static func setting(_ name: String) -> String { prefix + name }
  static func progressSetting(_ name: String) -> String { progressPrefix + name }

  var bytes: [UInt8] {
    CBORValue.object([
      "address": .text(address), "allowsPlainHTTP": .boolean(allowsPlainHTTP),
      "entities": .array(entities.map(CBORValue.text)),
      "secrets": .array(
        secrets.map {
          .object(["bytes": .bytes($0.bytes), "validUntil": $0.validUntil.map { .integer($0.milliseconds) }])
        }),
      "createdAt": .integer(createdAt.milliseconds), "isPaused": .boolean(isPaused),
      "resumedAt": resumedAt.map { .integer($0.milliseconds) },
    ]).encoded()
  }

  init(name: String, bytes: [UInt8]) throws(StoreError) {
    guard let value = try? CBORValue(decoding: bytes), let address = value["address"]?.textValue,
      let createdAt = value["createdAt"]?.integerValue
    else { throw StoreError(.corrupt, "the setting “\(Self.setting(name))” cannot be read") }
    let secrets = (value["secrets"]?.arrayValue ?? []).compactMap { secret in
      secret["bytes"]?.bytesValue.map {
        WebhookSecret(bytes: $0, validUntil: secret["validUntil"]?.integerValue.map(WallTime.init))
      }
    }
    self.init(
      name: name, address: address, allowsPlainHTTP: value["allowsPlainHTTP"]?.booleanValue ?? false,
      entities: (value["entities"]?.arrayValue ?? []).compactMap(\.textValue), secrets: secrets,
      createdAt: WallTime(milliseconds: createdAt), isPaused: value["isPaused"]?.booleanValue ?? false,
      resumedAt: value["resumedAt"]?.integerValue.map(WallTime.init))
  }

  /// Ascending by name.
  package static func all(
    _ engine: StoreGate.Engine
  ) throws(StoreError) -> [(hook: Webhook, progress: WebhookProgress)] {
    var hooks: [(hook: Webhook, progress: WebhookProgress)] = []
    for setting in try engine.backend.settingNames(prefix: prefix) {
      let name = String(setting.dropFirst(prefix.count))
      if let hook = try find(name, engine) { hooks.append(hook) }
    }
    return hooks
  }

  package static func find(
    _ name: String, _ engine: StoreGate.Engine
  ) throws(StoreError) -> (hook: Webhook, progress: WebhookProgress)? {
    guard let bytes = try engine.backend.setting(setting(name)) else { return nil }
    let hook = try Webhook(name: name, bytes: bytes)
    let progress = try engine.backend.setting(progressSetting(name)).map { bytes throws(StoreError) in
      try WebhookProgress(of: name, bytes: bytes)
    }
    return (hook, progress ?? WebhookProgress(cursor: nil))
  }
}

extension WebhookProgress {
  var bytes: [UInt8] {
    CBORValue.object([
      "cursor": cursor.map { .text($0.text) }, "resetReason": resetReason.map(CBORValue.text),
      "failingSince": failingSince.map { .integer($0.milliseconds) }, "failures": .integer(Int64(failures)),
      "lastDelivery": lastDelivery.map { .integer($0.milliseconds) }, "problem": problem.map(CBORValue.text),
      "pausedAt": pausedAt.map { .integer($0.milliseconds) },
    ]).encoded()
  }

  init(of name: String, bytes: [UInt8]) throws(StoreError) {
    guard let value = try? CBORValue(decoding: bytes) else {
      throw StoreError(.corrupt, "the setting “\(Webhook.progressSetting(name))” cannot be read")
    }
    func time(_ key: String) -> WallTime? { value[key]?.integerValue.map(WallTime.init) }
    self.init(cursor: value["cursor"]?.textValue.flatMap { FeedCursor($0) })
    resetReason = value["resetReason"]?.textValue
    failingSince = time("failingSince")
    failures = value["failures"]?.integerValue.flatMap { Int(exactly: $0) } ?? 0
    lastDelivery = time("lastDelivery")
    problem = value["problem"]?.textValue
    pausedAt = time("pausedAt")
  }
}
