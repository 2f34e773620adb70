package import Base
import Causality
import RecordStore
import Wire

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

// MARK: - Bytes

extension Enrolment {
  /// Bytes of the digest that earlier versions kept alone. A record is longer.
  private static let digestBytes = 32

  var bytes: [UInt8] {
    CBORValue.object([
      "state": .text(state.rawValue),
      "changedAt": changedAt.map(CBORValue.init),
      "credential": credentialDigest.map(CBORValue.bytes),
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
    lastContact = value["lastContact"]?.wallTimeValue
    address = value["address"]?.textValue
    software = value["software"]?.textValue
  }
}

extension CBORValue {
  fileprivate init(_ time: WallTime) { self = .integer(time.milliseconds) }
  fileprivate var wallTimeValue: WallTime? { integerValue.map(WallTime.init(milliseconds:)) }
}
