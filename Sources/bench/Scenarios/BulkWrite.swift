import StoreModel

/// A store takes in many baskets: rows, their stamps and the change log, a thousand lines a transaction.
enum BulkWrite {
  static let scenario = Scenario(
    name: "bulk", summary: "bulk local write with the change captured durably, and what it takes on the disk"
  ) { try run($0) }

  private struct Run {
    var reading: Reading
    var bytes: Int
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let transactions = bench.lines.transactions(ofLines: Bench.transactionLines)
    let rows = LineTable.rows(transactions)
    let drafts = transactions.map { $0.map(\.draft) }
    let runs = try Rounds.run(
      bench.rounds,
      [
        { _ in try write(drafts, bench) },
        { round in
          let path = bench.scratch.file("raw-\(round).db")
          let reading = try RawBaseline.insert(rows, path)
          try RawSQLite(path: path, cacheKibibytes: 1_000).execute("PRAGMA wal_checkpoint(TRUNCATE)")
          return Run(reading: reading, bytes: fileBytes(path))
        },
      ])
    let ours = runs[0].map(\.reading)
    let raw = runs[1].map(\.reading)
    func perRow(_ runs: [Run]) -> [Double] { runs.map { Double($0.bytes) / Double(rows.rowCount) } }
    let pair = Figure.pair(
      "bulk local write", ours, raw, reach: .atLeast(0.60), aim: .atLeast(0.70), processor: .atMost(1.7))
    return pair + [
      Figure(
        name: "database bytes a row", unit: "B", ours: Spread(perRow(runs[0])), baseline: Spread(perRow(runs[1])),
        ratio: ratios(perRow(runs[0]), perRow(runs[1])), judged: .ours, reach: .atMost(165), aim: .atMost(142))
    ]
  }

  private static func write(_ drafts: [[CommitDraft]], _ bench: Bench) throws -> Run {
    bench.scratch.removeAll()
    let node = try BenchNode(BenchNode.store, in: bench.scratch.file("store"))
    let stopwatch = Stopwatch()
    for transaction in drafts { try node.commitWhole(transaction) }
    let reading = stopwatch.reading
    try node.checkpoint()
    return Run(reading: reading, bytes: fileBytes(node.databasePath))
  }
}
