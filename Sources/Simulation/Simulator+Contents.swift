import Causality
import Merge
import RecordStore
import StoreModel
import Wire

extension Simulator {
  /// A hash of all that every node holds, for runs that must end alike: records, balances, conflict cases, what is parked.
  package func contentsHash() -> UInt64 {
    var trace = Trace(sink: nil)
    for node in nodes {
      let (backend, name) = (node.backend, node.name)
      let state = backend.loadNode()
      trace.add(at: 0, "\(name) \(state.identity) head \(state.head) clock \(state.clock.last)")
      for entity in backend.heldEntities() {
        let stamp = Stamp(time: .zero, replica: state.identity.replica)
        let records = backend.records(of: entity, after: nil, limit: .max)
        let bytes = BatchContents.encode([CommitGroup(stamp: stamp, records: records)])
        trace.add(at: 0, "\(name) \(entity) \(records.count) \(bytes)")
        trace.add(at: 0, "\(name) \(entity) \(backend.count(of: entity))")
      }
      for balance in backend.model.entities.flatMap(\.balances) {
        trace.add(at: 0, "\(name) \(balance.name) \(backend.balances(balance.name))")
      }
      for conflict in backend.conflictCases(includingClosed: true) { trace.add(at: 0, "\(name) \(conflict)") }
      for group in backend.parkedGroups() { trace.add(at: 0, "\(name) \(group)") }
    }
    return trace.hash
  }
}
