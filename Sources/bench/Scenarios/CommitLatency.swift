import Dispatch
import NodeRuntime
import StoreModel

/// One basket, from the moment that a till hands it to the node until it is on the disk.
enum CommitLatency {
  static let scenario = Scenario(
    name: "commit", summary: "durable commit of one basket: alone, and with eight tills at once"
  ) { try run($0) }

  private static let commits = 1_500
  private static let writers = 8

  private static func run(_ bench: Bench) throws -> [Figure] {
    let baskets = Array(bench.lines.baskets.prefix(commits * bench.rounds))
    let rows = LineTable.rows(baskets.indices.map { baskets[$0...$0] })
    let drafts = baskets.map(\.draft)
    bench.scratch.removeAll()
    let node = try BenchNode(BenchNode.store, in: bench.scratch.file("store"))
    let raw = try RawSQLite(path: bench.scratch.file("raw.db"), cacheKibibytes: Bench.storeCache)
    try raw.execute(LineTable.create)
    let statements = (
      begin: try raw.prepare("BEGIN IMMEDIATE"), insert: try raw.prepare(LineTable.insert),
      commit: try raw.prepare("COMMIT")
    )
    // By turns, commit by commit: the disk's mood changes within a second.
    var ours: [[Double]] = []
    var theirs: [[Double]] = []
    var row = 0
    for round in 0..<bench.rounds {
      var readings: (ours: [Double], raw: [Double]) = ([], [])
      for index in (round * commits)..<min((round + 1) * commits, baskets.count) {
        func oursNow() throws {
          let stopwatch = Stopwatch()
          try node.commit([drafts[index]])
          readings.ours.append(stopwatch.reading.seconds * 1e6)
        }
        func rawNow() throws {
          let stopwatch = Stopwatch()
          try raw.step(statements.begin)
          try raw.run(statements.insert, rows, from: row, count: rows.transactions[index])
          try raw.step(statements.commit)
          readings.raw.append(stopwatch.reading.seconds * 1e6)
          row += rows.transactions[index]
        }
        if index % 2 == 0 {
          try oursNow()
          try rawNow()
        } else {
          try rawNow()
          try oursNow()
        }
      }
      ours.append(readings.ours)
      theirs.append(readings.raw)
    }
    let medians = (ours: ours.map { Spread($0).median }, raw: theirs.map { Spread($0).median })
    let several = try Rounds.run(
      bench.rounds,
      [{ try crowd($0, ours: true, drafts, rows, bench) }, { try crowd($0, ours: false, drafts, rows, bench) }])
    return [
      Figure(
        name: "durable commit of one basket, median", unit: "µs", ours: Spread(medians.ours),
        baseline: Spread(medians.raw), ratio: ratios(medians.raw, medians.ours), reach: .atLeast(0.95),
        aim: .atLeast(1)),
      Figure(
        name: "commits a second, \(writers) tills at once", unit: "/s", ours: Spread(several[0]),
        baseline: Spread(several[1]), ratio: ratios(several[0], several[1]), reach: .atLeast(0.95), aim: .atLeast(1)),
    ]
  }

  /// Commits a second of several writers, each with the next basket as soon as its last is durable.
  private static func crowd(
    _ round: Int, ours: Bool, _ drafts: [CommitDraft], _ rows: PreparedRows, _ bench: Bench
  ) throws -> Double {
    let count = min(commits, drafts.count)
    let places = Places(count: count)
    let stopwatch: Stopwatch
    if ours {
      let node = try BenchNode(BenchNode.store, in: bench.scratch.file("crowd-\(round)"))
      stopwatch = Stopwatch()
      DispatchQueue.concurrentPerform(iterations: writers) { _ in
        while let index = places.next() { places.noting { try node.commit([drafts[index]]) } }
      }
    } else {
      let path = bench.scratch.file("crowd-\(round).db")
      let connections = try (0..<writers).map { _ in try RawWriter(path) }
      let starts = rows.transactions.prefix(count).reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
      stopwatch = Stopwatch()
      DispatchQueue.concurrentPerform(iterations: writers) { writer in
        while let index = places.next() {
          places.noting { try connections[writer].commit(rows, from: starts[index], count: rows.transactions[index]) }
        }
      }
    }
    let seconds = stopwatch.reading.seconds
    if let failure = places.failure { throw BenchError(failure) }
    return Double(count) / seconds
  }
}

/// A connection of its own to a database that several write to. `@unchecked Sendable`: one thread uses it.
private final class RawWriter: @unchecked Sendable {
  private let database: RawSQLite
  private let begin: OpaquePointer
  private let insert: OpaquePointer
  private let finish: OpaquePointer

  init(_ path: String) throws {
    database = try RawSQLite(path: path, cacheKibibytes: Bench.storeCache)
    try database.execute("PRAGMA busy_timeout = 10000")
    try database.execute(LineTable.create.replacingFirst("CREATE TABLE", with: "CREATE TABLE IF NOT EXISTS"))
    begin = try database.prepare("BEGIN IMMEDIATE")
    insert = try database.prepare(LineTable.insert)
    finish = try database.prepare("COMMIT")
  }

  func commit(_ rows: PreparedRows, from first: Int, count: Int) throws {
    try database.step(begin)
    try database.run(insert, rows, from: first, count: count)
    try database.step(finish)
  }
}

extension String {
  fileprivate func replacingFirst(_ start: String, with other: String) -> String {
    hasPrefix(start) ? other + dropFirst(start.count) : self
  }
}
