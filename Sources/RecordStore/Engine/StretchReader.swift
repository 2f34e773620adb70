package import Causality
import Merge
import StoreModel

/// Reads the next stretch of a lane of the log for one peer.
///
/// A record that was written again has moved to its later group, so an earlier group is whole only together with that
/// later one, and the later one brings what the earlier wrote: neither may be at a peer without the other. The same holds
/// for groups that came in one batch, which may have held such a chain. A stretch therefore ends only where all that
/// belongs together is in it or was sent before. What lies further on in the same lane makes the stretch go on to it;
/// what lies in another lane is pulled in, and sent again in its own lane later, where it has nothing new. What finds no room
/// is told of, so that the peer knows until when it shows a part.
struct StretchReader<Backend: StorageBackend> {
  let backend: Backend
  let model: Model
  let request: OutgoingRequest
  private let readings: SharedReadings

  private var peerLog: PeerLog?
  private var groups: [CommitGroup] = []
  private var bytes = 0
  /// The stretch is whole only if it reaches this sequence of the lane.
  private var wholeFrom: Sequence64 = 0
  private var pulled: Set<Sequence64> = []
  private var toPull: [LogEntry] = []
  private var brought = LaneMap<Set<Sequence64>>(repeating: [])
  /// Entries of other lanes that found no room, the last of each lane: all is whole once these are there.
  private var awaited = LaneMap<Sequence64>(repeating: 0)

  /// - Parameter readings: what was read before of this backend's large groups.
  init(backend: Backend, model: Model, request: OutgoingRequest, sharing readings: SharedReadings) {
    self.readings = readings
    self.backend = backend
    self.model = model
    self.request = request
  }

  mutating func read() throws(StoreError) -> OutgoingStretch {
    peerLog = try backend.peerLog(request.peer)
    var through = request.after
    var scanned = 0
    var skipped = 0
    var hasMore = true
    reading: while scanned < request.scanLimit || wholeFrom > through {
      let entries = try backend.logEntries(lane: request.lane, after: through, limit: 64)
      hasMore = !entries.isEmpty
      guard hasMore else { break }
      for entry in entries {
        let isFull = bytes >= request.budgetBytes || scanned >= request.scanLimit
        if entry.batchStart <= through, through > request.after { wholeFrom = max(wholeFrom, entry.sequence) }
        if isFull, wholeFrom <= through || bytes >= request.chainBytes { break reading }
        if try !add(entry) { skipped += 1 }
        try pullGroups()
        through = entry.sequence
        scanned += 1
      }
    }
    for entry in toPull { leave(entry) }
    return OutgoingStretch(
      lane: request.lane, after: request.after, through: through, groups: groups,
      incompleteUntil: wholeFrom > through ? wholeFrom : 0, awaited: awaited, brought: brought.sorted,
      skipped: skipped, hasMore: hasMore)
  }

  /// Adds what the peer is to have of an entry's group.
  /// - Returns: false if that is nothing.
  private mutating func add(_ entry: LogEntry) throws(StoreError) -> Bool {
    guard !entry.wasSent(by: request.peer, peerLog), entry.audience.mayConcern(request.peer) else { return false }
    var group = CommitGroup(stamp: entry.stamp, records: [])
    if let shared = try readings.reading(of: entry, for: request.peer, in: backend, model) {
      for part in shared.parts(for: request.peer) {
        let stored = shared.records[part.place]
        guard let state = stored.state else { continue }
        guard stored.sequence == entry.sequence else {
          try follow(stored, from: entry)
          continue
        }
        if part.isDeparture { evict(state, from: &group) } else { take(state, into: &group) }
      }
    } else {
      try read(entry, into: &group)
    }
    // Also of a group whose records have all moved on: what they brought is in the later ones.
    for sequence in entry.needs { try bring(sequence) }
    if entry.lane != request.lane { try bringBatch(of: entry) }
    guard !group.records.isEmpty || !group.evictions.isEmpty else { return false }
    groups.append(group)
    return true
  }

