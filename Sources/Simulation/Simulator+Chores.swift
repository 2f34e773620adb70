import Base
import Causality
import Merge
import RecordStore
import StoreModel
import SyncSession

/// What a person does about conflict cases and what is parked.
enum Chore {
  case settle, retryParked, dropParked
}

extension Simulator {
  func perform(_ chore: Chore, at index: Int) throws(StoreError) {
    switch chore {
    case .settle: try settle(at: index)
    case .retryParked:
      let count = try retryParked(trusting: false)
      probes.hit(.retried)
      note("a person has HQ try again what is parked: \(count) groups are applied")
    case .dropParked: try dropParked()
    }
  }

  private func dropParked() throws(StoreError) {
    let hq = nodes[0]
    let groups = hq.backend.parkedGroups()
    guard !groups.isEmpty else { return }
    let group = further.pick(groups)
    guard try hq.store.dropParked(group.number) != nil else { return }
    hq.droppedKeys.formUnion(group.keys)
    probes.hit(.dropped)
    note("a person drops a parked group of \(group.peer): \(group.keys.map(\.summary))")
  }

  private func settle(at index: Int) throws(StoreError) {
    let node = nodes[index]
    let open = node.backend.conflictCases(includingClosed: false).filter { $0.status == .open }
    guard !open.isEmpty else { return }
    let found = further.pick(open)
    let choice = choice(for: found)
    let key = RecordKey(entity: found.subject.entity, id: found.subject.record)
    let before = node.backend.find(key)?.state
    let head = try node.store.logHead()
    switch try node.store.settle(found.number, choice, note: "seen to", at: correctedWall(node)) {
    case .settled(_, let settlement):
      probes.hit(.settled)
      note("\(node.name): a person settles \(found.subject) with \(choice.word)")
      guard let stamp = settlement.stamp else {
        node.accepted.insert(found.subject)
        return
      }
      let draft = CommitDraft([RecordWrite(entity: key.entity, id: key.id, .delete)])
      do throws(Violation) {
        try oracle.record(
          draft, stamp, at: index, node.backend, before: before.map { [key: $0] } ?? [:], logAfter: head, time: now)
      } catch {
        brokenRule = error
      }
      pendingGrowth = index
    case .unfit(let reason): note("\(node.name): \(found.subject) is not to be settled so: \(reason)")
    case .refused(let error): note("\(node.name) may not settle \(found.subject): \(error)")
    case .notFound: brokenRule = Violation("\(node.name) does not find its case \(found.number)")
    }
  }

  private func choice(for found: ConflictCase) -> SettlementChoice {
    switch found.subject.kind {
    case .field:
      guard further.chance(perMille: 700), !found.candidates.isEmpty else {
        return .value(.text("w\(further.below(1_000))"))
      }
      return .take(further.pick(found.candidates).stamp)
    case .deletion: return further.chance(perMille: 500) ? .keep : .delete
    case .immutable, .unique: return .accept
    }
  }
}
