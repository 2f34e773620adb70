import Causality
import Glibc
import NodeRuntime
import RecordStore
import StoreModel
import Transport
import Wire

/// A thousand stores at one HQ: a new price reaches all of them, and they come back all at once.
enum Fleet {
  static let scenario = Scenario(
    name: "fleet", summary: "1,000 connected stores: a price change to all, and all reconnect at once"
  ) { try run($0) }

  private static let stores: UInt32 = 1_000
  private static let changes = 5
  private static let reconnects = 2

  private static func run(_ bench: Bench) throws -> [Figure] {
    let chain = try Chain(bench)
    try DescriptorLimit.raise(toConnections: Int(stores))
    let pin = try Crowd.enrol(1...stores, at: chain)
    let hq = try chain.startHQ()
    let empty = try ProcessCounts(of: hq)
    let crowd = try Crowd(1...stores, at: chain.address, pin: pin)
    defer { crowd.end() }
    let first = try crowd.connect()
    let connected = try ProcessCounts(of: hq)
    var figures = connecting("first connect of \(stores)", [first], from: empty, to: connected)
    figures.append(
      Figure(
        name: "HQ's memory a connection", unit: "KiB",
        ours: Spread([(connected.residentBytes - empty.residentBytes) / 1_024 / Double(stores)])))
    figures += try change("one record", chain, crowd, hq, product)
    figures += try change("a price each in one group", chain, crowd, hq, prices)

    var outcomes: [(seconds: [Double], failures: Int)] = []
    let before = try ProcessCounts(of: hq)
    for _ in 0..<reconnects {
      crowd.drop()
      outcomes.append(try crowd.connect())
    }
    let after = try ProcessCounts(of: hq)
    return figures + connecting("reconnect of \(stores) at once", outcomes, from: before, to: after)
  }

  private static func connecting(
    _ name: String, _ outcomes: [(seconds: [Double], failures: Int)], from before: ProcessCounts,
    to after: ProcessCounts
  ) -> [Figure] {
    let processor = (after.processorSeconds - before.processorSeconds) * 1_000 / Double(outcomes.count)
    return [
      Figure(name: "\(name), median", unit: "s", ours: Spread(outcomes.map { Spread($0.seconds).median })),
      Figure(name: "  the last", unit: "s", ours: Spread(outcomes.map { Spread($0.seconds).highest })),
      Figure(name: "  attempts that failed", unit: "", ours: Spread(outcomes.map { Double($0.failures) })),
      Figure(name: "  HQ's processor a store", unit: "ms", ours: Spread([processor / Double(stores)])),
      Figure(
        name: "  HQ's most memory until then", unit: "MiB", ours: Spread([after.highestResidentBytes / 1_048_576])),
    ]
  }

  /// One commit group again and again, until it has reached all stores.
  private static func change(
    _ name: String, _ chain: Chain, _ crowd: Crowd, _ hq: Server, _ draft: (Int) -> CommitDraft
  ) throws -> [Figure] {
    let client = try ControlClient(directory: DataDirectory(chain.hqDirectory), model: .retail)
    var medians: [Double] = []
    var lasts: [Double] = []
    var processor: [Double] = []
    for round in 0..<changes {
      let before = try ProcessCounts(of: hq)
      let seconds = try crowd.receive {
        _ = try client.request("commit", [("drafts", .array([draft(round).controlValue]))])
      }
      processor.append((try ProcessCounts(of: hq).processorSeconds - before.processorSeconds) * 1_000)
      medians.append(Spread(seconds).median * 1_000)
      lasts.append(Spread(seconds).highest * 1_000)
    }
    return [
      Figure(name: "\(name) to \(stores) stores, median", unit: "ms", ours: Spread(medians)),
      Figure(name: "  the last", unit: "ms", ours: Spread(lasts)),
      Figure(name: "  HQ's processor", unit: "ms", ours: Spread(processor)),
    ]
  }

  /// A product's name, which all stores share.
  private static func product(_ round: Int) -> CommitDraft {
    CommitDraft([RecordWrite(Product(id: RecordID(key: "1000001"), name: "Name \(round)"))])
  }

  /// A price of its own for each store.
  private static func prices(_ round: Int) -> CommitDraft {
    CommitDraft(
      (1...stores).map { store in
        RecordWrite(
          Listing(
            store: RecordID(number: store), product: RecordID(key: "1000001"), price: Int64(100 + round),
            available: true))
      })
  }
}
