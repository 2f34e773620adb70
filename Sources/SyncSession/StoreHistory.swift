package import Base
package import Causality
package import RecordStore
package import Wire

/// What HQ remembers of the databases that have come as one store. It tells a restored or copied database from the one that
/// HQ has last spoken to.
package struct StoreHistory: Hashable, Sendable {
  package var lastContact: WallTime?
  package var address: String?
  /// The session token given last, whether the store has shown to have it, and the one with which the store came for it.
  package var token: [UInt8]?
  package var tokenIsConfirmed = false
  package var previousToken: [UInt8]?
  /// The incarnations that have come in, the latest last: one of them that has lost what it sent must take another first.
  package var incarnations: [UInt32] = []
  /// The last time that a database came that was put back to an earlier state, or a copy of one, and was let in as another
  /// incarnation.
  package var restoredAt: WallTime?
  package var restoredAddress: String?
  /// When HQ last had all that the store had to send, while HQ heals from a loss of its own.
  package var healedAt: WallTime?
  /// The last time that a restored or copied database of this store was turned away.
  package var fencedAt: WallTime?
  package var fencedAddress: String?

  package init() {}

  /// Which database calls.
  package struct Visit: Sendable {
    package var node: NodeNumber
    package var incarnation: UInt32
    package var token: [UInt8]?
    package var address: String
    /// Whether a link of this store is open.
    package var isLinked: Bool
    /// Where HQ stands in the log that the store shows; nil if its program does not know how to recover.
    package var standing: Meeting?

    package init(
      node: NodeNumber, incarnation: UInt32, token: [UInt8]?, address: String, isLinked: Bool, standing: Meeting?
    ) {
      self.node = node
      self.incarnation = incarnation
      self.token = token
      self.address = address
      self.isLinked = isLinked
      self.standing = standing
    }
  }

  /// Lets a database in, with another token, or says why not.
  package mutating func admit(_ visit: Visit, random: UInt64, at now: WallTime) -> Refusal? {
    if let refusal = check(visit, at: now) { return refusal }
    let counter = 1 + max(Self.counter(of: token), Self.counter(of: visit.token))
    previousToken = visit.token
    token = Self.bytes(of: counter) + Self.bytes(of: random)
    tokenIsConfirmed = false
    lastContact = now
    address = visit.address
    incarnations.removeAll { $0 == visit.incarnation }
    incarnations = incarnations.suffix(Self.incarnationCount - 1) + [visit.incarnation]
    return nil
  }

  /// Whether the store may still have something that HQ has lost.
  package func mayHold(whatWasLostBefore noticed: WallTime) -> Bool { healedAt.map { $0 < noticed } ?? true }

  /// Incarnations that are remembered: one for each restore.
  private static let incarnationCount = 64
  /// A store that is kept out asks again now and then, in case the other database has gone.
  package static let closedRetryMilliseconds: UInt64 = 60_000
}

// MARK: - Fencing

// A session token is a counter of 8 bytes and 8 random ones. Only HQ reads the counter: a store that comes with a later one
// than HQ knows of has met an HQ that was restored from a backup since, and is no copy.

extension StoreHistory {
  /// Whether a database that presents this token is the one that HQ has last spoken to.
  private func isCurrent(_ presented: [UInt8]?) -> Bool {
    if presented == token { return true }
    // The welcome with the last token may have been lost.
    if !tokenIsConfirmed, presented == previousToken { return true }
    return Self.counter(of: presented) > Self.counter(of: token)
  }

  /// Whether a database has forgotten that this store has taken a later incarnation: it was put back to an earlier state, whatever
  /// token it presents. One that met HQ after the state that HQ was itself put back to may rightly have an incarnation that seems old.
  private func isSuperseded(_ visit: Visit) -> Bool {
    incarnations.contains(visit.incarnation) && incarnations.last != visit.incarnation && !isBehind(visit.token)
  }

  /// Whether HQ itself has lost what it once told the store.
  package func isBehind(_ presented: [UInt8]?) -> Bool { Self.counter(of: presented) > Self.counter(of: token) }

  /// A restored database takes another incarnation for what it has written since, and is let in; a copy stays out while the
  /// other is there.
  private mutating func check(_ visit: Visit, at now: WallTime) -> Refusal? {
    let isCurrent = isCurrent(visit.token) && !isSuperseded(visit)
    // Of a program that knows no lineages the token alone can tell.
    let isNew = visit.standing != nil && !incarnations.isEmpty && !incarnations.contains(visit.incarnation)
    // Whoever has just joined has a new database, and nothing to lose. With a later token than HQ knows of, it is HQ that has lost
    // something, and may not know the store's log of today any more: what it has had of it comes again, and changes nothing.
    let hasLost = !incarnations.isEmpty && visit.standing?.hasLost ?? false && !isBehind(visit.token)
    guard !isCurrent || hasLost || isNew else { return nil }
    guard let standing = visit.standing, !visit.isLinked || isCurrent && !isNew else {
      fencedAt = now
      fencedAddress = visit.address
      return fenced
    }
    guard isNew else {
      return Refusal(
        .restored,
        "this database was put back to an earlier state, or copied: HQ has more of store \(visit.node) than it"
          + (lastContact.map { ", last at \(RFC3339.format($0)) from \(address ?? "an unknown address")" } ?? "")
          + ". It takes another incarnation and comes again",
        coverage: standing.coverage)
    }
    restoredAt = now
    restoredAddress = visit.address
    return nil
  }

  private var fenced: Refusal {
    let since = lastContact.map { ", last at \(RFC3339.format($0)) from \(address ?? "an unknown address")" } ?? ""
    return Refusal(
      .fenced,
      "this database was restored or copied, and another one of this store is connected\(since). Nothing was sent or "
        + "received, and what was sold here is kept here. Make sure that one copy runs; this one is let in once the other is "
        + "gone",
      retryAfter: Self.closedRetryMilliseconds)
  }

  private static func counter(of token: [UInt8]?) -> UInt64 {
    // Never at the end of the range, so that there is always a next one.
    min(token?.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } ?? 0, UInt64.max >> 1)
  }

  private static func bytes(of number: UInt64) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
  }
}
