import Causality
import StoreModel
import Wire

/// HQ takes in what a store has sold: received batches are decoded on one core and merged and written on the other.
enum MergeNew {
  static let scenario = Scenario(
    name: "merge", summary: "merge of new rows from a peer, from the received bytes, and the bytes on the wire"
  ) { try run($0) }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let transactions = bench.lines.transactions(ofLines: Bench.transactionLines)
    let rows = LineTable.rows(transactions)
    bench.scratch.removeAll()
    let store = try BenchNode(BenchNode.store, in: bench.scratch.file("store"))
    for transaction in transactions { try store.commitWhole(transaction.map(\.draft)) }
    let batches = try store.batches(for: .hq, .normal)
    let wire = try batches.reduce(0) { try $0 + $1.frameBytes }
    let readings = try Rounds.run(
      bench.rounds,
      [
        { round in
          let hq = try BenchNode(.hq, in: bench.scratch.file("hq-\(round)"))
          let stopwatch = Stopwatch()
          try hq.apply(batches, from: store)
          return stopwatch.reading
        },
        { round in
          try RawBaseline.insert(rows, bench.scratch.file("raw-\(round).db"), cacheKibibytes: Bench.hqCache)
        },
      ])
    let pair = Figure.pair(
      "merge of new rows", readings[0], readings[1], reach: .atLeast(0.70), aim: .atLeast(0.85),
      processor: .atMost(1.5))
    return pair + [
      Figure(
        name: "wire bytes a row, catch-up (\(batches.count) batches)", unit: "B",
        ours: Spread([Double(wire) / Double(rows.rowCount)]), judged: .ours, reach: .atMost(12), aim: .atMost(8))
    ]
  }
}

extension Batch {
  /// All that goes through the connection for it, but for what TLS adds.
  var frameBytes: Int { get throws { try FrameWriter.frame(Message.batch(self).encoded()).count } }
}
