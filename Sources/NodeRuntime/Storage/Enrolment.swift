package import Base
package import Causality
package import RecordStore
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
  /// The version of the list of HQ's addresses that the store holds, as far as HQ knows.
  package var endpointsVersion: UInt64?

  /// The session token given last, whether the store has shown to have it, and the one with which the store came for it.
  package var token: [UInt8]?
  package var tokenIsConfirmed = false
  package var previousToken: [UInt8]?
  /// The incarnations that have come in, the latest last: one of them that has lost what it sent must take another first.
  package var incarnations: [UInt32] = []
  /// The last time that a database came that was put back to an earlier state, or a copy of one, and was let in as another
  /// incarnation.
  package var restoredAt: WallTime?
  /// When HQ last had all that the store had to send, while HQ heals from a loss of its own.
  package var healedAt: WallTime?
  package var restoredAddress: String?
  /// The last time that a restored or copied database of this store was turned away.
  package var fencedAt: WallTime?
  package var fencedAddress: String?

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
    guard let credentialDigest, Digest.isEqual(credentialDigest, visit.credentialDigest) else {
      return Refusal(
        .wrongCredential,
        "store \(visit.node) came with a wrong credential; a later join code has replaced it. Join it again, in a new "
          + "directory")
    }
    if let refusal = Refusal(ofStore: visit.node, in: state) { return refusal }
    if let refusal = checkHistory(visit, at: now) { return refusal }
    let counter = 1 + max(Self.counter(of: token), Self.counter(of: visit.token))
    previousToken = visit.token
    token = Self.bytes(of: counter) + Self.bytes(of: random)
    tokenIsConfirmed = false
    secretIsUsed = true
    lastContact = now
    address = visit.address
    software = visit.software
    incarnations.removeAll { $0 == visit.incarnation }
    incarnations = incarnations.suffix(Self.incarnationCount - 1) + [visit.incarnation]
    return nil
  }

  /// Incarnations that are remembered: one for each restore.
  private static let incarnationCount = 64
}

// MARK: - Fencing

// A session token is a counter of 8 bytes and 8 random ones. Only HQ reads the counter: a store that comes with a later one
// than HQ knows of has met an HQ that was restored from a backup since, and is no copy.

extension Enrolment {
  /// Whether a database that presents this token is the one that HQ has last spoken to.
  private func isCurrent(_ presented: [UInt8]?) -> Bool {
    if presented == token { return true }
    // The welcome with the last token may have been lost.
    if !tokenIsConfirmed, presented == previousToken { return true }
    return Self.counter(of: presented) > Self.counter(of: token)
  }

  /// Whether HQ itself has lost what it once told the store.
  package func isBehind(_ presented: [UInt8]?) -> Bool { Self.counter(of: presented) > Self.counter(of: token) }

  /// Tells restored and copied databases from the one that HQ has last spoken to. A restored one takes another incarnation for
  /// what it has written since, and is let in; a copy stays out while the other is there.
  private mutating func checkHistory(_ visit: Visit, at now: WallTime) -> Refusal? {
    let isCurrent = isCurrent(visit.token)
    // Of a program that knows no lineages the token alone can tell.
    let isNew = visit.standing != nil && !incarnations.isEmpty && !incarnations.contains(visit.incarnation)
    // Whoever has just joined has a new database, and nothing to lose.
    let hasLost = !incarnations.isEmpty && visit.standing?.hasLost ?? false
    guard !isCurrent || hasLost || isNew else { return nil }
    guard let standing = visit.standing, !visit.isLinked || isCurrent && !isNew else {
      fencedAt = now
      fencedAddress = visit.address
      return fenced(visit.node)
    }
    guard isNew else {
      return Refusal(
        .restored,
        "this database was put back to an earlier state, or copied: HQ has more of store \(visit.node) than it"
          + (lastContact.map { ", last at \(RFC3339.format($0)) from \(address ?? "an unknown address")" } ?? "")
          + ". It takes another incarnation and comes again",
        cursors: standing.cursors)
    }
    restoredAt = now
    restoredAddress = visit.address
    return nil
  }

  private func fenced(_ node: NodeNumber) -> Refusal {
    let since = lastContact.map { ", last at \(RFC3339.format($0)) from \(address ?? "an unknown address")" } ?? ""
    return Refusal(
      .fenced,
      "this database was restored or copied, and another one of store \(node) is connected\(since). Nothing was sent or "
        + "received, and what was sold here is kept here. Make sure that one copy runs; this one is let in once the other is "
        + "gone",
      retryAfter: Refusal.closedRetryMilliseconds)
  }

  private static func counter(of token: [UInt8]?) -> UInt64 {
    // Never at the end of the range, so that there is always a next one.
    min(token?.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } ?? 0, UInt64.max >> 1)
  }

  private static func bytes(of number: UInt64) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
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
      "token": token.map(CBORValue.bytes),
      "tokenIsConfirmed": .boolean(tokenIsConfirmed),
      "previousToken": previousToken.map(CBORValue.bytes),
      "incarnations": .array(incarnations.map { .unsigned(UInt64($0)) }),
      "restoredAt": restoredAt.map(CBORValue.init),
      "healedAt": healedAt.map(CBORValue.init),
      "restoredAddress": restoredAddress.map(CBORValue.text),
      "fencedAt": fencedAt.map(CBORValue.init),
      "fencedAddress": fencedAddress.map(CBORValue.text),
      "lastContact": lastContact.map(CBORValue.init),
      "address": address.map(CBORValue.text),
      "software": software.map(CBORValue.text),
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
    token = value["token"]?.bytesValue
    tokenIsConfirmed = value["tokenIsConfirmed"]?.booleanValue ?? false
    previousToken = value["previousToken"]?.bytesValue
    incarnations = (value["incarnations"]?.arrayValue ?? []).compactMap {
      $0.integerValue.flatMap(UInt32.init(exactly:))
    }
    restoredAt = value["restoredAt"]?.wallTimeValue
    healedAt = value["healedAt"]?.wallTimeValue
    restoredAddress = value["restoredAddress"]?.textValue
    fencedAt = value["fencedAt"]?.wallTimeValue
    fencedAddress = value["fencedAddress"]?.textValue
    lastContact = value["lastContact"]?.wallTimeValue
    address = value["address"]?.textValue
    software = value["software"]?.textValue
    if case .unsigned(let version) = value["endpoints"] { endpointsVersion = version }
  }
}

extension CBORValue {
  fileprivate init(_ time: WallTime) { self = .integer(time.milliseconds) }
  fileprivate var wallTimeValue: WallTime? { integerValue.map(WallTime.init(milliseconds:)) }
}
