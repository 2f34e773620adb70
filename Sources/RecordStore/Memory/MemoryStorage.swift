import Causality
import Merge
import StoreModel

/// Everything that a node stores.
struct MemoryStorage {
  struct LaneKey: Hashable {
    var peer: NodeNumber
    var lane: Lane
  }

  struct BalanceKey: Hashable {
    var name: String
    var keys: [Value]
  }

  var node: NodeState
  var rows: [RecordRef: StoredRecord] = [:]
  var refs: [RecordKey: RecordRef] = [:]
  var lastRow: Int64 = 0
  var log: [Sequence64: LogEntry] = [:]
  var laneSequences: [Lane: [Sequence64]] = [:]
  var departures: [RecordRef: [NodeNumber]] = [:]
  var cursors: [LaneKey: ReceiveCursor] = [:]
  var peerLogs: [NodeNumber: PeerLog] = [:]
  var acknowledged: [LaneKey: Sequence64] = [:]
  var ancestors: [NodeNumber?: [Lineage.Ancestor]] = [:]
  var hiddenAncestors: Int?
  var feedTurn: UInt64 = 0
  var clockMeasurement = ClockMeasurement()
  var lastWelcome: LastWelcome?
  var brought: [NodeNumber: LaneMap<[Sequence64]>] = [:]
  var partedLogs: [NodeNumber: [PartedLog]] = [:]
  var counterSteps: [CounterStep] = []
  var balances: [BalanceKey: Int64] = [:]
  var purged: [RecordKey: [UInt8]] = [:]
  var purgedBalances: [BalanceKey: Int64] = [:]
  var cases: [ConflictCase.Subject: ConflictCase] = [:]
  var lastCase: Int64 = 0
  var parked: [ParkedGroup] = []
  var lastParked: Int64 = 0
  var settlements: [Settlement] = []
  var exceptions: [PeerException] = []
  var lastException: Int64 = 0
  /// In the order in which they were kept.
  var requests: [AnsweredRequest] = []
  var erasures: [RecordKey: Erasure] = [:]
  var confirmations: [RecordKey: [NodeNumber: ErasureConfirmation]] = [:]
}
