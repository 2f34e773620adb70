import Causality
import Merge
import StoreModel

/// A large group's records, and which of them each store is to have: read and scoped once for all stores, and not once a store.
///
/// A record that has moved on to a later group is everybody's: each reading follows it.
struct SharedReading {
  /// A record's place in the group, for one store.
  struct Part: Hashable {
    var place: Int
    /// It has left the store's scope.
    var isDeparture = false
  }

  private(set) var records: [StoredRecord] = []
  private var everybodys: [Part] = []
  private var own: [NodeNumber: [Part]] = [:]
  /// What it takes in memory, about.
  private(set) var byteCount = 0

  /// - Returns: nil if the group has more than `limit` bytes.
  init?(of entry: LogEntry, in backend: some StorageBackend, _ model: Model, limit: Int) throws(StoreError) {
    for ref in entry.records {
      guard let stored = try backend.read(ref) else { throw .missing(ref) }
      guard let state = stored.state else { continue }
      byteCount += state.approximateByteCount + StoreLimits.sharedRecordBytes
      guard byteCount <= limit else { return nil }
      let place = records.count
      records.append(stored)
      let scope = model.entity(state.entity).map { state.scope($0) } ?? .hq
      guard stored.sequence == entry.sequence, scope != .everyone else {
        everybodys.append(Part(place: place))
        continue
      }
      for store in scope.stores { own[store, default: []].append(Part(place: place)) }
      for store in try backend.departures(of: ref) where !scope.contains(store) {
        own[store, default: []].append(Part(place: place, isDeparture: true))
      }
    }
  }

  /// What a store is to have or to follow, in the order of the group.
  func parts(for store: NodeNumber) -> [Part] {
    guard let own = own[store] else { return everybodys }
    return everybodys.isEmpty ? own : (everybodys + own).sorted { $0.place < $1.place }
  }
}

/// Keeps what was read of large groups, as long as nobody has written to the database: when a group comes that concerns many
/// stores, each of them has it read within a moment. A group is kept from the second reading in the same state on, so that
/// neither one store that loads everything nor a busy database costs more than without.
///
/// Confined to its engine.
final class SharedReadings {
  /// As of when all this was read.
  private var version: ContentsVersion?
  private var readings: [Sequence64: SharedReading] = [:]
  private(set) var byteCount = 0
  /// Groups that were read in this state.
  private var passed: Set<Sequence64> = []
  private var tooLarge: Set<Sequence64> = []
  private let limit: Int

  init(limit: Int = StoreLimits.sharedReadingBytes) {
    self.limit = limit
  }

  /// Within a transaction.
  /// - Returns: nil if the group is to be read as if there were nothing else.
  func reading(
    of entry: LogEntry, for peer: NodeNumber, in backend: some StorageBackend, _ model: Model
  ) throws(StoreError) -> SharedReading? {
    // HQ takes all of it, and a small group is read as quickly.
    guard peer != .hq, entry.audience == .mixed, entry.records.count >= StoreLimits.sharedGroupRecords,
      let present = try backend.contentsVersion()
    else { return nil }
    if present != version { forget(asOf: present) }
    if let reading = readings[entry.sequence] { return reading }
    guard passed.contains(entry.sequence) else {
      if passed.count >= StoreLimits.sharedGroupCount { (passed, tooLarge) = ([], []) }
      passed.insert(entry.sequence)
      return nil
    }
    guard !tooLarge.contains(entry.sequence) else { return nil }
    guard let reading = try SharedReading(of: entry, in: backend, model, limit: limit) else {
      tooLarge.insert(entry.sequence)
      return nil
    }
    if byteCount + reading.byteCount > limit { forget(asOf: present) }
    readings[entry.sequence] = reading
    byteCount += reading.byteCount
    return reading
  }

  private func forget(asOf present: ContentsVersion) {
    version = present
    passed = []
    tooLarge = []
    readings = [:]
    byteCount = 0
  }
}

extension StoreError {
  /// The log and the records do not belong together.
  static func missing(_ ref: RecordRef) -> StoreError {
    StoreError(.corrupt, "the log names a record \(ref) that is not there")
  }
}
