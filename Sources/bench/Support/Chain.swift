import Glibc
import NodeRuntime
import StoreModel
import Wire

/// HQ and its stores as the real programs, each in a directory of its own, with TLS over the loopback.
final class Chain {
  private let bench: Bench
  private(set) var hq: Server?
  private(set) var stores: [UInt32: Server] = [:]
  /// Where HQ listens, once it has run; it keeps its port from then on.
  private(set) var address = "127.0.0.1:0"

  var hqDirectory: String { bench.scratch.file("hq") }

  /// Makes HQ; the scratch folder is emptied.
  init(_ bench: Bench) throws {
    self.bench = bench
    bench.scratch.removeAll()
    try run("hq-node", "init", "--data", hqDirectory, "--advertise", "127.0.0.1:7400")
  }

  func directory(_ store: UInt32) -> String { bench.scratch.file("store-\(store)") }

  /// Runs a program to its end.
  /// - Parameter statuses: the exit statuses that are no failure.
  @discardableResult
  func run(_ program: String, _ arguments: String..., allowing statuses: [Int32] = [0]) throws -> String {
    try Child.output(of: "\(bench.programs)/\(program)", arguments, allowing: statuses)
  }

  // MARK: Daemons

  @discardableResult
  func startHQ() throws -> Server {
    let stopwatch = Stopwatch()
    let server = try Server(
      "\(bench.programs)/hq-node", ["run", "--data", hqDirectory, "--listen", address],
      errors: bench.scratch.file("hq.log"))
    let prefix = "listening "
    guard let line = try server.ready(since: stopwatch).first(where: { $0.hasPrefix(prefix) }) else {
      throw BenchError("HQ does not say where it listens")
    }
    address = String(line.dropFirst(prefix.count))
    hq = server
    return server
  }

  func stopHQ() {
    hq?.stop()
    hq = nil
  }

  /// Adds stores, which join while HQ runs; they do not run yet.
  func add(_ numbers: some Sequence<UInt32>) throws {
    let isResting = hq == nil
    if isResting { try startHQ() }
    for number in numbers {
      let code = try run(
        "syncctl", "store", "add", "\(number)", "--name", "Store \(number)", "--time-zone", "America/New_York",
        "--currency", "USD", "--data", hqDirectory)
      try run(
        "store-node", "join", "--data", directory(number), "--hq", address, String(code.prefix { $0 != "\n" }))
    }
    if isResting { stopHQ() }
  }

  /// Starts a daemon, and does not wait until it is ready.
  func launch(_ store: UInt32, serving options: [String] = []) throws {
    stores[store] = try Server(
      "\(bench.programs)/store-node", ["run", "--data", directory(store)] + options,
      errors: bench.scratch.file("store-\(store).log"))
  }

  @discardableResult
  func start(_ store: UInt32) throws -> Server {
    _ = try start(store, serving: [])
    return try server(store)
  }

  /// - Parameter options: more than `run` and its directory.
  /// - Returns: what it prints until it is ready.
  func start(_ store: UInt32, serving options: [String]) throws -> [String] {
    let stopwatch = Stopwatch()
    try launch(store, serving: options)
    return try server(store).ready(since: stopwatch)
  }

  private func server(_ store: UInt32) throws -> Server {
    guard let server = stores[store] else { throw BenchError("store \(store) does not run") }
    return server
  }

  func stop(_ store: UInt32) {
    stores[store]?.stop()
    stores[store] = nil
  }

  // MARK: What they say

  /// What one node's `status` says of its first peer.
  func peer(_ directory: String) throws -> CBORValue? {
    try ControlClient(directory: DataDirectory(directory), model: .retail).request("status")["peers"]?.arrayValue?.first
  }

  /// Waits until a store is connected, has sent everything and has all that HQ has for it.
  func waitUntilInSync(_ store: UInt32) throws {
    try eventually("store \(store) to be in sync", every: 10_000) {
      guard let peer = try peer(directory(store)) else { return false }
      return peer["isConnected"]?.booleanValue == true && peer["isCaughtUp"]?.booleanValue == true
        && peer["pendingGroups"]?.integerValue == 0
    }
  }

  /// The sum of a metric's series whose names begin so, of a node that runs.
  func metric(_ directory: String, _ series: String) throws -> Double {
    let answer = try ControlClient(directory: DataDirectory(directory), model: .retail).request("metrics")
    let lines = (answer["text"]?.textValue ?? "").split(separator: "\n").filter { $0.hasPrefix(series) }
    return lines.reduce(0) { $0 + ($1.split(separator: " ").last.flatMap { Double($0) } ?? 0) }
  }
}

/// Asks again and again, until it is so.
func eventually(
  _ what: String, within seconds: Double = 300, every microseconds: UInt32 = 3_000, _ condition: () throws -> Bool
) throws {
  let stopwatch = Stopwatch()
  while try !condition() {
    guard stopwatch.reading.seconds < seconds else { throw BenchError("waited in vain for \(what)") }
    usleep(microseconds)
  }
}
