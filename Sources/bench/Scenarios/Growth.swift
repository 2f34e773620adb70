import Base
import StoreModel

/// A store's tables grow to a million lines: what a row costs by then.
enum Growth {
  static let scenario = Scenario(
    name: "growth", summary: "cost of a row in bulk local write, up to 10,000, 100,000 and 1,000,000 rows"
  ) { try run($0) }

  private static let sizes = [10_000, 100_000, 1_000_000]
  private static let mostRounds = 2
  private static let yearMilliseconds: Int64 = 365 * 86_400_000

  private static func run(_ bench: Bench) throws -> [Figure] {
    var readings: [(ours: [Double], raw: [Double])] = sizes.map { _ in ([], []) }
    for round in 0..<min(bench.rounds, mostRounds) {
      for (index, pair) in try grow(bench, isOursFirst: round % 2 == 0).enumerated() {
        readings[index].ours.append(pair.ours)
        readings[index].raw.append(pair.raw)
      }
    }
    return zip(sizes, readings).map { size, readings in
      Figure(
        name: "microseconds a row, up to \(size) rows", unit: "µs", ours: Spread(readings.ours),
        baseline: Spread(readings.raw), ratio: ratios(readings.raw, readings.ours))
    } + [
      Figure(
        name: "a row up to \(sizes[2]) against one up to \(sizes[0])", unit: "times",
        ours: ratios(readings[2].ours, readings[0].ours), baseline: ratios(readings[2].raw, readings[0].raw))
    ]
  }

  /// Microseconds a row up to each size.
  private static func grow(_ bench: Bench, isOursFirst: Bool) throws -> [(ours: Double, raw: Double)] {
    bench.scratch.removeAll()
    let node = try BenchNode(BenchNode.store, in: bench.scratch.file("store"))
    let raw = try RawSQLite(path: bench.scratch.file("raw.db"), cacheKibibytes: Bench.storeCache)
    try raw.execute(LineTable.create)
    let insert = try raw.prepare(LineTable.insert)
    var (rows, oursSeconds, rawSeconds) = (0, 0.0, 0.0)
    var found: [(ours: Double, raw: Double)] = []
    var cycle = 0
    while found.count < sizes.count {
      for transaction in transactions(bench, cycle) {
        let prepared = LineTable.rows([transaction[...]])
        let drafts = transaction.map(\.draft)
        for isOurs in isOursFirst ? [true, false] : [false, true] {
          let stopwatch = Stopwatch()
          if isOurs { try node.commitWhole(drafts) } else { try raw.run(insert, prepared) }
          if isOurs { oursSeconds += stopwatch.reading.seconds } else { rawSeconds += stopwatch.reading.seconds }
        }
        rows += prepared.rowCount
        if rows >= sizes[found.count] {
          found.append((oursSeconds * 1e6 / Double(rows), rawSeconds * 1e6 / Double(rows)))
          if found.count == sizes.count { break }
        }
      }
      cycle += 1
    }
    return found
  }

  /// The same year's lines again and again, each time a year later and under other receipts.
  private static func transactions(_ bench: Bench, _ cycle: Int) -> [[JourneyLines.Basket]] {
    bench.lines.transactions(ofLines: Bench.transactionLines).map { baskets in
      baskets.map { basket in
        var later = basket
        later.soldAt = basket.soldAt.advanced(byMilliseconds: Int64(cycle) * yearMilliseconds)
        later.number = "\(cycle)-\(basket.number)"
        return later
      }
    }
  }
}
