package import Base
package import Causality
package import Merge
package import StoreModel

/// What a store is to let go of: old facts that HQ has.
package struct PurgeRequest: Hashable, Sendable {
  /// Documents that were made before this.
  package var before: WallTime
  /// Of this store's own log: what HQ is known to have, for long enough.
  package var through: LaneMap<Sequence64>
  /// Where to go on; nil for the beginning.
  package var from: RecordID?
  /// Only counts.
  package var isDryRun: Bool

  package init(before: WallTime, through: LaneMap<Sequence64>, from: RecordID? = nil, isDryRun: Bool = false) {
    self.before = before
    self.through = through
    self.from = from
    self.isDryRun = isDryRun
  }
}

/// Why a document that is old enough stays.
package enum PurgeObstacle: String, Hashable, Sendable, CaseIterable {
  /// HQ has not acknowledged it, or not for long enough.
  case notAtHQ = "not-at-hq"
  /// A group that touches it is parked or was refused, here or at HQ.
  case parked
  /// It has a conflict case that is open.
  case conflict
  /// It has more records than are let go of at once.
  case tooLarge = "too-large"
}

/// One turn of a purge.
package struct PurgeSlice: Hashable, Sendable {
  /// Records, by entity.
  package var dropped: [EntityTag: Int] = [:]
  package var kept: [PurgeObstacle: Int] = [:]
  /// Where the next turn begins; nil if there is none.
  package var next: RecordID?
}

/// Letting go of old facts, which HQ keeps. It is no deletion, and nobody else hears of it: of each record a stub stays, with its
/// vector and the digest that it had, so that an old message does not bring it back and `verify` still finds what HQ has lost or
/// changed. Balances keep what it added.
extension StoreEngine {
  /// Lets go of the next documents, in the order of their ids, each with all its records or not at all: a reader never finds
  /// half a sale.
  /// - Parameter digest: what `verify` compares.
  package func purge(
    _ request: PurgeRequest, digest: (RecordState) -> [UInt8]
  ) throws(StoreError) -> PurgeSlice {
    guard !identity.isHQ else {
      throw StoreError(.internalError, "a purge at HQ, which keeps what its stores let go of")
    }
    return try backend.transaction { () throws(StoreError) -> PurgeSlice in
      var purge = try Purge(backend: backend, model: model, request: request)
      return try purge.run(digest)
    }
  }

  /// Of an entity's purged records with ids after `id`, ascending.
  package func purgedDigests(
    of entity: EntityTag, after id: RecordID?, limit: Int
  ) throws(StoreError) -> [PurgedDigest] {
    try backend.purgedDigests(of: entity, after: id, limit: limit)
  }

  /// What a record that was purged here had seen, and its digest.
  package func purged(_ key: RecordKey) throws(StoreError) -> (vector: VersionVector, digest: [UInt8])? {
    guard case .stub(let vector) = try backend.find(key)?.body, let digest = try backend.purgedDigest(of: key) else {
      return nil
    }
    return (vector, digest)
  }
}

private struct Purge<Backend: StorageBackend> {
  let backend: Backend
  let model: Model
  let request: PurgeRequest
  private let peerLog: PeerLog?
  private let inConflict: Set<RecordKey>
  private let notApplied: Set<RecordKey>
  /// A sale's records mostly belong to one entry.
  private var lastEntry: LogEntry?
  private var slice = PurgeSlice()

  init(backend: Backend, model: Model, request: PurgeRequest) throws(StoreError) {
    self.backend = backend
    self.model = model
    self.request = request
    peerLog = try backend.peerLog(.hq)
    var keys: Set<RecordKey> = []
    for conflict in try backend.conflictCases(includingClosed: false) where conflict.status == .open {
      keys.formUnion(conflict.records.map { RecordKey(entity: conflict.subject.entity, id: $0) })
    }
    inConflict = keys
    notApplied = Set(try backend.exceptions(of: .hq).flatMap(\.keys))
  }

