import Glibc
import JSON
import NodeRuntime
import StoreModel

/// HQ and a store compare a million records: in step, and with ten that somebody changed behind the store's back.
enum Verify {
  static let scenario = Scenario(
    name: "verify", summary: "`syncctl verify` of a store with a million records: in step, and ten differ"
  ) { try run($0) }

  private static let records = 1_000_000
  private static let differing = 10
  private static let store = JourneyLines.store

  private struct Outcome {
    var seconds: Double
    var questions: Double
    var bytes: Double
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let chain = try Chain(bench)
    try chain.add([store])
    try Reconnect.fill(chain, 0..<records)
    try chain.startHQ()
    try chain.start(store)
    try Reconnect.waitForProducts(chain, records)
    var inStep: [Outcome] = []
    for _ in 0..<min(bench.rounds, 2) { inStep.append(try verify(chain, expecting: 0)) }
    chain.stop(store)
    let database = try RawSQLite(
      path: DataDirectory(chain.directory(store)).databasePath, cacheKibibytes: Bench.storeCache)
    let step = records / differing
    try database.execute("UPDATE products SET name = 'Somebody was here' WHERE \"row\" % \(step) = \(step / 2)")
    try chain.start(store)
    try chain.waitUntilInSync(store)
    let different = try verify(chain, expecting: differing)
    return [
      Figure(name: "verify \(records) records in step", unit: "s", ours: Spread(inStep.map(\.seconds))),
      Figure(name: "  questions", unit: "", ours: Spread(inStep.map(\.questions))),
      Figure(name: "  bytes", unit: "B", ours: Spread(inStep.map(\.bytes))),
      Figure(name: "verify \(records) records, \(differing) differ", unit: "s", ours: Spread([different.seconds])),
      Figure(name: "  questions", unit: "", ours: Spread([different.questions])),
      Figure(name: "  bytes", unit: "B", ours: Spread([different.bytes])),
    ]
  }

  private static func verify(_ chain: Chain, expecting count: Int) throws -> Outcome {
    let stopwatch = Stopwatch()
    let text = try chain.run(
      "syncctl", "verify", "--store", "\(store)", "--json", "--data", chain.hqDirectory, allowing: [0, 1])
    let seconds = stopwatch.reading.seconds
    let answer = try JSONParser.parse(Array(text.utf8)[...])
    guard case .array(let stores)? = answer["stores"], let outcome = stores.first,
      outcome["differing"]?.integer == Int64(count), (outcome["records"]?.integer ?? 0) >= Int64(records)
    else { throw BenchError("expected \(count) differences, found \(text.prefix(400))") }
    return Outcome(
      seconds: seconds, questions: Double(outcome["questions"]?.integer ?? 0),
      bytes: Double(outcome["bytes"]?.integer ?? 0))
  }
}
