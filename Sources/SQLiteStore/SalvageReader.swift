package import Causality
import Merge
package import RecordStore
import StoreModel

/// Reads what a store's database, which may be damaged anywhere, has of commits that HQ has not confirmed. It is only read,
/// and what cannot be read is passed over.
package struct SalvageReader {
  private let backend: SQLiteBackend
  private let model: Model
  /// Whose commits count.
  private let node: NodeNumber
  private let acknowledged: LaneMap<Sequence64>
  private var salvage = Salvage()

  /// - Parameter backend: opened unchecked.
  package init(_ backend: SQLiteBackend, node: NodeNumber) {
    self.backend = backend
    self.node = node
    model = backend.model
    var acknowledged = LaneMap<Sequence64>(repeating: 0)
    // What cannot be read counts as not sent: what HQ has already changes nothing.
    for lane in Lane.allCases { acknowledged[lane] = (try? backend.acknowledged(peer: .hq, lane: lane)) ?? 0 }
    self.acknowledged = acknowledged
  }

  package mutating func read() -> Salvage {
    var entries: [LogEntry] = []
    for lane in Lane.allCases {
      entries += self.entries(lane).filter { $0.stamp.replica.node == node }
      noteLastSent(lane)
    }
    for entry in entries.sorted(by: { $0.sequence < $1.sequence }) { read(entry) }
    return salvage
  }

  // MARK: The log

  /// The entries beyond what HQ has confirmed, as far as they can be read.
  private mutating func entries(_ lane: Lane) -> [LogEntry] {
    var all: [LogEntry] = []
    var position = acknowledged[lane]
    while true {
      if let page = try? backend.logEntries(lane: lane, after: position, limit: 64) {
        // Entries out of order are damage, too.
        guard let last = page.last, last.sequence > position else { return all }
        all += page
        position = last.sequence
      } else if let next = entry(in: lane, behind: position) {
        all.append(next)
        position = next.sequence
      } else {
        return all
      }
    }
  }

  /// The next entry that can be read by itself, behind a place that cannot.
  private mutating func entry(in lane: Lane, behind position: Sequence64) -> LogEntry? {
    let end = position.addingReportingOverflow(SQLiteLimits.salvageSkip).partialValue
    guard end > position, end < UInt64(Int64.max) else { return nil }
    for sequence in position + 1...end {
      do throws(StoreError) {
        guard let entry = try backend.logEntry(sequence) else { continue }
        if entry.lane == lane { return entry }
      } catch {
        salvage.unreadableEntries += 1
      }
    }
    return nil
  }

  /// Finds the latest commits that HQ has, looking back from the last that it has confirmed.
  private mutating func noteLastSent(_ lane: Lane) {
    let times = (try? backend.log.lastTimes(lane, through: acknowledged[lane])) ?? []
    for (replica, time) in times where replica.node == node {
      salvage.lastSent[replica] = max(salvage.lastSent[replica] ?? .zero, time)
    }
  }

  // MARK: Records

  private mutating func read(_ entry: LogEntry) {
    var group = Salvage.Group(sequence: entry.sequence, lane: entry.lane, stamp: entry.stamp)
    for ref in entry.records {
      do throws(StoreError) {
        guard let stored = try backend.read(ref) else {
          group.unreadable.append(ref)
          continue
        }
        // It is in a later group, or was let go of because HQ had it.
        guard stored.sequence == entry.sequence, let state = stored.state else { continue }
        guard isSound(state) else {
          group.unreadable.append(ref)
          continue
        }
        group.records.append(state)
        for step in (try? backend.counterSteps(of: ref, after: acknowledged[entry.lane])) ?? [] {
          let sum = salvage.steps[state.key]?[step.field] ?? 0
          salvage.steps[state.key, default: [:]][step.field] = sum.addingSaturating(step.difference)
        }
      } catch {
        group.unreadable.append(ref)
      }
    }
    salvage.groups.append(group)
  }

  /// What HQ would park is not brought to it.
  private func isSound(_ state: RecordState) -> Bool { state.isSound(model.entity(state.entity)) }
}