  mutating func run(_ digest: (RecordState) -> [UInt8]) throws(StoreError) -> PurgeSlice {
    let documents = try nextDocuments()
    for (document, states) in documents {
      guard let time = RecordID(document).documentTime, time < request.before else { continue }
      var records: [(stored: StoredRecord, state: RecordState)] = []
      var obstacle: PurgeObstacle?
      for state in states {
        guard let stored = try backend.find(state.key) else { continue }
        if obstacle == nil { obstacle = try self.obstacle(to: stored) }
        records.append((stored, state))
      }
      if let obstacle {
        slice.kept[obstacle, default: 0] += records.count
        continue
      }
      for (stored, state) in records {
        slice.dropped[state.entity, default: 0] += 1
        if !request.isDryRun { try letGo(stored, state, digest(state)) }
      }
    }
    return slice
  }

  private mutating func obstacle(to stored: StoredRecord) throws(StoreError) -> PurgeObstacle? {
    if inConflict.contains(stored.key) { return .conflict }
    if notApplied.contains(stored.key) { return .parked }
    if try backend.isBlockedByParked(stored.key, from: .hq) { return .parked }
    if lastEntry?.sequence != stored.sequence { lastEntry = try backend.logEntry(stored.sequence) }
    guard let entry = lastEntry else { return .notAtHQ }
    return entry.wasSent(by: .hq, peerLog) || entry.sequence <= request.through[entry.lane] ? nil : .notAtHQ
  }

  private func letGo(_ stored: StoredRecord, _ state: RecordState, _ digest: [UInt8]) throws(StoreError) {
    var stub = stored
    stub.body = .stub(state.vector)
    try backend.update(stub)
    try backend.notePurged(state.key, digest: digest)
    guard let schema = model.entity(state.entity) else { return }
    for balance in schema.balances {
      guard let part = state.contribution(to: balance, schema) else { continue }
      try backend.addToPurgedBalance(balance.name, keys: part.keys, difference: part.amount)
    }
  }

  /// The next documents, ascending, with all their records; and takes note of where the next turn begins.
  private mutating func nextDocuments() throws(StoreError) -> [(document: [UInt8], states: [RecordState])] {
    let start = request.from?.bytes ?? []
    let end = Array(RecordID(milliseconds: request.before.milliseconds, random: (0, 0)).bytes.prefix(6))
    var limit = StoreLimits.purgePageCount
    while true {
      // Only documents below this were read to their end.
      var frontier: [UInt8]?
      var found: [[UInt8]: [RecordState]] = [:]
      for schema in model.entities where schema.isPurgeable {
        let page = try backend.records(of: schema.tag, after: RecordID.last(before: start), limit: limit)
        for state in page { found[state.document, default: []].append(state) }
        guard page.count == limit, let last = page.last?.document else { continue }
        frontier = frontier.map { $0.lexicographicallyPrecedes(last) ? $0 : last } ?? last
      }
      if let frontier, frontier == start {
        guard limit * 2 > StoreLimits.purgeDocumentCount else {
          limit *= 2
          continue
        }
        slice.kept[.tooLarge, default: 0] += found[start]?.count ?? 0
        slice.next = RecordID(start + [UInt8](repeating: 0xFF, count: 8))
        return []
      }
      if let frontier, frontier.lexicographicallyPrecedes(end) { slice.next = RecordID(frontier) }
      return found.filter { item in
        let document = item.key
        return !document.lexicographicallyPrecedes(start) && document.lexicographicallyPrecedes(end)
          && (frontier.map { document.lexicographicallyPrecedes($0) } ?? true)
      }.map { (document: $0.key, states: $0.value) }.sorted { $0.document.lexicographicallyPrecedes($1.document) }
    }
  }
}

extension RecordState {
  /// The UUID that the ids of one document's records begin with.
  fileprivate var document: [UInt8] { Array(id.bytes.prefix(RecordID.documentByteCount)) }
}

extension RecordID {
  /// An id after which come all that begin with these bytes, or lie beyond; nil for the beginning.
  fileprivate static func last(before start: [UInt8]) -> RecordID? {
    var bytes = start
    guard let last = bytes.popLast() else { return nil }
    // Of all ids that are shorter or smaller, those with a long tail come last.
    return last > 0 ? RecordID(bytes + [last - 1] + [UInt8](repeating: 0xFF, count: 24)) : RecordID(bytes)
  }
}
