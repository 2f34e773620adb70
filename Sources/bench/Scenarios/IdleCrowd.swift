import Glibc
import NodeRuntime
import RecordStore
import StoreModel
import SyncSession
import Wire

/// Five thousand stores are connected, and nothing happens: what each of them costs HQ, and how HQ answers meanwhile.
enum IdleCrowd {
  static let scenario = Scenario(
    name: "idlecrowd", summary: "5,000 connected stores in which nothing happens: memory, processor, wake-ups, answers"
  ) { try run($0) }

  private static let stores: UInt32 = 5_000
  /// One ping and its answer on each connection.
  private static let watchedSeconds = UInt32(SessionLimits.keepaliveMilliseconds / 1_000)
  /// Longer than a node waits until it gives memory back.
  private static let restSeconds: UInt32 = 8
  private static let requests = 15
  private static let changes = 3
  private static let changePauseSeconds: UInt32 = 2

  private static func run(_ bench: Bench) throws -> [Figure] {
    try DescriptorLimit.raise(toConnections: Int(stores))
    let chain = try Chain(bench)
    let pin = try Crowd.enrol(1...stores, at: chain)
    let hq = try chain.startHQ()
    sleep(restSeconds)
    let empty = try ProcessCounts(of: hq)
    let alone = try answers(chain)
    let crowd = try Crowd(1...stores, at: chain.address, pin: pin)
    defer { crowd.end() }
    let connecting = try crowd.connect()
    let connected = try ProcessCounts(of: hq)
    sleep(restSeconds)
    let resting = try ProcessCounts(of: hq)
    let idle = try watch(hq)
    let amongMany = try answers(chain)
    return [
      Figure(name: "first connect of \(stores), median", unit: "s", ours: Spread(connecting.seconds)),
      Figure(name: "  attempts that failed", unit: "", ours: Spread([Double(connecting.failures)])),
      Figure(
        name: "HQ's most memory until then", unit: "MiB", ours: Spread([connected.highestResidentBytes / 1_048_576])),
      Figure(name: "HQ's memory an idle connection", unit: "KiB", ours: Spread([perStore(empty, resting) / 1_024])),
    ] + idle + [
      Figure(
        name: "HQ's answer to a status, and with no store", unit: "ms", ours: Spread(amongMany.map { $0 * 1_000 }),
        baseline: Spread(alone.map { $0 * 1_000 }))
    ] + (try change(chain, crowd, hq))
  }

  private static func perStore(_ before: ProcessCounts, _ after: ProcessCounts) -> Double {
    (after.residentBytes - before.residentBytes) / Double(stores)
  }

  private static func watch(_ hq: Server) throws -> [Figure] {
    let before = try ProcessCounts(of: hq)
    var seen: [ProcessCounts] = []
    // A thread of the pool takes its counts with it when it ends.
    for _ in 0..<2 * watchedSeconds {
      usleep(500_000)
      seen.append(try ProcessCounts(of: hq))
    }
    let after = try ProcessCounts(of: hq)
    let processor = after.processorSeconds - before.processorSeconds
    let switches = ProcessCounts.contextSwitches(since: before, seenIn: seen + [after])
    return [
      Figure(
        name: "HQ's processor in \(watchedSeconds) s idle, a connection", unit: "µs",
        ours: Spread([processor * 1e6 / Double(stores)])),
      Figure(
        name: "  of one processor", unit: "%", ours: Spread([processor * 100 / Double(watchedSeconds)])),
      Figure(
        name: "  context switches a connection", unit: "", ours: Spread([switches / Double(stores)])),
    ]
  }

  /// Seconds of each question for the status, in which all stores stand.
  private static func answers(_ chain: Chain) throws -> [Double] {
    let client = try ControlClient(directory: DataDirectory(chain.hqDirectory), model: .retail)
    return try (0..<requests).map { _ in
      let stopwatch = Stopwatch()
      _ = try client.request("status")
      return stopwatch.reading.seconds
    }
  }

  /// One product's name, until it has reached all.
  private static func change(_ chain: Chain, _ crowd: Crowd, _ hq: Server) throws -> [Figure] {
    let client = try ControlClient(directory: DataDirectory(chain.hqDirectory), model: .retail)
    var committed: [Double] = []
    var medians: [Double] = []
    var lasts: [Double] = []
    var processor: [Double] = []
    for round in 0..<changes {
      // All that the last one has brought about is over.
      sleep(changePauseSeconds)
      let before = try ProcessCounts(of: hq)
      let draft = CommitDraft([RecordWrite(Product(id: RecordID(key: "1000001"), name: "Name \(round)"))])
      let seconds = try crowd.receive {
        let stopwatch = Stopwatch()
        _ = try client.request("commit", [("drafts", .array([draft.controlValue]))])
        committed.append(stopwatch.reading.seconds * 1_000)
      }
      processor.append((try ProcessCounts(of: hq).processorSeconds - before.processorSeconds) * 1_000)
      medians.append(Spread(seconds).median * 1_000)
      lasts.append(Spread(seconds).highest * 1_000)
    }
    return [
      Figure(name: "a commit at HQ among \(stores) stores", unit: "ms", ours: Spread(committed)),
      Figure(name: "  until it is at a store, median", unit: "ms", ours: Spread(medians)),
      Figure(name: "  the last", unit: "ms", ours: Spread(lasts)),
      Figure(name: "  HQ's processor", unit: "ms", ours: Spread(processor)),
    ]
  }
}
