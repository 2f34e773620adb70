import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession
import Wire

/// HQ compares what one linked store has with what it should have, as `Verification` of the daemons does it: ranges first,
/// then what differed, again and again, each time once all that was on its way has come.
final class SimulatedVerification {
  /// What is to be done once the link is at rest, and what an answer is for.
  enum Stage {
    case ranges, looks, resend, recount, lastLooks
  }

  let store: Int
  let isRepairing: Bool
  var reconciler: RangeReconciler
  let sketch: RangeSketch
  var stage = Stage.ranges
  var isWaiting = false
  var number: UInt64 = 0
  var looks = RepeatedLooks([:])
  var toLookAt: [RecordKey] = []
  var asked: [RecordKey] = []
  /// What differs and waits for nothing, in order.
  var confirmed: [RecordKey] = []
  /// What is mended, and not yet seen to be.
  var unmended: Set<RecordKey> = []

  init(of store: Int, isRepairing: Bool, _ ranges: [VerifyQuestion.Range], _ sketch: RangeSketch) {
    self.sketch = sketch
    self.store = store
    self.isRepairing = isRepairing
    reconciler = RangeReconciler(ranges)
  }
}

/// The digests of what a node has; at HQ, of what is one store's.
struct SimulatedDigests: DigestSource {
  let store: any RecordStore
  let scope: NodeNumber?

  func digests(of entity: EntityTag, after id: RecordID?) throws(StoreError) -> DigestPage {
    let states = try store.records(of: entity, after: id, limit: SimulationLimits.digestPage)
    var items: [VerifyAnswer.Item] = []
    for state in states where isCovered(state) {
      items.append(VerifyAnswer.Item(id: state.id, digest: RecordDigest(state, sha256: Self.hash)))
    }
    return DigestPage(items: items, next: states.count < SimulationLimits.digestPage ? nil : states.last?.id)
  }

  func look(at key: RecordKey) throws(StoreError) -> VerifyAnswer.Look? {
    guard let state = try store.record(key), isCovered(state) else { return nil }
    return VerifyAnswer.Look(digest: RecordDigest(state, sha256: Self.hash), vector: state.vector)
  }

  private func isCovered(_ state: RecordState) -> Bool {
    guard let scope else { return true }
    return store.model.entity(state.entity).map { state.scope($0).contains(scope) } ?? false
  }

  /// Stands in for SHA-256, which needs a library: FNV-1a in 128 bits (draft-eastlake-fnv) is as good among honest nodes.
  private static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var hash: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D
    for byte in bytes { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013B }
    return stride(from: 120, through: 0, by: -8).map { UInt8(truncatingIfNeeded: hash >> UInt128($0)) }
  }
}
