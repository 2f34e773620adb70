import Causality
import Merge
import StoreModel

/// The quick way for received groups of nothing but new facts (see `Fact`): from the batch's columns into the database's
/// rows, without a record in between. What is asked of each value is asked once for a whole column, and whether facts are
/// new once for a run of them. Gain: `Protocol/PERFORMANCE.md`.
extension StoreTransaction {
  /// Applies a group if all of it can go this way.
  /// - Returns: false if nothing was done, and the group is to go the general way.
  mutating func merge(
    _ facts: FactGroup, lane: Lane, from peer: NodeNumber, batchStart: Sequence64
  ) throws(StoreError) -> Bool {
    // What this replica has written itself and lost goes the general way, and what a person has spoken for.
    guard facts.stamp.replica != node.identity.replica, !trustsPeer, try !backend.hasParked(),
      !node.identity.isHQ || facts.stamp.replica.node == peer
    else { return false }
    let sender = node.identity.isHQ ? peer : nil
    var accepted: [AcceptedColumns] = []
    for (index, run) in facts.runs.enumerated() {
      guard let columns = judged.accept(run.columns, from: sender, rules), run.columns.ids.ascend(run.rows),
        index == 0 || run.isBeyond(facts.runs[index - 1]), try backend.areNew(run.columns, run.rows)
      else { return false }
      accepted.append(columns)
    }
    observe(facts.stamp.time)
    node.head += 1
    var refs: [RecordRef] = []
    var audience = AudienceBuilder()
    for (run, accepted) in zip(facts.runs, accepted) {
      let first = try backend.insert(facts: run.columns, run.rows, stamp: facts.stamp, sequence: node.head)
      for row in first..<first + Int64(run.rows.count) { refs.append(RecordRef(entity: run.columns.entity, row: row)) }
      accepted.addStores(run.rows, to: &audience)
      if accepted.rules.hasBalancesOrKeys { try keepUp(run, accepted.rules.schema) }
      tally.new += run.rows.count
    }
    try backend.append(
      LogEntry(
        sequence: node.head, lane: lane, stamp: facts.stamp, origin: peer, audience: audience.result, records: refs,
        isReceived: true, needs: [], batchStart: batchStart))
    return true
  }

  private mutating func keepUp(_ run: FactGroup.Run, _ schema: EntitySchema) throws(StoreError) {
    for row in run.rows {
      try keepUp(schema) { tag in
        run.columns.tags.firstIndex(of: tag).map { run.columns.value(row, $0) } ?? .null
      }
    }
  }
}

extension FactGroup.Run {
  /// All ids are above those of the run before, so that no record is there twice.
  fileprivate func isBeyond(_ other: FactGroup.Run) -> Bool {
    let (mine, theirs) = (columns.entity.rawValue, other.columns.entity.rawValue)
    guard mine == theirs else { return theirs < mine }
    return other.columns.ids[other.rows.upperBound - 1].lexicographicallyPrecedes(columns.ids[rows.lowerBound])
  }
}

/// Columns that are facts of one entity, all of them sound.
struct AcceptedColumns {
  var rules: FactRules
  fileprivate var facts: FactColumns
  fileprivate var storeColumn: Int

  func addStores(_ rows: Range<Int>, to audience: inout AudienceBuilder) {
    for row in rows where row == rows.lowerBound || !facts.repeats(row, storeColumn) {
      audience.add(NodeNumber(UInt32(truncatingIfNeeded: facts.cells[storeColumn * facts.rowCount + row])))
    }
  }
}

/// Remembers what was found out about the columns of a batch, which are the same for each of its groups.
struct JudgedColumns {
  private var known: [(columns: FactColumns, accepted: AcceptedColumns?)] = []

  mutating func accept(
    _ columns: FactColumns, from sender: NodeNumber?, _ rules: FactRules.Table
  ) -> AcceptedColumns? {
    // A batch has few; its first ones most groups.
    for entry in known where entry.columns === columns { return entry.accepted }
    var accepted: AcceptedColumns?
    if let rules = rules[columns.entity], let store = rules.acceptedStoreColumn(columns, from: sender) {
      accepted = AcceptedColumns(rules: rules, facts: columns, storeColumn: store)
    }
    known.append((columns, accepted))
    return accepted
  }
}
