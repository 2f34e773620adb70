import Merge
import StoreModel

/// What a sound store holds, as counted.
package struct Audit: Hashable, Sendable {
  package var entries = 0
  package var records = 0
  package var head: Sequence64 = 0
}

extension StoreEngine {
  /// Goes through the whole log: every record that it names is there, can be read, and belongs to an entry of the log.
  /// - Parameter progress: is told how many entries were looked at. Returns false to give up.
  /// - Throws: `corrupt` at the first thing that is not so.
  package func audit(_ progress: (Int) -> Bool) throws(StoreError) -> Audit {
    try backend.transaction { () throws(StoreError) in
      let node = try backend.loadNode()
      var audit = Audit(head: node.head)
      for lane in Lane.allCases {
        var position: Sequence64 = 0
        while true {
          let entries = try backend.logEntries(lane: lane, after: position, limit: 256)
          guard let last = entries.last else { break }
          guard last.sequence > position else { throw damaged("entries that do not ascend") }
          for entry in entries {
            guard entry.sequence <= node.head else {
              throw damaged("an entry \(entry.sequence) beyond its end, \(node.head)")
            }
            for ref in entry.records where try isOwn(ref, entry) { audit.records += 1 }
          }
          audit.entries += entries.count
          position = last.sequence
          guard progress(audit.entries) else { throw StoreError(.interrupted, "interrupted; nothing was kept") }
        }
      }
      return audit
    }
  }

  /// Whether a record belongs to an entry that names it, and not to a later one.
  private func isOwn(_ ref: RecordRef, _ entry: LogEntry) throws(StoreError) -> Bool {
    guard let stored = try backend.read(ref) else {
      throw damaged("entry \(entry.sequence): a record that is not there")
    }
    guard stored.sequence != entry.sequence else { return true }
    guard stored.sequence > entry.sequence, let later = try backend.logEntry(stored.sequence),
      later.records.contains(ref)
    else {
      throw damaged(
        "entry \(entry.sequence): a record that belongs to entry \(stored.sequence), which does not name it")
    }
    return false
  }

  private func damaged(_ found: String) -> StoreError { StoreError(.corrupt, "the change log has \(found)") }
}
