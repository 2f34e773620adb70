import Causality
import Merge
import StoreModel

/// The quick way for drafts of nothing but new facts in the order of their ids, as a till's sale is (see `Fact`): whether
/// they are new is asked once for all of an entity, and they are written by one statement that keeps what they share.
extension StoreTransaction {
  /// Commits a draft if all of it can go this way.
  /// - Returns: false if nothing was done, and the draft is to go the general way.
  mutating func commitFacts(_ draft: CommitDraft, stamp: Stamp) throws(StoreError) -> Bool {
    guard let facts = DraftFacts(draft, rules, author: node.identity.replica.node) else { return false }
    for run in facts.runs {
      guard try backend.areNew(draft.writes[run.writes]) else { return false }
    }
    node.head += 1
    var refs: [RecordRef] = []
    refs.reserveCapacity(draft.writes.count)
    for run in facts.runs {
      let first = try backend.insert(facts: draft.writes[run.writes], stamp: stamp, sequence: node.head)
      for row in first..<first + Int64(run.writes.count) { refs.append(RecordRef(entity: run.rules.tag, row: row)) }
      guard run.rules.hasBalancesOrKeys else { continue }
      for index in run.writes { try keepUp(run.rules.schema, value: draft.writes[index].value) }
    }
    try backend.append(
      LogEntry(
        sequence: node.head, lane: facts.lane, stamp: stamp, origin: nil, audience: facts.audience.result,
        records: refs, isReceived: false, needs: [], batchStart: node.head))
    return true
  }
}

/// A draft's writes as facts, entity by entity.
private struct DraftFacts {
  struct Run {
    var rules: FactRules
    var writes: Range<Int>
  }

  private(set) var runs: [Run] = []
  private(set) var lane = Lane.bulk
  private(set) var audience = AudienceBuilder()

  /// Nil if they are no facts that `author` may write, or do not ascend.
  init?(_ draft: CommitDraft, _ table: FactRules.Table, author: NodeNumber) {
    let writes = draft.writes
    guard !writes.isEmpty, writes.count <= ModelLimits.groupRecordCount else { return nil }
    var byteCount = 0
    var start = 0
    while start < writes.count {
      let entity = writes[start].entity
      guard let rules = table[entity], runs.last.map({ $0.rules.tag.rawValue < entity.rawValue }) ?? true
      else { return nil }
      var end = start
      var last: RecordID?
      while end < writes.count, writes[end].entity.rawValue == entity.rawValue {
        let write = writes[end]
        if let last, last >= write.id { return nil }
        guard let accepted = rules.accept(write, by: author) else { return nil }
        byteCount += accepted.byteCount
        audience.add(accepted.store)
        last = write.id
        end += 1
      }
      runs.append(Run(rules: rules, writes: start..<end))
      lane = min(lane, rules.lane)
      start = end
    }
    guard byteCount <= ModelLimits.groupBytes else { return nil }
  }
}

extension RecordWrite {
  /// What a fact shows for a field; null if nothing.
  func value(of tag: FieldTag) -> Value {
    guard case .write(let fields) = action, let field = fields.first(where: { $0.field == tag }),
      case .set(let value) = field.edit
    else { return .null }
    return value
  }
}
