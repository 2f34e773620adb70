import Merge
import StoreModel

extension StoreTransaction {
  /// Counts the fields of a merged record that neither side had so: both have written them.
  mutating func countConcurrentFields(_ merged: RecordState, _ ours: RecordState, _ theirs: RecordState) {
    let schema = model.entity(merged.entity)
    for field in merged.fields {
      // One value alone is one side's.
      if case .register(let siblings) = field.content, siblings.count == 1 { continue }
      guard field.content != ours.content(of: field.tag), field.content != theirs.content(of: field.tag) else {
        continue
      }
      tally.concurrentFields[schema?.field(field.tag)?.rule.name ?? "unknown", default: 0] += 1
    }
  }
}
