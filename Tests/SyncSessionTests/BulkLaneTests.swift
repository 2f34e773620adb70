import Base
import Causality
import RecordStore
import StoreModel
import SyncSession
import Testing
import Wire

/// Two sessions on one line that carries a message each way at a time, with logs that hold a gigabyte in the bulk lane.
private struct Line {
  /// One end: what of its log there is to read, lane by lane, and what is on its way to it.
  struct End {
    var session: SyncSession
    /// Batches of each lane that wait in the log, each of one group and `batchBytes`.
    var waiting = LaneMap(repeating: 0)
    var batchBytes = LaneMap(repeating: 100)
    var read = LaneMap<Sequence64>(repeating: 0)
    var inbox: [Message] = []
    var outbox: [Message] = []
    var received = LaneMap(repeating: 0)
    var receivedBytes = LaneMap(repeating: 0)
    var unsentBytes = 0
    var highestUnsentBytes = 0
  }

  var hq = End(session: SyncSession(role: .hq))
  var store: End
  private var events: [(isHQ: Bool, event: SessionEvent)] = []
  /// Shared by all batches: a gigabyte is on the line, and never in memory.
  private let bytes = [UInt8](repeating: 7, count: 1 << 20)

  init() {
    let hello = Hello(
      oldestVersion: ProtocolVersion.oldest, newestVersion: ProtocolVersion.newest,
      replica: ReplicaID(node: NodeNumber(1), incarnation: 1), credential: [], epoch: Epoch(rawValue: 1),
      clock: WallTime(milliseconds: 1), peerEpoch: nil, cursors: LaneMap(repeating: 0),
      window: SessionLimits.windowBytes, software: "test")
    store = End(session: SyncSession(role: .store(hello, head: 0)))
    events = [(true, .opened), (false, .opened)]
    settle()
  }

  private subscript(isHQ: Bool) -> End {
    get { isHQ ? hq : store }
    set { if isHQ { hq = newValue } else { store = newValue } }
  }

  /// Adds batches to a log.
  mutating func commit(_ count: Int, _ lane: Lane, bytes: Int, atHQ isHQ: Bool) {
    self[isHQ].waiting[lane] += count
    self[isHQ].batchBytes[lane] = bytes
    events.append((isHQ, .logGrew))
    settle()
  }

  /// The line carries one message each way.
  mutating func step() {
    for isHQ in [true, false] where !self[isHQ].outbox.isEmpty {
      let message = self[isHQ].outbox.removeFirst()
      if case .batch(let batch) = message { self[isHQ].unsentBytes -= batch.payload.count }
      events.append((!isHQ, .received(message)))
    }
    settle()
  }

  /// Both nodes do at once what their sessions want.
  private mutating func settle() {
    while !events.isEmpty {
      let (isHQ, event) = events.removeFirst()
      var effects: [SessionEffect] = []
      self[isHQ].session.handle(event, at: Instant(milliseconds: 0), into: &effects)
      for effect in effects { perform(effect, isHQ) }
    }
  }

  private mutating func perform(_ effect: SessionEffect, _ isHQ: Bool) {
    switch effect {
    case .send(let message):
      self[isHQ].outbox.append(message)
      guard case .batch(let batch) = message else { return }
      self[isHQ].unsentBytes += batch.payload.count
      self[isHQ].highestUnsentBytes = max(self[isHQ].highestUnsentBytes, self[isHQ].unsentBytes)
    case .admit:
      let identity = NodeIdentity(replica: ReplicaID(node: .hq, incarnation: 1), epoch: Epoch(rawValue: 2))
      events.append(
        (
          isHQ,
          .admitted(
            Admission(
              identity: identity, head: 0, clock: WallTime(milliseconds: 1), cursors: LaneMap(repeating: 0),
              resumption: LaneMap(repeating: 0)))
        ))
    case .load(let request): events.append((isHQ, .loaded(load(request.lane, isHQ))))
    case .store(let batch, _, _):
      self[isHQ].received[batch.lane] += Int(batch.groupCount)
      self[isHQ].receivedBytes[batch.lane] += batch.payload.count
      events.append((isHQ, .stored(lane: batch.lane, results: [.applied])))
    case .keep: events.append((isHQ, .kept))
    case .linked, .acknowledged: break
    default: Issue.record("an effect that nobody expects: \(effect)")
    }
  }

