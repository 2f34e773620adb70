import Base
import Causality
import Merge
import RecordStore
import StoreModel
import Testing
import Wire

extension TestNode {
  func request(
    for peer: NodeNumber, _ lane: Lane = .normal, after: Sequence64 = 0,
    sent: LaneMap<Sequence64> = LaneMap(repeating: 0), budget: Int = 64 << 10, chain: Int = 4 << 20, scan: Int = 2_000
  ) -> OutgoingRequest {
    OutgoingRequest(
      peer: peer, lane: lane, after: after, sent: sent, budgetBytes: budget, chainBytes: chain, scanLimit: scan)
  }

  func stretch(
    for peer: NodeNumber, _ lane: Lane = .normal, after: Sequence64 = 0,
    sent: LaneMap<Sequence64> = LaneMap(repeating: 0), budget: Int = 64 << 10, chain: Int = 4 << 20, scan: Int = 2_000
  ) throws -> OutgoingStretch {
    try store.outgoing(
      request(for: peer, lane, after: after, sent: sent, budget: budget, chain: chain, scan: scan))
  }

  /// How groups come: as the daemons send them, or as an older peer does.
  enum Form: CaseIterable {
    case columns
    case rows
  }

  /// Applies groups as a peer's next batch; they go through the wire's encoding, as real ones do.
  @discardableResult
  func receive(
    _ groups: [CommitGroup], as form: Form = .columns, from peer: NodeNumber,
    epoch: Epoch = Epoch(rawValue: 7), lane: Lane = .normal, after: Sequence64? = nil,
    through: Sequence64? = nil, incompleteUntil: Sequence64 = 0,
    awaited: LaneMap<Sequence64> = LaneMap(repeating: 0), brought: LaneMap<[Sequence64]> = LaneMap(repeating: [])
  ) throws -> [GroupResult] {
    let decoded = try Self.decoded(groups, form)
    let start = try after ?? store.receiveCursors(from: peer, epoch: epoch)[lane].through
    let batch = IncomingBatch(
      peer: peer, lane: lane, epoch: epoch, after: start, through: through ?? start + 1,
      incompleteUntil: incompleteUntil, awaited: awaited, brought: brought,
      groups: decoded.received.map { group in
        switch group {
        case .whole(let group): .decoded(group)
        case .facts(let facts): .facts(facts)
        case .unreadable(let error): .undecodable(reason: error.description)
        }
      },
      payload: { decoded.single($0) })
    return try store.apply(batch, at: wall)
  }

  private static func decoded(_ groups: [CommitGroup], _ form: Form) throws -> BatchContents.Decoded {
    guard form == .columns, let contents = ColumnContents.encode(groups) else {
      return try BatchContents.decode(BatchContents.encode(groups))
    }
    return try ColumnContents.decode(contents.bytes)
  }

  /// Sends a peer all that it does not have yet, lane by lane, and gives what became of each group.
  @discardableResult
  func send(to peer: TestNode, budget: Int = 64 << 10, lanes: [Lane] = Lane.allCases) throws -> [GroupResult] {
    var results: [GroupResult] = []
    var sent = try peer.store.receiveCursors(from: number, epoch: epoch)
    for lane in lanes {
      var hasMore = true
      while hasMore {
        var map = LaneMap<Sequence64>(repeating: 0)
        for lane in Lane.allCases { map[lane] = sent[lane].through }
        let stretch = try stretch(for: peer.number, lane, after: sent[lane].through, sent: map, budget: budget)
        hasMore = stretch.hasMore
        guard stretch.through > stretch.after else { break }
        results += try peer.receive(
          stretch.groups, from: number, epoch: epoch, lane: lane, after: stretch.after, through: stretch.through,
          incompleteUntil: stretch.incompleteUntil, awaited: stretch.awaited, brought: stretch.brought)
        sent = try peer.store.receiveCursors(from: number, epoch: epoch)
      }
    }
    return results
  }
}

/// Exchanges until neither side has anything that the other lacks.
func exchange(_ left: TestNode, _ right: TestNode) throws {
  for _ in 0..<4 {
    try left.send(to: right)
    try right.send(to: left)
  }
}

/// Groups as a foreign replica would write them.
struct Foreign {
  let replica: ReplicaID
  private var clock: UInt64

  init(_ node: UInt32, incarnation: UInt32 = 9, at milliseconds: Int64 = 1_700_000_000_000) {
    replica = ReplicaID(node: NodeNumber(node), incarnation: incarnation)
    clock = HybridTimestamp(wall: WallTime(milliseconds: milliseconds)).rawValue
  }

  mutating func stamp() -> Stamp {
    clock += 1
    return Stamp(time: HybridTimestamp(rawValue: clock), replica: replica)
  }

  /// A group of new records, each with these values.
  mutating func group(_ records: (EntityTag, String, [(FieldTag, Value)])...) -> CommitGroup {
    let stamp = stamp()
    return CommitGroup(
      stamp: stamp,
      records: records.map { entity, id, values in
        var state = RecordState(entity: entity, id: RecordID(key: id))
        state.write(values.map { FieldWrite($0, .set($1)) }, stamp: stamp)
        return state
      })
  }

  /// A group that changes states that were seen.
  mutating func group(changing states: [RecordState], _ writes: [FieldWrite]) -> CommitGroup {
    let stamp = stamp()
    return CommitGroup(
      stamp: stamp,
      records: states.map { state in
        var state = state
        state.write(writes, stamp: stamp)
        return state
      })
  }

  mutating func note(_ id: String, store: Int64, text: String) -> CommitGroup {
    group((Shop.note, id, [(Note.store, .integer(store)), (Note.text, .text(text))]))
  }

  mutating func entry(_ id: String, store: Int64, _ account: String, _ amount: Int64) -> CommitGroup {
    group((Shop.entry, id, Self.entryValues(store, account, amount)))
  }

  static func entryValues(_ store: Int64, _ account: String, _ amount: Int64) -> [(FieldTag, Value)] {
    [(Entry.store, .integer(store)), (Entry.account, .text(account)), (Entry.amount, .integer(amount))]
  }
}
