import Causality
import RecordStore
import StoreModel
import Wire

/// The sending half of a link: this node's log on its way to the peer, lane by lane, the urgent first.
struct Outbound {
  struct LaneState: Hashable {
    /// Read from the log up to here.
    var read: Sequence64
    /// Told to the peer up to here; entries between that did not concern it are passed over in silence.
    var announced: Sequence64
    var acknowledged: Sequence64
    /// Whether there may be entries beyond `read`.
    var mayHaveMore = true
    var inFlight: [InFlight] = []
    var inFlightBytes: UInt64 = 0
    var skipped = 0
  }

  struct InFlight: Hashable {
    var through: Sequence64
    var bytes: UInt64
    /// Of its groups: an acknowledgement names them by their places.
    var stamps: [Stamp]
  }

  let peer: NodeNumber
  /// The peer's window, in bytes a lane.
  let window: UInt64
  /// Whether the peer reads contents in columns.
  let readsColumns: Bool
  private(set) var lanes: LaneMap<LaneState>
  private var loading: Lane?
  private var grewWhileLoading = false
  /// Whether the last that the peer was told is that there is no more.
  private var hasToldCaughtUp = false

  init(peer: NodeNumber, window: UInt64, cursors: LaneMap<Sequence64>, readsColumns: Bool) {
    self.readsColumns = readsColumns
    self.peer = peer
    self.window = window
    func state(_ cursor: Sequence64) -> LaneState {
      LaneState(read: cursor, announced: cursor, acknowledged: cursor)
    }
    lanes = LaneMap(urgent: state(cursors.urgent), normal: state(cursors.normal), bulk: state(cursors.bulk))
  }

  /// Nothing to read, nothing on its way.
  var isQuiet: Bool {
    loading == nil && Lane.allCases.allSatisfy { !lanes[$0].mayHaveMore && lanes[$0].inFlight.isEmpty }
  }

  mutating func logGrew() {
    grewWhileLoading = true
    for lane in Lane.allCases { lanes[lane].mayHaveMore = true }
  }

  /// The next reading of the log, if one is due: one at a time, so that what was read last decides with full knowledge
  /// of what went before, and the most urgent lane that has room comes first.
  mutating func nextLoad() -> OutgoingRequest? {
    guard loading == nil else { return nil }
    guard let lane = Lane.allCases.first(where: { lanes[$0].mayHaveMore && hasRoom(lanes[$0]) })
    else { return nil }
    loading = lane
    grewWhileLoading = false
    return OutgoingRequest(
      peer: peer, lane: lane, after: lanes[lane].read,
      sent: LaneMap(urgent: lanes.urgent.read, normal: lanes.normal.read, bulk: lanes.bulk.read),
      budgetBytes: SessionLimits.batchBytes, chainBytes: SessionLimits.chainBytes,
      scanLimit: SessionLimits.scanEntries, readsColumns: readsColumns)
  }

  private func hasRoom(_ lane: LaneState) -> Bool {
    lane.inFlightBytes < window && lane.inFlight.count < SessionLimits.windowBatches
  }

  /// Takes what was read.
  /// - Returns: the batch to send, if any.
  mutating func loaded(_ stretch: LoadedStretch) -> Batch? {
    precondition(loading == stretch.lane && lanes[stretch.lane].read == stretch.after, "the answer fits the request")
    loading = nil
    var lane = lanes[stretch.lane]
    defer { lanes[stretch.lane] = lane }
    lane.read = stretch.through
    lane.mayHaveMore = stretch.hasMore || grewWhileLoading
    lane.skipped += stretch.skipped
    var next = stretch.batch
    if next == nil, lane.skipped >= SessionLimits.skippedEntries {
      next = Batch(
        lane: stretch.lane, after: stretch.after, through: stretch.through, incompleteUntil: 0,
        codec: UInt64(Codec.identity.rawValue), groupCount: 0, contentsBytes: 0, payload: [])
    }
    guard var batch = next else { return nil }
    batch.after = lane.announced
    hasToldCaughtUp = false
    lane.announced = stretch.through
    lane.skipped = 0
    lane.inFlight.append(InFlight(through: stretch.through, bytes: UInt64(batch.payload.count), stamps: stretch.stamps))
    lane.inFlightBytes += UInt64(batch.payload.count)
    return batch
  }

  /// Whether the peer is to be told that there is no more; true once each time.
  mutating func isNewlyCaughtUp() -> Bool {
    guard !hasToldCaughtUp, loading == nil, Lane.allCases.allSatisfy({ !lanes[$0].mayHaveMore }) else { return false }
    hasToldCaughtUp = true
    return true
  }

  /// - Returns: the batch that the peer has taken; nil if nothing on its way ends there.
  mutating func acknowledged(_ lane: Lane, through: Sequence64) -> InFlight? {
    guard let first = lanes[lane].inFlight.first, first.through == through else { return nil }
    lanes[lane].inFlight.removeFirst()
    lanes[lane].inFlightBytes -= first.bytes
    lanes[lane].acknowledged = through
    return first
  }
}
