import Glibc

/// What a connected pair costs when nothing happens, before and after a backlog.
enum Idle {
  static let scenario = Scenario(
    name: "idle", summary: "start-up, memory, and half a minute of a connected pair in which nothing happens"
  ) { try run($0) }

  private static let watchedSeconds: UInt32 = 30
  /// Longer than a node waits until it gives memory back.
  private static let restSeconds: UInt32 = 8
  private static let store = JourneyLines.store
  private static let mebibyte = 1_048_576.0

  private struct Both {
    var name: String
    var server: Server
  }

  private static func run(_ bench: Bench) throws -> [Figure] {
    let chain = try Chain(bench)
    try chain.add([store])
    var figures: [Figure] = []
    // Empty databases, and after them the backlog.
    var both = [Both(name: "HQ", server: try chain.startHQ()), Both(name: "store", server: try chain.start(store))]
    figures += starts(both, "empty")
    try chain.waitUntilInSync(store)
    sleep(restSeconds)
    figures += try memory(both, "at rest, empty")
    both = []
    chain.stop(store)
    chain.stopHQ()

    let filling = try BenchNode(existingIn: chain.directory(store))
    for transaction in bench.lines.transactions(ofLines: Bench.transactionLines) {
      try filling.commitWhole(transaction.map(\.draft))
    }
    _ = consume filling
    both = [Both(name: "HQ", server: try chain.startHQ()), Both(name: "store", server: try chain.start(store))]
    try Backlog.waitUntilArrived(chain, bench.lines.lineCount)
    try chain.waitUntilInSync(store)
    figures += try memory(both, "right after the backlog")
    sleep(restSeconds)
    figures += try memory(both, "\(restSeconds) s after the backlog")
    figures += try rest(both)
    both = []
    chain.stop(store)
    chain.stopHQ()
    both = [Both(name: "HQ", server: try chain.startHQ()), Both(name: "store", server: try chain.start(store))]
    return figures + starts(both, "with \(bench.lines.lineCount) lines")
  }

  private static func starts(_ both: [Both], _ when: String) -> [Figure] {
    both.map {
      Figure(name: "\($0.name), start to “ready”, \(when)", unit: "ms", ours: Spread([$0.server.startSeconds * 1_000]))
    }
  }

  private static func memory(_ both: [Both], _ when: String) throws -> [Figure] {
    try both.flatMap { node in
      let counts = try ProcessCounts(of: node.server)
      return [
        Figure(
          name: "\(node.name), memory \(when)", unit: "MiB", ours: Spread([counts.residentBytes / mebibyte])),
        Figure(
          name: "\(node.name), most memory until then", unit: "MiB",
          ours: Spread([counts.highestResidentBytes / mebibyte])),
      ]
    }
  }

  private static func rest(_ both: [Both]) throws -> [Figure] {
    let before = try both.map { try ProcessCounts(of: $0.server) }
    var seen: [[ProcessCounts]] = both.map { _ in [] }
    // A thread of the pool takes its counts with it when it ends.
    for _ in 0..<2 * watchedSeconds {
      usleep(500_000)
      for index in both.indices { seen[index].append(try ProcessCounts(of: both[index].server)) }
    }
    return try both.indices.flatMap { index in
      let (node, before) = (both[index], before[index])
      let after = try ProcessCounts(of: node.server)
      return [
        Figure(
          name: "\(node.name), context switches in \(watchedSeconds) s idle", unit: "",
          ours: Spread([ProcessCounts.contextSwitches(since: before, seenIn: seen[index] + [after])])),
        Figure(
          name: "\(node.name), processor in \(watchedSeconds) s idle", unit: "ms",
          ours: Spread([(after.processorSeconds - before.processorSeconds) * 1_000])),
      ]
    }
  }
}
