import Glibc
import NodeRuntime

/// A new store joins a chain that is long at work.
enum FirstLoad {
  static let scenario = Scenario(
    name: "firstload", summary: "first load of a new store: a catalogue and members of HQ, until it is caught up"
  ) { try run($0) }

  private static let products = 92_000
  private static let members = 8_000
  private static let mostRounds = 3
  private static let store = JourneyLines.store

  private static func run(_ bench: Bench) throws -> [Figure] {
    let count = Double(products + members)
    var ours: [Double] = []
    var raw: [Double] = []
    var loaded: [Double] = []
    var processor: [Double] = []
    var bytes: [Double] = []
    for _ in 0..<min(bench.rounds, mostRounds) {
      let chain = try Chain(bench)
      let node = try BenchNode(existingIn: chain.hqDirectory)
      try Catalogue.commit(0..<products, to: node, Catalogue.product)
      try Catalogue.commit(0..<members, to: node, Catalogue.member)
      _ = consume node
      try chain.add([store])
      try chain.startHQ()
      let stopwatch = Stopwatch()
      let server = try chain.start(store)
      try waitUntilLoaded(chain)
      loaded.append(stopwatch.reading.seconds)
      processor.append(try ProcessCounts(of: server).processorSeconds)
      try chain.waitUntilInSync(store)
      ours.append(stopwatch.reading.seconds)
      bytes.append(try chain.metric(chain.directory(store), "storesync_link_bytes_total{direction=\"received\""))
      chain.stop(store)
      chain.stopHQ()
      raw.append(try copy(from: DataDirectory(chain.hqDirectory).databasePath, to: bench.scratch.file("copy.db")))
    }
    bench.scratch.removeAll()
    return [
      Figure(
        name: "first load of \(products + members) records", unit: "s", ours: Spread(ours), baseline: Spread(raw),
        ratio: ratios(raw, ours)),
      Figure(name: "  until the last record is there", unit: "s", ours: Spread(loaded)),
      Figure(name: "  the store's processor by then", unit: "s", ours: Spread(processor)),
      Figure(name: "first load, records a second", unit: "/s", ours: Spread(ours.map { count / $0 })),
      Figure(name: "first load, bytes a record", unit: "B", ours: Spread(bytes.map { $0 / count })),
    ]
  }

  private static func waitUntilLoaded(_ chain: Chain) throws {
    let database = try RawSQLite(readOnly: DataDirectory(chain.directory(store)).databasePath)
    for (table, count) in [("products", products), ("members", members)] {
      let last = try database.prepare("SELECT coalesce(max(\"row\"), 0) FROM \(table)")
      try eventually("the store to have \(count) \(table)") { try database.number(last) >= count }
    }
  }

  /// The same tables with their indexes, copied by SQLite alone in one transaction.
  private static func copy(from source: String, to path: String) throws -> Double {
    let database = try RawSQLite(path: path, cacheKibibytes: Bench.storeCache)
    try database.execute("ATTACH '\(source)' AS source")
    let tables = "('products', 'members')"
    let schema = try database.texts(
      "SELECT sql FROM source.sqlite_master WHERE tbl_name IN \(tables) AND sql IS NOT NULL ORDER BY type DESC")
    for sql in schema { try database.execute(sql) }
    let stopwatch = Stopwatch()
    try database.execute(
      """
      BEGIN IMMEDIATE; INSERT INTO main.products SELECT * FROM source.products;
      INSERT INTO main.members SELECT * FROM source.members; COMMIT
      """)
    return stopwatch.reading.seconds
  }
}
