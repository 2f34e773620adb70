package import Base
package import RecordStore
import SQLiteStore
package import Transport

// HQ's keys, and what a store knows of them and proves itself by, while they change.

extension NodeSettings {
  private static let nextIdentity = "tls-next"
  private static let oldPin = "tls-old-pin"
  private static let pinsVersion = "tls-pins-version"
  private static let tlsIdentity = "tls-identity"
  private static let storePins = "hq-pins"
  private static let storePinsVersion = "hq-pins-version"
  private static let credential = "credential"
  private static let nextCredential = "credential-next"
  private static let previousCredential = "credential-previous"

  // MARK: HQ

  /// HQ's keys: the one that it shows, the one that it will show, and the one that it showed before.
  package struct HQKeys: Sendable {
    /// Another number for each list of pins that this HQ has had; 0 while the first key is the only one.
    package var version: UInt64
    package var current: TLSIdentity
    package var next: TLSIdentity?
    package var oldPin: [UInt8]?

    /// What stores are to take for HQ.
    package var pins: [[UInt8]] { [current.pin] + (next.map { [$0.pin] } ?? []) + (oldPin.map { [$0] } ?? []) }
  }

  package static func keys(_ engine: StoreGate.Engine) throws(StoreError) -> HQKeys {
    let backend = engine.backend
    var keys = HQKeys(
      version: try backend.setting(pinsVersion).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0,
      current: try hq(engine).tls, oldPin: try backend.setting(oldPin))
    if let pem = try backend.setting(nextIdentity) {
      do throws(TransportError) {
        keys.next = try TLSIdentity(pem: pem)
      } catch {
        throw StoreError(.corrupt, "HQ's next key in the database cannot be read: \(error.message)")
      }
    }
    return keys
  }

  /// - Parameter now: the list's version is the time of its making, as with addresses.
  package static func save(_ keys: HQKeys, at now: WallTime, in engine: StoreGate.Engine) throws(StoreError) {
    let version = max(keys.version + 1, UInt64(max(now.milliseconds, 0)))
    try engine.backend.setSettings([
      (tlsIdentity, keys.current.pem), (nextIdentity, keys.next?.pem), (oldPin, keys.oldPin),
      (pinsVersion, Array(String(version).utf8)),
    ])
  }

  // MARK: Store

  /// What a store takes for HQ, and shows to it.
  package struct StoreKeys: Hashable, Sendable {
    package var pins: [[UInt8]]
    /// Of HQ's list; 0: from the join code, or set by hand.
    package var version: UInt64
    package var credential: [UInt8]
    /// Made, and not taken by HQ yet as far as this store knows.
    package var nextCredential: [UInt8]?
    /// What HQ took before: an HQ that was put back to a backup knows no other.
    package var previousCredential: [UInt8]?
  }

  package static func storeKeys(_ engine: StoreGate.Engine) throws(StoreError) -> StoreKeys {
    let membership = try membership(engine)
    let backend = engine.backend
    let packed = try backend.setting(storePins) ?? []
    let pins = stride(from: 0, to: packed.count / 32 * 32, by: 32).map { Array(packed[$0..<$0 + 32]) }
    return StoreKeys(
      pins: pins.isEmpty ? [membership.pin] : pins,
      version: try backend.setting(storePinsVersion).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0,
      credential: membership.credential, nextCredential: try backend.setting(nextCredential),
      previousCredential: try backend.setting(previousCredential))
  }

  package static func save(_ keys: StoreKeys, in engine: StoreGate.Engine) throws(StoreError) {
    try engine.backend.setSettings([
      (storePins, Array(keys.pins.joined())), (storePinsVersion, Array(String(keys.version).utf8)),
      (credential, keys.credential), (nextCredential, keys.nextCredential),
      (previousCredential, keys.previousCredential),
    ])
  }
}
