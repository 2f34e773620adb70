import Base
import Causality
import Merge
import RecordStore
import StoreModel

/// Records that were changed behind their node's back, and the stores that `verify` has mended.
struct DriftCheck {
  var records: [Int: Set<RecordKey>] = [:]
  var isInjected = false
  var beingMended: Set<RecordKey> = []
  var mended: Set<Int> = []
  var operationsLeft = SimulationLimits.operationsWhileMending

  var keys: Set<RecordKey> { records.values.reduce(into: []) { $0.formUnion($1) } }
  func keys(of store: Int) -> Set<RecordKey> { records[store] ?? [] }
}

extension Simulator {
  /// When all is at rest: some of the stores' records change without a write. HQ finds exactly these, and mends them, while
  /// people go on with other records. An HQ that was put back compares all stores as well: it counts as theirs what they have
  /// let go of in the time that it has forgotten.
  /// - Returns: whether there is nothing left to do.
  func isDriftMended() throws(Violation) -> Bool {
    let injects = plan.further.driftedRecords > 0
    guard injects || hqWasPutBack else { return true }
    let stores = nodes.indices.dropFirst().filter { !nodes[$0].isRetired }
    if !injects { drift.operationsLeft = 0 }
    if !drift.isInjected, injects {
      // What changes behind a node's back is to find room.
      guard stores.allSatisfy({ nodes[$0].backend.writesLeft == nil }) else { return false }
      drift.isInjected = true
      for store in stores { try inject(at: store) }
    }
    if drift.operationsLeft > 0 {
      drift.operationsLeft -= 1
      enqueue(.commit, at: further.pick(stores + [0]))
    }
    for store in stores where !drift.mended.contains(store) { try verify(store, isRepairing: true) }
    return drift.operationsLeft == 0 && stores.allSatisfy { drift.mended.contains($0) } && isQuiet
  }

  private func inject(at store: Int) throws(Violation) {
    let disk = nodes[store].backend
    let waiting = parkedKeys(at: nodes[0]).union(parkedKeys(at: nodes[store]))
    for _ in 0..<plan.further.driftedRecords {
      let held = disk.model.entities.flatMap { disk.records(of: $0.tag, after: nil, limit: .max) }
        .filter { !waiting.contains($0.key) && !drift.keys.contains($0.key) && $0.drifted(disk.model) != nil }
      guard !held.isEmpty else { return }
      let state = further.pick(held)
      guard let stored = disk.find(state.key), let drifted = state.drifted(disk.model) else { continue }
      var changed = stored
      changed.body = further.chance(perMille: 700) ? .held(drifted) : .stub(state.vector)
      do throws(StoreError) {
        try disk.transaction { () throws(StoreError) in try disk.update(changed) }
      } catch {
        throw Violation("a record cannot be changed behind a node's back: \(error)")
      }
      drift.records[store, default: []].insert(state.key)
      note("store \(store)'s \(state.key.summary) changes behind its back")
    }
  }
}

extension RecordState {
  /// The same with another value under the same stamp, in a field that says nothing about where the record belongs.
  fileprivate func drifted(_ model: Model) -> RecordState? {
    guard let schema = model.entity(entity) else { return nil }
    for field in schema.fields.reversed() {
      guard [.text, .money, .quantity].contains(field.type), case .register(let found)? = content(of: field.tag),
        !found.isEmpty
      else { continue }
      var siblings = Array(found)
      switch siblings[0].value {
      case .text(let text): siblings[0].value = .text(text + "~")
      case .integer(let number): siblings[0].value = .integer(number + 1)
      default: continue
      }
      var state = self
      state.setContent(.register(Siblings(siblings)), of: field.tag)
      return state
    }
    return nil
  }
}
