import Glibc
import NodeRuntime

/// A line comes back, and there is nothing new: what that costs may not grow with what the two have.
enum Reconnect {
  static let scenario = Scenario(
    name: "reconnect", summary: "reconnect with nothing new at 1,000, 100,000 and 1,000,000 records"
  ) { try run($0) }

  private static let sizes = [1_000, 100_000, 1_000_000]
  private static let drops = 3
  /// No byte for so long: the reconnect is over. A ping comes later.
  private static let quietSeconds = 0.5
  private static let store = JourneyLines.store

  private struct Readings {
    var bytes: [Double] = []
    var records: [Double] = []
    var turns: [Double] = []
    var messageBytes: [Double] = []
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    var all: [Readings] = []
    for size in sizes {
      // Another chain each: what a node has lived through, such as its starts, is told to its peer as well.
      let chain = try Chain(bench)
      try chain.add([store])
      try fill(chain, 0..<size)
      all.append(try measure(chain, size))
    }
    let first = all[0]
    return zip(sizes, all).flatMap { size, readings in
      [
        Figure(
          name: "reconnect at \(size) records, bytes both ways", unit: "B", ours: Spread(readings.bytes),
          ratio: ratios(readings.bytes, first.bytes), reach: .atMost(1.05)),
        Figure(
          name: "  the messages without TLS", unit: "B", ours: Spread(readings.messageBytes),
          ratio: ratios(readings.messageBytes, first.messageBytes)),
        Figure(name: "  TLS records both ways", unit: "", ours: Spread(readings.records)),
        Figure(name: "  flights, TLS's own among them", unit: "", ours: Spread(readings.turns)),
      ]
    }
  }

  /// HQ gets products while it does not run.
  static func fill(_ chain: Chain, _ range: Range<Int>) throws {
    let node = try BenchNode(existingIn: chain.hqDirectory)
    try Catalogue.commit(range, to: node, Catalogue.product)
  }

  /// Waits until a store has so many products.
  static func waitForProducts(_ chain: Chain, _ count: Int) throws {
    let database = try RawSQLite(readOnly: DataDirectory(chain.directory(store)).databasePath)
    let query = try database.prepare("SELECT coalesce(max(\"row\"), 0) FROM products")
    try eventually("the store to have \(count) products") { try database.number(query) >= count }
    try chain.waitUntilInSync(store)
  }

  private static func measure(_ chain: Chain, _ size: Int) throws -> Readings {
    try chain.startHQ()
    guard let port = chain.address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
      throw BenchError("HQ listens at “\(chain.address)”")
    }
    let relay = try Relay(to: port)
    defer { relay.stop() }
    try chain.run("store-node", "set-hq", "127.0.0.1:\(relay.port)", "--data", chain.directory(store))
    try chain.start(store)
    try waitForProducts(chain, size)
    var readings = Readings()
    func messages() throws -> Double { try chain.metric(chain.directory(store), "storesync_link_bytes_total") }
    // The first one clears what the filling has left over.
    for round in 0...drops {
      let before = try messages()
      relay.drop()
      try eventually("the store to come back") {
        let traffic = relay.counted
        return traffic.connections > 0 && traffic.bytesDown > 0 && traffic.last.reading.seconds > quietSeconds
      }
      try chain.waitUntilInSync(store)
      let traffic = relay.counted
      guard round > 0 else { continue }
      readings.bytes.append(Double(traffic.bytesUp + traffic.bytesDown))
      readings.records.append(Double(traffic.recordsUp + traffic.recordsDown))
      readings.turns.append(Double(traffic.turns))
      readings.messageBytes.append(try messages() - before)
    }
    chain.stop(store)
    chain.stopHQ()
    return readings
  }
}
