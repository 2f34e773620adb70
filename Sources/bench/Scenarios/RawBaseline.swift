import Glibc

/// The raw bulk insert in this program against the same in C.
enum RawBaseline {
  static let scenario = Scenario(name: "baseline", summary: "the raw baseline against the same in C: within 5 %") {
    try run($0)
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let rows = LineTable.rows(bench.lines.transactions(ofLines: Bench.transactionLines))
    let file = bench.scratch.file("rows")
    try write(rows.file, to: file)
    let readings = try Rounds.run(
      bench.rounds,
      [
        { round in try insert(rows, bench.scratch.file("swift-\(round).db")) },
        { round in try insertInC(file, bench.scratch.file("c-\(round).db"), bench) },
      ])
    return Figure.pair(
      "raw bulk insert, Swift against C", readings[0], readings[1], reach: .atLeast(0.95), processor: .atMost(1.05))
  }

  static func insert(_ rows: PreparedRows, _ path: String, cacheKibibytes: Int = Bench.storeCache) throws -> Reading {
    let database = try RawSQLite(path: path, cacheKibibytes: cacheKibibytes)
    try database.execute(LineTable.create)
    let statement = try database.prepare(LineTable.insert)
    let stopwatch = Stopwatch()
    try database.run(statement, rows)
    return stopwatch.reading
  }

  private static func insertInC(_ file: String, _ path: String, _ bench: Bench) throws -> Reading {
    let setup = RawSQLite.pragmas + "PRAGMA cache_size = -\(Bench.storeCache);" + LineTable.create
    let output = try Child.output(of: bench.programs + "/raw-sqlite", [path, setup, LineTable.insert, file])
    let numbers = output.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
    guard numbers.count == 2 else { throw BenchError("raw-sqlite: expected two numbers, found “\(output)”") }
    return Reading(seconds: numbers[0], processorSeconds: numbers[1])
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else { throw BenchError("cannot write “\(path)”") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw BenchError("cannot write “\(path)”") }
  }
}
