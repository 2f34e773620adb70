import Base
import Glibc
import StoreModel

/// A store's tables grow to a million lines, or to ten million on request: what a row costs by then. And at HQ, what it costs
/// to take rows in from ever more stores.
enum Growth {
  static let scenario = Scenario(
    name: "growth", summary: "cost of a row up to a million rows (or --records), and from 1, 100 and 10,000 writers"
  ) { try run($0) + WriterGrowth.run($0) }

  static let standardRecords = 1_000_000
  static let records = standardRecords...10_000_000
  private static let smallSizes = [10_000, 100_000]
  private static let mostRounds = 2
  private static let yearMilliseconds: Int64 = 365 * 86_400_000

  private static func run(_ bench: Bench) throws -> [Figure] {
    let isLong = bench.records > standardRecords
    let sizes = smallSizes + [standardRecords] + (isLong ? [bench.records] : [])
    var readings: [(ours: [Double], raw: [Double])] = sizes.map { _ in ([], []) }
    for round in 0..<(isLong ? 1 : min(bench.rounds, mostRounds)) {
      for (index, pair) in try grow(bench, sizes, isOursFirst: round % 2 == 0).enumerated() {
        readings[index].ours.append(pair.ours)
        readings[index].raw.append(pair.raw)
      }
    }
    let last = readings[sizes.count - 1]
    return zip(sizes, readings).map { size, readings in
      Figure(
        name: "microseconds a row, up to \(size) rows", unit: "µs", ours: Spread(readings.ours),
        baseline: Spread(readings.raw), ratio: ratios(readings.raw, readings.ours))
    } + [
      Figure(
        name: "a row up to \(bench.records) against one up to \(sizes[0])", unit: "times",
        ours: ratios(last.ours, readings[0].ours), baseline: ratios(last.raw, readings[0].raw)),
      Figure(
        name: "  most memory of this process until then", unit: "MiB", ours: Spread([mostMemoryBytes / 1_048_576])),
    ]
  }

  private static var mostMemoryBytes: Double {
    var usage = rusage()
    return getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 ? Double(usage.ru_maxrss) * 1_024 : 0
  }

  /// Microseconds a row up to each size.
  private static func grow(
    _ bench: Bench, _ sizes: [Int], isOursFirst: Bool
  ) throws -> [(ours: Double, raw: Double)] {
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