  private mutating func load(_ lane: Lane, _ isHQ: Bool) -> LoadedStretch {
    let after = self[isHQ].read[lane]
    guard self[isHQ].waiting[lane] > 0 else {
      return LoadedStretch(lane: lane, after: after, through: after, hasMore: false, skipped: 0, batch: nil)
    }
    self[isHQ].waiting[lane] -= 1
    self[isHQ].read[lane] += 1
    let size = self[isHQ].batchBytes[lane]
    let batch = Batch(
      lane: lane, after: after, through: after + 1, incompleteUntil: 0, codec: 0, groupCount: 1,
      contentsBytes: UInt64(size), payload: size == bytes.count ? bytes : Array(bytes.prefix(size)))
    return LoadedStretch(
      lane: lane, after: after, through: after + 1, hasMore: self[isHQ].waiting[lane] > 0, skipped: 0, batch: batch)
  }
}

@Suite struct BulkLaneTests {
  private static let photoParts = 1_024

  /// The window, the batch that was begun while there was room, and what the line itself holds.
  private static let aheadLimit = Int(SessionLimits.windowBytes) + 2 << 20

  @Test("FC-12 urgent prices arrive while a photo of 1 GB goes the same way: a window of it is ahead of them, no more")
  func pricesBehindAPhoto() {
    var line = Line()
    line.commit(Self.photoParts, .bulk, bytes: 1 << 20, atHQ: true)
    var prices = 0
    var worst = 0
    while line.store.received.bulk < Self.photoParts {
      if line.store.received.bulk.isMultiple(of: 100), prices == line.store.received.urgent {
        prices += 1
        let before = line.store.receivedBytes.bulk
        line.commit(1, .urgent, bytes: 100, atHQ: true)
        while line.store.received.urgent < prices { line.step() }
        worst = max(worst, line.store.receivedBytes.bulk - before)
      }
      line.step()
    }
    #expect(prices > 10 && line.store.receivedBytes.bulk == 1 << 30)
    #expect(worst <= Self.aheadLimit, "\(worst) bytes of the photo came before a price")
    #expect(line.hq.highestUnsentBytes <= Self.aheadLimit, "\(line.hq.highestUnsentBytes) bytes were in memory")
  }

  @Test("FC-12 FC-13 urgent prices and sales arrive while the store sends a photo of 1 GB the other way")
  func pricesAgainstAPhoto() {
    var line = Line()
    line.commit(Self.photoParts, .bulk, bytes: 1 << 20, atHQ: false)
    var (rounds, worst, worstSale) = (0, 0, 0)
    while line.hq.received.bulk < Self.photoParts {
      rounds += 1
      let before = line.hq.receivedBytes.bulk
      line.commit(1, .urgent, bytes: 100, atHQ: true)
      line.commit(1, .normal, bytes: 100, atHQ: false)
      while line.store.received.urgent < rounds { line.step() }
      worst = max(worst, line.hq.receivedBytes.bulk - before)
      while line.hq.received.normal < rounds { line.step() }
      worstSale = max(worstSale, line.hq.receivedBytes.bulk - before)
      for _ in 0..<50 { line.step() }
    }
    #expect(rounds > 10 && line.hq.receivedBytes.bulk == 1 << 30)
    #expect(worst <= 2 << 20, "the other direction is free: \(worst) bytes of the photo came before a price")
    #expect(worstSale <= Self.aheadLimit, "\(worstSale) bytes of the photo came before a sale")
    #expect(line.store.highestUnsentBytes <= Self.aheadLimit)
  }
}
