import Causality
import Dispatch
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Transport
import Wire

/// Reads what a node has for one store, to compare it: in pages, each a transaction of its own, so that nobody waits for it and
/// the write-ahead log can be taken in between. A record that a store has purged counts as it was then: HQ still keeps it for
/// the store, and must not have changed or lost it.
struct RecordDigests: DigestSource {
  /// Records of a page: some milliseconds.
  private static let pageCount = 200
  /// Where nobody waits, a reading rests for as many times as it has read: it takes a tenth of one processor.
  private static let restFactor: UInt64 = 9

  let engine: StoreGate.Engine
  /// At HQ: only records in the scope of this store.
  let scope: NodeNumber?
  let isUnhurried: Bool

  func digests(of entity: EntityTag, after id: RecordID?) throws(StoreError) -> DigestPage {
    let start = Self.nanoseconds()
    let (states, purged) = try engine.backend.transaction { () throws(StoreError) in
      (
        try engine.records(of: entity, after: id, limit: Self.pageCount),
        try engine.purgedDigests(of: entity, after: id, limit: Self.pageCount)
      )
    }
    // What lies behind the end of the shorter page is the next page's.
    let ends = [
      states.count < Self.pageCount ? nil : states.last?.id, purged.count < Self.pageCount ? nil : purged.last?.id,
    ]
    let end = ends.compactMap { $0 }.min()
    func isInPage(_ id: RecordID) -> Bool { end.map { id <= $0 } ?? true }
    var items: [VerifyAnswer.Item] = []
    items.reserveCapacity(states.count)
    for state in states where isInPage(state.id) && isCovered(state) {
      items.append(VerifyAnswer.Item(id: state.id, digest: RecordDigest(state, sha256: Digest.sha256)))
    }
    if !purged.isEmpty {
      items += purged.filter { isInPage($0.id) }.map { VerifyAnswer.Item(id: $0.id, digest: RecordDigest($0.digest)) }
      items.sort { $0.id < $1.id }
    }
    if isUnhurried {
      let rest = (Self.nanoseconds() - start) * Self.restFactor / 1_000
      usleep(UInt32(clamping: min(rest, 1_000_000)))
    }
    return DigestPage(items: items, next: end)
  }

  /// One record, as a store shows it to HQ.
  func look(at key: RecordKey) throws(StoreError) -> VerifyAnswer.Look? {
    guard let state = try engine.record(key) else {
      return try engine.purged(key).map { VerifyAnswer.Look(digest: RecordDigest($0.digest), vector: $0.vector) }
    }
    guard isCovered(state) else { return nil }
    return VerifyAnswer.Look(digest: RecordDigest(state, sha256: Digest.sha256), vector: state.vector)
  }

  private func isCovered(_ state: RecordState) -> Bool {
    guard let scope else { return true }
    return engine.model.entity(state.entity).map { state.scope($0).contains(scope) } ?? false
  }

  private static func nanoseconds() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}

extension RecordDigest {
  /// As a purge keeps it.
  var bytes: [UInt8] {
    (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * (Self.byteCount - 1 - $0))) }
  }

  init(_ bytes: [UInt8]) { self.init(bytes.reduce(0) { $0 << 8 | UInt128($1) }) }
}
