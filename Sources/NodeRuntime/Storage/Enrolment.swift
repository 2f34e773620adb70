package import Base
package import Causality
package import RecordStore
package import SyncSession
import Transport
package import Wire

/// What HQ knows of a store as somebody who may come in. It is HQ's own, and never travels.
///
/// Secrets are kept as their SHA-256: what HQ stores does not let anybody in.
@dynamicMemberLookup
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
  /// The version of the list of HQ's keys that the store holds; nil if it knows of no such lists, or never came.
  package var keysVersion: UInt64?
  /// Of a credential that the store has made itself: it lets it in as well, and from its first use on alone.
  package var nextCredentialDigest: [UInt8]?
  /// The store is to make itself another credential.
  package var rotationAskedAt: WallTime?
  /// When it last went over to one.
  package var rotatedAt: WallTime?
  /// The store had a database before its last join code, which may still lie somewhere.
  package var hadDatabase = false
  package var software: String?
  /// The version of the list of HQ's addresses that the store holds, as far as HQ knows.
  package var endpointsVersion: UInt64?

  /// Which databases have come as this store.
  package var history = StoreHistory()
  /// When HQ last compared what the store has with what it should have, to the end, and what still differed then.
  package var verifiedAt: WallTime?
  package var differing: UInt64 = 0

  package init(changedAt: WallTime?) {
    self.changedAt = changedAt
  }

  package subscript<Value>(dynamicMember path: WritableKeyPath<StoreHistory, Value>) -> Value {
    get { history[keyPath: path] }
    set { history[keyPath: path] = newValue }
  }

  /// Whether HQ itself has lost what it once told the store.
  package func isBehind(_ presented: [UInt8]?) -> Bool { history.isBehind(presented) }

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
  /// - Parameter earlier: what HQ knew of the store until now.
  package static func invited(
    secretDigest: [UInt8], until expires: WallTime, at now: WallTime, after earlier: Enrolment? = nil
  ) -> Enrolment {
    var enrolment = Enrolment(changedAt: now)
    enrolment.hadDatabase = earlier.map { $0.hasJoined || $0.hadDatabase } ?? false
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

  /// Who calls, and with what.
  package struct Visit: Sendable {
    package var node: NodeNumber
    package var incarnation: UInt32
    package var credentialDigest: [UInt8]
    package var token: [UInt8]?
    package var address: String
    package var software: String
    /// Whether a link of this store is open.
    package var isLinked: Bool
    /// Where HQ stands in the log that the store shows; nil if its program does not know how to recover.
    package var standing: Meeting?

    package init(
      node: NodeNumber, incarnation: UInt32, credentialDigest: [UInt8], token: [UInt8]?, address: String,
      software: String, isLinked: Bool, standing: Meeting?
    ) {
      self.node = node
      self.incarnation = incarnation
      self.credentialDigest = credentialDigest
      self.token = token
      self.address = address
      self.software = software
      self.isLinked = isLinked
      self.standing = standing
    }
  }

  /// Checks who a greeting comes from, and notes the contact.
  /// - Returns: why the store may not come in; nil if it may.
  package mutating func admit(_ visit: Visit, random: UInt64, at now: WallTime) -> Refusal? {
    let isNext = nextCredentialDigest.map { Digest.isEqual($0, visit.credentialDigest) } ?? false
    guard let credentialDigest, isNext || Digest.isEqual(credentialDigest, visit.credentialDigest) else {
      return Refusal(
        .wrongCredential,
        "store \(visit.node) came with a wrong credential; a later join code has replaced it. Join it again, in a new "
          + "directory")
    }
    if let refusal = Refusal(ofStore: visit.node, in: state) { return refusal }
    let database = StoreHistory.Visit(
      node: visit.node, incarnation: visit.incarnation, token: visit.token, address: visit.address,
      isLinked: visit.isLinked, standing: visit.standing)
    if let refusal = history.admit(database, random: random, at: now) { return refusal }
    secretIsUsed = true
    software = visit.software
    if isNext {
      self.credentialDigest = nextCredentialDigest
      nextCredentialDigest = nil
      rotationAskedAt = nil
      rotatedAt = now
    }
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
      "token": history.token.map(CBORValue.bytes),
      "tokenIsConfirmed": .boolean(history.tokenIsConfirmed),
      "previousToken": history.previousToken.map(CBORValue.bytes),
      "incarnations": .array(history.incarnations.map { .unsigned(UInt64($0)) }),
      "restoredAt": history.restoredAt.map(CBORValue.init),
      "healedAt": history.healedAt.map(CBORValue.init),
      "restoredAddress": history.restoredAddress.map(CBORValue.text),
      "fencedAt": history.fencedAt.map(CBORValue.init),
      "fencedAddress": history.fencedAddress.map(CBORValue.text),
      "verifiedAt": verifiedAt.map(CBORValue.init),
      "differing": .unsigned(differing),
      "lastContact": history.lastContact.map(CBORValue.init),
      "address": history.address.map(CBORValue.text),
      "software": software.map(CBORValue.text),
      "keys": keysVersion.map(CBORValue.unsigned),
      "nextCredential": nextCredentialDigest.map(CBORValue.bytes),
      "rotationAskedAt": rotationAskedAt.map(CBORValue.init),
      "rotatedAt": rotatedAt.map(CBORValue.init),
      "hadDatabase": hadDatabase ? .boolean(true) : nil,
      "endpoints": endpointsVersion.map(CBORValue.unsigned),
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
    history.token = value["token"]?.bytesValue
    history.tokenIsConfirmed = value["tokenIsConfirmed"]?.booleanValue ?? false
    history.previousToken = value["previousToken"]?.bytesValue
    history.incarnations = (value["incarnations"]?.arrayValue ?? []).compactMap {
      $0.integerValue.flatMap(UInt32.init(exactly:))
    }
    history.restoredAt = value["restoredAt"]?.wallTimeValue
    history.healedAt = value["healedAt"]?.wallTimeValue
    history.restoredAddress = value["restoredAddress"]?.textValue
    history.fencedAt = value["fencedAt"]?.wallTimeValue
    history.fencedAddress = value["fencedAddress"]?.textValue
    history.lastContact = value["lastContact"]?.wallTimeValue
    verifiedAt = value["verifiedAt"]?.wallTimeValue
    if case .unsigned(let count) = value["differing"] { differing = count }
    history.address = value["address"]?.textValue
    software = value["software"]?.textValue
    if case .unsigned(let version) = value["keys"] { keysVersion = version }
    nextCredentialDigest = value["nextCredential"]?.bytesValue
    rotationAskedAt = value["rotationAskedAt"]?.wallTimeValue
    rotatedAt = value["rotatedAt"]?.wallTimeValue
    hadDatabase = value["hadDatabase"]?.booleanValue ?? false
    if case .unsigned(let version) = value["endpoints"] { endpointsVersion = version }
  }
}

extension CBORValue {
  fileprivate init(_ time: WallTime) { self = .integer(time.milliseconds) }
  fileprivate var wallTimeValue: WallTime? { integerValue.map(WallTime.init(milliseconds:)) }
}
