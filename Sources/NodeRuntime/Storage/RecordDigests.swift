import Causality
import Glibc
import Merge
import RecordStore
import SQLiteStore
import StoreModel
import SyncSession
import Transport
import Wire

/// Reads what a node has for one store, to compare it: in pages, each a transaction of its own, so that nobody waits for it and
/// the write-ahead log can be taken in between.
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
    let states = try engine.backend.transaction { () throws(StoreError) in
      try engine.records(of: entity, after: id, limit: Self.pageCount)
    }
    var items: [VerifyAnswer.Item] = []
    items.reserveCapacity(states.count)
    for state in states where isCovered(state) {
      items.append(VerifyAnswer.Item(id: state.id, digest: RecordDigest(state, sha256: Digest.sha256)))
    }
    if isUnhurried {
      let rest = (Self.nanoseconds() - start) * Self.restFactor / 1_000
      usleep(UInt32(clamping: min(rest, 1_000_000)))
    }
    return DigestPage(items: items, next: states.count < Self.pageCount ? nil : states.last?.id)
  }

  /// One record, as a store shows it to HQ.
  func look(at key: RecordKey) throws(StoreError) -> VerifyAnswer.Look? {
    guard let state = try engine.record(key), isCovered(state) else { return nil }
    return VerifyAnswer.Look(digest: RecordDigest(state, sha256: Digest.sha256), vector: state.vector)
  }

  private func isCovered(_ state: RecordState) -> Bool {
    guard let scope else { return true }
    return engine.model.entity(state.entity).map { state.scope($0).contains(scope) } ?? false
  }

  private static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
