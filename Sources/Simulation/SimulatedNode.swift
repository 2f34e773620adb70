import Base
import Causality
import Merge
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
  /// HQ: looks a caller up.
  case check(session: Int, Hello)
  /// HQ: lets a caller in, once its earlier link is gone.
  case admit(session: Int, Hello)
  /// HQ: a store has the token that it was given.
  case confirm(NodeNumber, token: [UInt8])
  /// HQ: it has all that a store had to send.
  case caughtUp(NodeNumber)
  /// A store: keeps what a welcome has told.
  case keep(session: Int, Keeping)
  /// A store: does what a refusal asks for.
  case answer(Refusal)
  case store(session: Int, IncomingBatch)
  case note(peer: NodeNumber, LanePosition)
  /// What a person does about conflicts and what is parked.
  case chore(Chore)

  var name: String {
    switch self {
    case .commit: "commit"
    case .greet: "greet"
    case .check: "check"
    case .admit: "admit"
    case .confirm: "confirm"
    case .caughtUp: "caught up"
    case .keep: "keep"
    case .answer: "answer"
    case .store: "store"
    case .note: "note"
    case .chore: "chore"
    }
  }
}

extension DiskOperation {
  /// The session that waits for it.
  var session: Int? {
    switch self {
    case .check(let session, _), .admit(let session, _), .store(let session, _), .keep(let session, _): session
    case .commit, .greet, .confirm, .caughtUp, .answer, .note, .chore: nil
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
  var backend: SimulatedDisk
  var memory = NodeMemory()
  var backups: [NodeBackup] = []
  /// Its database is another one when it starts again.
  var pending: PendingChange?
  var version: ModelVersion
  /// Of the program that starts next, if it is another one.
  var nextVersion: ModelVersion?
  /// Records of parked groups that a person has dropped: what their writers hold, HQ does not take.
  var droppedKeys: Set<RecordKey> = []
  /// Conflict cases that a person has accepted here.
  var accepted: Set<ConflictCase.Subject> = []
  var isRetired = false
  /// Its database was put back, and nobody has heard of it since: it may use stamps that it has used before, for other commits.
  var isUntold = false
  /// A store: its database was put back at least once without its noticing.
  var hasGoneBackUnnoticed = false
  var store: any RecordStore
  var isUp = true
  /// How far the wall clock is off.
  var skew: Int64
  /// What the node adds to its clock, since HQ told it the time.
  var correction: Int64 = 0
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

  init(_ number: NodeNumber, _ backend: SimulatedDisk, store: any RecordStore, skew: Int64, version: ModelVersion) {
    self.version = version
    self.number = number
    self.backend = backend
    self.store = store
    self.skew = skew
  }

  var isHQ: Bool { number == .hq }
  var name: String { isHQ ? "hq" : "store \(number)" }
  var isIdle: Bool { running == nil && diskQueue.isEmpty }
}

/// What happens to a node's database while the node is down.
enum PendingChange {
  case putBack(NodeBackup, isNoticed: Bool)
  case retirement
  /// Its program is a newer one.
  case upgrade(ModelVersion)
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
