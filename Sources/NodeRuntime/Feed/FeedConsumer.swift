package import Base
package import RecordStore
import SQLiteStore
import Wire

/// Somebody who follows the change feed under a name, as the node remembers it.
package struct FeedConsumer: Hashable, Sendable {
  package var name: String
  /// What it has acknowledged by asking for what comes after; nil for nothing.
  package var cursor: FeedCursor?
  package var seenAt: WallTime
  /// It was away for too long, since then: it has been told to begin anew, and has not yet.
  package var awaySince: WallTime?

  package init(name: String, cursor: FeedCursor? = nil, seenAt: WallTime, awaySince: WallTime? = nil) {
    self.name = name
    self.cursor = cursor
    self.seenAt = seenAt
    self.awaySince = awaySince
  }

  static let prefix = "consumer."
  var setting: String { Self.prefix + name }

  var bytes: [UInt8] {
    CBORValue.object([
      "cursor": cursor.map { .text($0.text) }, "seenAt": .integer(seenAt.milliseconds),
      "awaySince": awaySince.map { .integer($0.milliseconds) },
    ]).encoded()
  }

  init(name: String, bytes: [UInt8]) throws(StoreError) {
    let cursor = (try? CBORValue(decoding: bytes)).map { ($0["cursor"]?.textValue, $0) }
    guard let (text, value) = cursor, let seenAt = value["seenAt"]?.integerValue,
      text == nil || text.flatMap({ FeedCursor($0) }) != nil
    else { throw StoreError(.corrupt, "the setting “\(Self.prefix)\(name)” cannot be read") }
    self.init(
      name: name, cursor: text.flatMap { FeedCursor($0) }, seenAt: WallTime(milliseconds: seenAt),
      awaySince: value["awaySince"]?.integerValue.map(WallTime.init))
  }

  /// Ascending by name.
  static func all(_ engine: StoreGate.Engine) throws(StoreError) -> [FeedConsumer] {
    var consumers: [FeedConsumer] = []
    for setting in try engine.backend.settingNames(prefix: prefix) {
      guard let bytes = try engine.backend.setting(setting) else { continue }
      consumers.append(try FeedConsumer(name: String(setting.dropFirst(prefix.count)), bytes: bytes))
    }
    return consumers
  }
}

/// From where a consumer asks.
package enum FeedStart: Hashable, Sendable {
  /// From where it has acknowledged, as the node remembers it.
  case remembered
  case beginning
  /// It has all up to here.
  case after(FeedCursor)
}

/// Why a consumer gets no page.
package enum FeedRefusal: Hashable, Sendable, Error {
  /// Its cursor leads nowhere any more; it begins anew.
  case gone(FeedGone)
  /// It was away for too long, since then; it begins anew.
  case away(since: WallTime)
  /// There are as many consumers as there may be.
  case tooManyConsumers
}
