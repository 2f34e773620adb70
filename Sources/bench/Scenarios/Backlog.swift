import Glibc
import NodeRuntime
import StoreModel

/// A store, or twenty at once, come back after a long time offline: everything goes to HQ, between the real programs.
enum Backlog {
  static let one = Scenario(name: "backlog", summary: "a store's backlog of all the lines to HQ, end to end") {
    try run($0, stores: 1)
  }
  static let many = Scenario(name: "backlogs", summary: "the same lines as the backlogs of twenty stores at once") {
    try run($0, stores: 20)
  }

  private static let mostRounds = 3

  private struct Run {
    var seconds: Double
    var processorSeconds: Double
    var bytes: Double
  }

  private static func run(_ bench: Bench, stores: UInt32) throws -> [Figure] {
    let transactions = bench.lines.transactions(ofLines: Bench.transactionLines)
    let rows = LineTable.rows(transactions)
    let count = Double(rows.rowCount)
    var ours: [Run] = []
    var raw: [Double] = []
    for round in 0..<min(bench.rounds, mostRounds) {
      if round % 2 == 1 { raw.append(try RawBaseline.insert(rows, bench.scratch.file("raw.db")).seconds) }
      let chain = try Chain(bench)
      try fill(chain, bench, stores)
      ours.append(try send(chain, rows.rowCount))
      if round % 2 == 0 { raw.append(try RawBaseline.insert(rows, bench.scratch.file("raw.db")).seconds) }
      bench.scratch.removeAll()
    }
    let name = stores == 1 ? "backlog" : "backlogs of \(stores) stores"
    let seconds = ours.map(\.seconds)
    return [
      Figure(
        name: "\(name), start to all acknowledged", unit: "s", ours: Spread(seconds), baseline: Spread(raw),
        ratio: ratios(raw, seconds)),
      Figure(
        name: "\(name), rows a second", unit: "/s", ours: Spread(seconds.map { count / $0 }),
        baseline: Spread(raw.map { count / $0 })),
      Figure(
        name: "\(name), HQ's processor", unit: "s", ours: Spread(ours.map(\.processorSeconds))),
      Figure(
        name: "\(name), bytes a row that HQ received", unit: "B", ours: Spread(ours.map { $0.bytes / count })),
    ]
  }

  /// Makes the stores, and has them sell their part while HQ is out of reach.
  static func fill(_ chain: Chain, _ bench: Bench, _ stores: UInt32) throws {
    try chain.add(1...stores)
    let baskets = bench.lines.baskets
    for store in 1...stores {
      let node = try BenchNode(existingIn: chain.directory(store))
      let own = baskets.indices.filter { $0 % Int(stores) == Int(store) - 1 }
      var drafts: [CommitDraft] = []
      var lines = 0
      for index in own {
        drafts.append(baskets[index].draft(at: store))
        lines += baskets[index].lines.count
        guard lines >= Bench.transactionLines || index == own.last else { continue }
        try node.commitWhole(drafts)
        (drafts, lines) = ([], 0)
      }
    }
  }

  private static func send(_ chain: Chain, _ count: Int) throws -> Run {
    let hq = try chain.startHQ()
    let before = try ProcessCounts(of: hq)
    let stopwatch = Stopwatch()
    let numbers = try launchAll(chain)
    try waitUntilArrived(chain, count)
    for number in numbers { try chain.waitUntilInSync(number) }
    let seconds = stopwatch.reading.seconds
    let after = try ProcessCounts(of: hq)
    let bytes = try chain.metric(chain.hqDirectory, "storesync_link_bytes_total{direction=\"received\"")
    return Run(
      seconds: seconds, processorSeconds: after.processorSeconds - before.processorSeconds, bytes: bytes)
  }

  private static func launchAll(_ chain: Chain) throws -> [UInt32] {
    var numbers: [UInt32] = []
    while access(chain.directory(UInt32(numbers.count + 1)), F_OK) == 0 {
      numbers.append(UInt32(numbers.count + 1))
      try chain.launch(numbers[numbers.count - 1])
    }
    return numbers
  }

  /// Waits until HQ has the lines.
  static func waitUntilArrived(_ chain: Chain, _ count: Int) throws {
    let database = try RawSQLite(readOnly: DataDirectory(chain.hqDirectory).databasePath)
    let last = try database.prepare("SELECT coalesce(max(\"row\"), 0) FROM order_lines")
    try eventually("HQ to have \(count) lines") { try database.number(last) >= count }
    let all = try database.number(try database.prepare("SELECT count(*) FROM order_lines"))
    guard all == count else { throw BenchError("HQ has \(all) lines, and \(count) were sold") }
  }
}
