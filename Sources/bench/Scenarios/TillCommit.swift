import Glibc
import JSON
import NodeRuntime
import StoreModel
import Wire

/// One basket, from a till's request to the running node until the answer that it is on the disk: over HTTP, and over the socket
/// of `syncctl`. All take turns, basket by basket, with the raw commit and with the commit of a node in this process.
enum TillCommit {
  static let scenario = Scenario(
    name: "till", summary: "a till's durable commit of one basket through the running store-node: HTTP and socket"
  ) { try run($0) }

  private static let commits = 1_000
  private static let store = JourneyLines.store

  private enum Way: Int, CaseIterable {
    case raw, node, http, socket
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let chain = try Chain(bench)
    try chain.add([store])
    let till = try Till(chain, bench)
    // HQ is out of reach: what a shop's line never disturbs.
    let offline = try (0..<bench.rounds).map { try till.round($0) }
    try chain.startHQ()
    try chain.waitUntilInSync(store)
    let before = try till.serverSeconds()
    let online = try (bench.rounds..<2 * bench.rounds).map { try till.round($0) }
    let after = try till.serverSeconds()
    let inside = (after.seconds - before.seconds) * 1e6 / max(after.count - before.count, 1)
    return figures("HQ out of reach", offline) + figures("HQ connected", online) + [
      Figure(name: "  of it at the node's writer, mean", unit: "µs", ours: Spread([inside]))
    ]
  }

  private static func figures(_ when: String, _ rounds: [[[Double]]]) -> [Figure] {
    func medians(_ way: Way) -> [Double] { rounds.map { Spread($0[way.rawValue]).median } }
    let names: [(Way, String)] = [(.node, "in this process"), (.http, "over HTTP"), (.socket, "over the socket")]
    return names.map { way, name in
      Figure(
        name: "a till's commit \(name), \(when)", unit: "µs", ours: Spread(medians(way)),
        baseline: Spread(medians(.raw)), ratio: ratios(medians(.raw), medians(way)))
    }
  }

  /// The contestants, and what they take next.
  private final class Till {
    private let bench: Bench
    private let chain: Chain
    private let http: TillConnection
    private let socket: ControlClient
    private let node: BenchNode
    private let raw: RawSQLite
    private let insert: OpaquePointer

    init(_ chain: Chain, _ bench: Bench) throws {
      (self.chain, self.bench) = (chain, bench)
      let lines = try chain.start(TillCommit.store, serving: ["--http", "127.0.0.1:0"])
      let prefix = "http "
      guard let url = lines.first(where: { $0.hasPrefix(prefix) })?.dropFirst(prefix.count) else {
        throw BenchError("the store does not say where it serves HTTP: \(lines)")
      }
      let directory = DataDirectory(chain.directory(TillCommit.store))
      http = try TillConnection(to: String(url), of: directory)
      socket = try ControlClient(directory: directory, model: .retail)
      node = try BenchNode(BenchNode.store, in: bench.scratch.file("own"))
      raw = try RawSQLite(path: bench.scratch.file("raw.db"), cacheKibibytes: Bench.storeCache)
      try raw.execute(LineTable.create)
      insert = try raw.prepare(LineTable.insert)
    }

    /// Microseconds of each commit, by ways.
    func round(_ round: Int) throws -> [[Double]] {
      var readings = Way.allCases.map { _ in [Double]() }
      for index in 0..<TillCommit.commits {
        // Each way has baskets of its own: two of them write into the same node.
        for place in Way.allCases.indices {
          let way = Way.allCases[(place + index) % Way.allCases.count]
          let number = (round * TillCommit.commits + index) * Way.allCases.count + way.rawValue
          readings[way.rawValue].append(try take(basket(number), by: way) * 1e6)
        }
      }
      return readings
    }

    /// As many as there are, and then the same again under other receipts.
    private func basket(_ number: Int) -> JourneyLines.Basket {
      let baskets = bench.lines.baskets
      var basket = baskets[number % baskets.count]
      basket.number = "\(number)-\(basket.number)"
      return basket
    }

    private func take(_ basket: JourneyLines.Basket, by way: Way) throws -> Double {
      switch way {
      case .raw:
        let rows = LineTable.rows([[basket]])
        return try time { try raw.run(insert, rows) }
      case .node:
        let draft = basket.draft
        return try time { try node.commit([draft]) }
      case .http:
        let request = http.request(
          posting: JSONText.bytes(basket.commitRequest), to: "/v1/commits", key: basket.number)
        return try time { try http.perform(request) }
      case .socket:
        let draft = basket.draft.controlValue
        return try time { _ = try socket.request("commit", [("drafts", .array([draft]))]) }
      }
    }

    private func time(_ body: () throws -> Void) throws -> Double {
      let stopwatch = Stopwatch()
      try body()
      return stopwatch.reading.seconds
    }

    /// What the running node itself counts of its commits, from the moment that the writer was asked for.
    func serverSeconds() throws -> (seconds: Double, count: Double) {
      let directory = chain.directory(TillCommit.store)
      return (
        try chain.metric(directory, "storesync_commit_duration_seconds_sum"),
        try chain.metric(directory, "storesync_commit_duration_seconds_count")
      )
    }
  }
}

extension JourneyLines.Basket {
  /// The lines as a body of `POST /v1/commits`.
  fileprivate var commitRequest: JSONValue {
    let writes = orderLines.map { line -> JSONValue in
      [
        "entity": .string(OrderLine.name), "id": .string(OrderLine.identity.text(of: line.id)), "action": "put",
        "fields": [
          "store": .integer(Int64(JourneyLines.store)), "product": .string(Product.identity.text(of: line.product)),
          "quantity": .integer(line.quantity), "salesAmount": .integer(line.salesAmount),
          "retailDiscount": .integer(line.retailDiscount), "couponDiscount": .integer(line.couponDiscount),
          "couponMatchDiscount": .integer(line.couponMatchDiscount),
        ],
      ]
    }
    return ["writes": .array(writes)]
  }
}
