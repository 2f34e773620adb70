package import Base
package import Causality
import RecordStore
import Transport
package import Wire

/// What HQ knows of a store as somebody who may come in. It is HQ's own, and never travels.
///
/// Secrets are kept as their SHA-256: what HQ stores does not let anybody in.
package struct Enrolment: Hashable, Sendable {
  package enum State: String, Hashable, Sendable {
    case active
    /// Kept out for now: a shop PC that was stolen, or is not to be trusted.
    case revoked
    /// Gone for good: nothing waits for it.
    case retired
  }

  package var state = State.active
  /// When it came into this state; nil where an earlier version did not write it down.
  package var changedAt: WallTime?
  /// Of the credential that lets the store in.
  package var credentialDigest: [UInt8]?
  /// Of the join code's secret, for which the store gets its credential.
  package var secretDigest: [UInt8]?
  package var secretExpires: WallTime?
  /// The store has come in with what it got for the secret. Until then the secret stays good: an answer may be lost.
  package var secretIsUsed = false
  package var lastContact: WallTime?
  package var address: String?
  package var software: String?

  package init(changedAt: WallTime?) {
    self.changedAt = changedAt
  }

  /// Moves to another state; nothing happens in the same one.
  package mutating func change(to new: State, at now: WallTime) {
    guard state != new else { return }
    state = new
    changedAt = now
  }
}

// MARK: - Joining

extension Enrolment {
  package static let credentialBytes = 32
  /// A join code that lies about is a danger; a technician's visit is planned within a week.
  package static let secretHours: Int64 = 7 * 24
  package static let maximumSecretHours: Int64 = 366 * 24

  package var hasJoined: Bool { credentialDigest != nil }

  /// Begins anew, with the secret of a new join code: whatever let the store in before does so no more.
  package static func invited(secretDigest: [UInt8], until expires: WallTime, at now: WallTime) -> Enrolment {
    var enrolment = Enrolment(changedAt: now)
    enrolment.secretDigest = secretDigest
    enrolment.secretExpires = expires
    return enrolment
  }

  /// Takes the secret of a join code for a credential.
  /// - Returns: why not; nil if the credential is good from now on.
  package mutating func join(
    _ node: NodeNumber, secretDigest presented: [UInt8], credentialDigest new: [UInt8], at now: WallTime
  ) -> Refusal? {
    guard let secretDigest, Digest.isEqual(secretDigest, presented) else {
      return Refusal(.wrongCredential, "the join code is not the last one that HQ has given for store \(node)")
    }
    if let refusal = Refusal(ofStore: node, in: state) { return refusal }
    guard !secretIsUsed else {
      return Refusal(
        .joinCodeUsed,
        "the join code of store \(node) has been used; `syncctl store add \(node) --again` at HQ gives a new one")
    }
    guard let secretExpires, now <= secretExpires else {
      return Refusal(
        .joinCodeExpired,
        "the join code of store \(node) has expired\(secretExpires.map { " on \(RFC3339.format($0))" } ?? ""); "
          + "`syncctl store add \(node) --again` at HQ gives a new one")
    }
    credentialDigest = new
    return nil
  }

  /// Checks who a greeting comes from, and notes the contact.
  /// - Returns: why the store may not come in; nil if it may.
  package mutating func admit(
    _ node: NodeNumber, credentialDigest presented: [UInt8], address: String, software: String, at now: WallTime
  ) -> Refusal? {
    guard let credentialDigest, Digest.isEqual(credentialDigest, presented) else {
      return Refusal(
        .wrongCredential,
        "store \(node) came with a wrong credential; a later join code has replaced it. Join it again, in a new directory"
      )
    }
    if let refusal = Refusal(ofStore: node, in: state) { return refusal }
    secretIsUsed = true
    lastContact = now
    self.address = address
    self.software = software
    return nil
  }
}

// MARK: - Bytes

extension Enrolment {
  /// Bytes of the digest that earlier versions kept alone. A record is longer.
  private static let digestBytes = 32

  var bytes: [UInt8] {
    CBORValue.object([
      "state": .text(state.rawValue),
      "changedAt": changedAt.map(CBORValue.init),
      "credential": credentialDigest.map(CBORValue.bytes),
      "secret": secretDigest.map(CBORValue.bytes),
      "secretExpires": secretExpires.map(CBORValue.init),
      "secretIsUsed": .boolean(secretIsUsed),
      "lastContact": lastContact.map(CBORValue.init),
      "address": address.map(CBORValue.text),
      "software": software.map(CBORValue.text),
      "version": .unsigned(1),
    ]).encoded()
  }

  init(bytes: [UInt8]) throws(StoreError) {
    guard bytes.count != Self.digestBytes else {
      self.init(changedAt: nil)
      credentialDigest = bytes
      return
    }
    guard let value = try? CBORValue(decoding: bytes), let state = value["state"]?.textValue.flatMap(State.init) else {
      throw StoreError(.corrupt, "the enrolment of a store in the database cannot be read")
    }
    self.init(changedAt: value["changedAt"]?.wallTimeValue)
    self.state = state
    credentialDigest = value["credential"]?.bytesValue
    secretDigest = value["secret"]?.bytesValue
    secretExpires = value["secretExpires"]?.wallTimeValue
    secretIsUsed = value["secretIsUsed"]?.booleanValue ?? true
    lastContact = value["lastContact"]?.wallTimeValue
    address = value["address"]?.textValue
    software = value["software"]?.textValue
  }
}

extension CBORValue {
  fileprivate init(_ time: WallTime) { self = .integer(time.milliseconds) }
  fileprivate var wallTimeValue: WallTime? { integerValue.map(WallTime.init(milliseconds:)) }
}
