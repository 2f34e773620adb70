import Base
import Causality
import Merge
import RecordStore
import StoreModel

extension Simulator {
  /// One or several transactions of the people at a node, committed together; the oracle takes note.
  /// - Returns: whether the log has grown.
  func commit(at index: Int) throws(StoreError) -> Bool {
    let node = nodes[index]
    let place = Workload.Place(
      node: index, wall: correctedWall(node), backend: node.backend, isPoisoned: plan.poisonedStore == index)
    var steps = [
      further.chance(perMille: plan.further.returnPerMille) ? workload.correction(place) : workload.step(at: place)
    ]
    while workload.generator.chance(perMille: 100) {
      let step = workload.step(at: place)
      // The oracle looks at records before and after: transactions of one call must not share any.
      let taken = Set(steps.flatMap { $0.draft.keys })
      if taken.isDisjoint(with: step.draft.keys) { steps.append(step) }
    }
    if node.version.isOlder { steps = steps.compactMap { $0.fitting(node.backend.model) } }
    steps.removeAll { !drift.keys.isDisjoint(with: $0.draft.keys) }
    return steps.isEmpty ? false : try commit(steps, at: index)
  }

  private func commit(_ steps: [Workload.Step], at index: Int) throws(StoreError) -> Bool {
    let node = nodes[index]
    var before: [RecordKey: RecordState] = [:]
    for key in steps.flatMap({ $0.draft.keys }) { before[key] = node.backend.find(key)?.state }
    let head = try node.store.logHead()
    let results = try node.store.commit(steps.map(\.draft), at: correctedWall(node))
    for (step, result) in zip(steps, results) {
      switch result {
      case .committed(let stamp):
        probes.hit(.commits)
        note("\(node.name) commits \(stamp): \(step.name) of \(step.draft.keys.map(\.summary).joined(separator: " "))")
        probe(step, before, at: node)
        do throws(Violation) {
          try oracle.record(step.draft, stamp, at: index, node.backend, before: before, logAfter: head, time: now)
        } catch {
          brokenRule = error
        }
      case .unchanged:
        probes.hit(.unchanged)
        if step.name == "receipt sent again" { probes.hit(.resentSame) }
        note("\(node.name) commits nothing new: \(step.name)")
      case .refused(let error):
        probes.hit(.refused)
        note("\(node.name) refuses: \(step.name), \(error)")
        if ![.notAllowed, .missingField].contains(error.code) {
          brokenRule = Violation("\(node.name) refuses \(step.name): \(error)")
        }
      }
    }
    return try node.store.logHead() > head
  }

  private func probe(_ step: Workload.Step, _ before: [RecordKey: RecordState], at node: SimulatedNode) {
    if step.name == "return" || step.name == "void" { probes.hit(.corrections) }
    if step.name == "receipt sent again with other contents" { probes.hit(.resentOther) }
    for write in step.draft.writes {
      let key = RecordKey(entity: write.entity, id: write.id)
      guard let policy = node.backend.model.entity(write.entity)?.deletion else { continue }
      let wasDeleted = before[key]?.isDeleted(policy) ?? false
      if write.action == .delete { probes.hit(.deletions) } else if wasDeleted { probes.hit(.recreations) }
    }
  }

  /// What HQ has before the first store calls.
  func seedCatalogue() throws(Violation) {
    var writes: [RecordWrite] = []
    for index in nodes.indices.dropFirst() {
      let store = Store(
        id: RecordID(number: UInt32(index)), name: "Store \(index)", code: "S\(index)", timeZone: "America/New_York",
        currency: "USD")
      writes.append(RecordWrite(store))
    }
    for product in workload.products { writes.append(RecordWrite(Product(id: product, name: "Product"))) }
    for member in workload.members { writes.append(RecordWrite(Member(id: member, name: "Member"))) }
    do throws(StoreError) {
      _ = try commit(writes.map { Workload.Step("catalogue", [$0]) }, at: 0)
    } catch {
      throw Violation("HQ cannot write its catalogue: \(error)")
    }
    if let brokenRule { throw brokenRule }
  }
}

extension CommitDraft {
  /// The records that it writes, each once, in order.
  var keys: [RecordKey] {
    var keys: [RecordKey] = []
    for write in writes {
      let key = RecordKey(entity: write.entity, id: write.id)
      if !keys.contains(key) { keys.append(key) }
    }
    return keys
  }
}

extension RecordKey {
  /// Short enough for a line of the trace.
  var summary: String {
    let name = Model.retail.entity(entity)?.name ?? entity.description
    return "\(name)/\(Identity.key.isValid(id) ? String(decoding: id.bytes, as: UTF8.self) : id.description)"
  }
}
