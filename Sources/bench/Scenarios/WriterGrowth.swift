import Causality
import NodeRuntime
import RecordStore
import StoreModel
import SyncSession
import Wire

/// HQ takes in baskets, a batch each, from one store, from a hundred and from ten thousand: what a row costs may grow with the
/// number of rows, and not with the number of replicas that have written them.
///
/// The three take turns in slices, so that the disk's mood is the same for all. The first basket of each of ten thousand stores,
/// which makes HQ take note of one more replica, is measured apart from the later ones.
enum WriterGrowth {
  private static let writers = [1, 100, 10_000]
  private static let slice = 500
  /// Of baskets: each of the most writers has one.
  private static let first = 10_000

  private struct Contestant {
    var hq: BenchNode
    var stores: WriterCrowd
    var readings: (first: [Reading], later: [Reading]) = ([], [])
  }

  static func run(_ bench: Bench) throws -> [Figure] {
    bench.scratch.removeAll()
    let baskets = bench.lines.baskets
    guard baskets.count >= 2 * first else { return [] }
    var contestants = try writers.map { count in
      Contestant(hq: try BenchNode(.hq, in: bench.scratch.file("hq-\(count)")), stores: WriterCrowd(count))
    }
    for (turn, start) in stride(from: 0, to: 2 * first, by: slice).enumerated() {
      for place in contestants.indices {
        let index = (place + turn) % contestants.count
        let deliveries = try (start..<start + slice).map { try contestants[index].stores.sell(baskets[$0], $0) }
        let stopwatch = Stopwatch()
        try contestants[index].hq.apply(deliveries)
        if start < first {
          contestants[index].readings.first.append(stopwatch.reading)
        } else {
          contestants[index].readings.later.append(stopwatch.reading)
        }
      }
    }
    let rows = (
      first: baskets[..<first].reduce(0) { $0 + $1.lines.count },
      later: baskets[first..<2 * first].reduce(0) { $0 + $1.lines.count }
    )
    let one = contestants[0].readings
    return zip(writers, contestants).flatMap { count, contestant in
      figures("\(count) writers, their first baskets", contestant.readings.first, one.first, rows.first)
        + figures("\(count) writers, later baskets", contestant.readings.later, one.later, rows.later)
    }
  }

  /// - Parameter one: the same from one writer alone.
  private static func figures(_ name: String, _ readings: [Reading], _ one: [Reading], _ rows: Int) -> [Figure] {
    func perRow(_ times: [Double]) -> Spread {
      Spread([times.reduce(0, +) * 1e6 / Double(rows)])
    }
    return [
      Figure(
        name: "µs a row from \(name)", unit: "µs", ours: perRow(readings.seconds),
        ratio: ratios(readings.seconds, one.seconds)),
      Figure(
        name: "  processor", unit: "µs", ours: perRow(readings.processorSeconds),
        ratio: ratios(readings.processorSeconds, one.processorSeconds)),
    ]
  }
}

/// Stores that sell in memory alone, and give away what a link would carry to HQ.
private struct WriterCrowd {
  private struct Writer {
    let engine: StoreEngine<MemoryBackend>
    var sent: Sequence64 = 0
  }

  private let count: Int
  private var writers: [NodeNumber: Writer] = [:]

  init(_ count: Int) {
    self.count = count
  }

  /// Basket number `index`, sold by the store whose turn it is.
  mutating func sell(_ basket: JourneyLines.Basket, _ index: Int) throws -> BenchNode.Delivery {
    let node = NodeNumber(UInt32(index % count + 1))
    let epoch = Epoch(rawValue: 0x0123_4567_0000_0000 | UInt64(node.rawValue))
    var writer = try writers[node] ?? Self.writer(node, epoch)
    for case .refused(let error) in try writer.engine.commit([basket.draft(at: node.rawValue)], at: basket.soldAt) {
      throw BenchError("refused: \(error)")
    }
    let request = OutgoingRequest(
      peer: .hq, lane: .normal, after: writer.sent, sent: LaneMap(repeating: writer.sent),
      budgetBytes: SessionLimits.batchBytes, chainBytes: SessionLimits.chainBytes,
      scanLimit: SessionLimits.scanEntries, readsColumns: true)
    let stretch = try SessionPerformer.load(request, from: writer.engine, codec: ZstdCodec())
    guard let batch = stretch.batch else { throw BenchError("a basket gave no batch") }
    writer.sent = stretch.through
    writers[node] = writer
    return BenchNode.Delivery(batch: batch, peer: node, epoch: epoch)
  }

  private static func writer(_ node: NodeNumber, _ epoch: Epoch) throws -> Writer {
    let identity = NodeIdentity(replica: ReplicaID(node: node, incarnation: 1), epoch: epoch)
    return Writer(engine: try StoreEngine(MemoryBackend(model: .retail, identity: identity)))
  }
}