  private mutating func read(_ entry: LogEntry, into group: inout CommitGroup) throws(StoreError) {
    for ref in entry.records {
      guard let stored = try backend.read(ref) else { throw .missing(ref) }
      // Of what was let go of there is nothing to send, wherever it stands now.
      guard let state = stored.state else { continue }
      guard stored.sequence == entry.sequence else {
        try follow(stored, from: entry)
        continue
      }
      let isInScope = model.entity(state.entity).map { state.scope($0).contains(request.peer) } ?? (request.peer == .hq)
      if isInScope {
        take(state, into: &group)
      } else if try backend.departures(of: ref).contains(request.peer) {
        evict(state, from: &group)
      }
    }
  }

  private mutating func take(_ state: RecordState, into group: inout CommitGroup) {
    group.records.append(state)
    bytes += state.approximateByteCount
  }

  private mutating func evict(_ state: RecordState, from group: inout CommitGroup) {
    group.evictions.append(Eviction(key: state.key, vector: state.vector))
    bytes += 32 + state.key.id.bytes.count + 16 * state.vector.entries.count
  }

  /// Sees to it that the peer has an earlier group as well.
  private mutating func bring(_ sequence: Sequence64) throws(StoreError) {
    let sent = request.sent
    guard sequence > min(sent.urgent, sent.normal, sent.bulk), let entry = try backend.logEntry(sequence) else {
      return
    }
    pull(entry)
  }

  /// The other groups that came in one batch with a group of another lane.
  private mutating func bringBatch(of entry: LogEntry) throws(StoreError) {
    var position = max(entry.batchStart, 1) - 1
    while pulled.count < StoreLimits.pulledGroupCount {
      let entries = try backend.logEntries(lane: entry.lane, after: position, limit: 64)
      guard let last = entries.last else { return }
      for other in entries {
        if other.sequence > entry.sequence, other.batchStart > entry.sequence { return }
        pull(other)
      }
      position = last.sequence
    }
  }

  private mutating func pull(_ entry: LogEntry) {
    if entry.lane == request.lane {
      wholeFrom = max(wholeFrom, entry.sequence)
    } else if entry.sequence > request.sent[entry.lane], !pulled.contains(entry.sequence) {
      guard pulled.count < StoreLimits.pulledGroupCount else { return leave(entry) }
      pulled.insert(entry.sequence)
      toPull.append(entry)
    }
  }

  private mutating func leave(_ entry: LogEntry) {
    awaited[entry.lane] = max(awaited[entry.lane], entry.sequence)
    // A record that moved on from there may be in the stretch, so that the peer has a part of it.
    if brought[entry.lane].count < 2 * StoreLimits.pulledGroupCount { bringAlong(entry) }
  }

  /// A store may have to give what HQ has not seen other stamps; HQ never does.
  private mutating func bringAlong(_ entry: LogEntry) {
    if request.peer == .hq { brought[entry.lane].insert(entry.sequence) }
  }

  /// Takes note of where a record of a group has moved to.
  private mutating func follow(_ stored: StoredRecord, from entry: LogEntry) throws(StoreError) {
    guard let later = try backend.logEntry(stored.sequence) else {
      throw StoreError(.corrupt, "a record belongs to the log entry \(stored.sequence), which is not there")
    }
    guard !later.wasSent(by: request.peer, peerLog), later.audience.mayConcern(request.peer) else { return }
    pull(later)
  }

  /// Beyond the bytes of a chain they come in their own lanes: a batch must fit its frame before all else.
  private mutating func pullGroups() throws(StoreError) {
    while bytes < request.chainBytes, let entry = toPull.popLast() {
      _ = try add(entry)
      bringAlong(entry)
    }
  }
}

extension LaneMap<Set<Sequence64>> {
  fileprivate var sorted: LaneMap<[Sequence64]> {
    LaneMap<[Sequence64]>(urgent: urgent.sorted(), normal: normal.sorted(), bulk: bulk.sorted())
  }
}

extension Audience {
  /// Whether an entry may hold something for a peer.
  package func mayConcern(_ peer: NodeNumber) -> Bool {
    switch self {
    case .mixed: true
    case .hq: peer == .hq
    case .store(let node): peer == node || peer == .hq
    case .pair(let first, let second): peer == first || peer == second || peer == .hq
    }
  }
}
