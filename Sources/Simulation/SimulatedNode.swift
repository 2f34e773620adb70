import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Wire

/// What a node's disk has to do; one thing after the other.
enum DiskOperation {
  /// A transaction of the people at this node, made up when its turn comes.
  case commit
  /// A store is about to call: reads what it says of itself.
  case greet
  case admit(session: Int, Hello)
  case store(session: Int, IncomingBatch)
  case note(peer: NodeNumber, LanePosition)

  var name: String {
    switch self {
    case .commit: "commit"
    case .greet: "greet"
    case .admit: "admit"
    case .store: "store"
    case .note: "note"
    }
  }
}

/// How far a peer has taken a lane.
struct LanePosition {
  var lane: Lane
  var through: Sequence64
}

/// A node of the simulation. The backend is its disk, and survives crashes; everything else is its process.
final class SimulatedNode {
  let number: NodeNumber
  let backend: MemoryBackend
  var store: any RecordStore
  var isUp = true
  /// How far the wall clock is off.
  var skew: Int64
  /// Counts processes, so that what an earlier one has begun does not reach a later one.
  var process = 0
  var diskQueue: [DiskOperation] = []
  var running: DiskOperation?
  var runningNumber = 0
  /// Ascending.
  var sessions: [Int] = []
  var backoff = Backoff()
  /// A store is on its way to a connection.
  var isCalling = false

  init(_ number: NodeNumber, _ backend: MemoryBackend, store: any RecordStore, skew: Int64) {
    self.number = number
    self.backend = backend
    self.store = store
    self.skew = skew
  }

  var isHQ: Bool { number == .hq }
  var name: String { isHQ ? "hq" : "store \(number)" }
  var isIdle: Bool { running == nil && diskQueue.isEmpty }
}

/// A session and the end of the connection that it lives on.
struct SimulatedSession {
  let id: Int
  let node: Int
  let connection: Int
  let side: Side
  var session: SyncSession
  var decoder = FrameDecoder()
  var plannedDeadline: Int64?
  /// Reading the log has begun and its answer has not come.
  var isReading = false
}
