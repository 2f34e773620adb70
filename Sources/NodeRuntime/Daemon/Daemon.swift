package import Base
import Causality
package import Dispatch
import Glibc
package import RecordStore
package import StoreModel
import SyncSession
package import Transport

/// What a daemon serves beside its peers and `syncctl`.
package protocol DaemonService: Sendable {
  /// - Returns: the addresses that it listens at, each with a name for people and scripts.
  func start(control: ControlService) throws(TransportError) -> [(name: String, address: String)]
  /// Gives what is at work a moment, and ends. Blocks.
  func stop()
}

/// What both daemons do around their node: open the database, serve `syncctl`, and end cleanly on SIGTERM and SIGINT.
package final class Daemon: @unchecked Sendable {
  package let directory: DataDirectory
  package let gate: StoreGate
  /// Counts what it writes.
  package let log: LogSink
  private let logWriter: LogWriter
  /// Guards the node and the control server.
  package let queue = DispatchQueue(label: "storesync.network")
  private var signals: [any DispatchSourceSignal] = []
  private var control: ControlServer?
  private var node: (any RunningNode)?
  private var isEnding = false
  private var services: [any DaemonService] = []
  private let mark: RunMark
  private let disk: DiskWatch
  private let service = ServiceNotifier.ofProcess()
  private var watch: ServiceWatch?
  private var statusTimer: (any DispatchSourceTimer)?
  private var lastStatus = ""
  /// How often the service manager hears anew how the node is, if that has changed.
  private static let statusSeconds = 15
  /// How much longer a start may take from each sign of progress on.
  private static let startExtensionSeconds = 60

  package init(directory: DataDirectory, model: Model, log logWriter: LogWriter) throws(StoreError) {
    self.directory = directory
    ignoreBrokenPipes()
    try directory.checkDatabase()
    gate = try DatabaseWait.open(
      directory, model: model, isStarting: true, for: DatabaseWait.daemonMilliseconds, log: logWriter.sink
    ) { [service] status in
      service?.send(.starting(seconds: Self.startExtensionSeconds, status: status))
    }
    self.logWriter = logWriter
    let log = gate.metrics.counting(logWriter.sink)
    self.log = log
    mark = RunMark(directory)
    try mark.checkAfterPowerCut(gate, log: log)
    mark.noteStart()
    try gate.writeNow { engine throws(StoreError) in try NodeSettings.noteStart(engine) }
    disk = DiskWatch(directory, gate: gate, queue: queue)
    try gate.writeNow { [tokens = gate.tokens] engine throws(StoreError) in try tokens.load(engine) }
    let upgrade = UpgradeChores(gate: gate, log: log)
    try upgrade.retryParked()
    upgrade.reviewConflictCases()
  }

  /// Serves the control socket for `node`, writes the addresses down, says on standard output that it is ready, and
  /// never returns.
  /// - Parameter services: what the daemon serves beside its peers and `syncctl`.
  package func run(
    _ node: any RunningNode, addresses: [(name: String, address: String)], services: [any DaemonService] = []
  ) throws(TransportError) -> Never {
    gate.observeDamage { error in self.queue.async { self.endDamaged(error) } }
    let answering = ControlService(node: node)
    var bound: [(name: String, address: String)] = []
    for service in services { bound += try service.start(control: answering) }
    answering.addresses = addresses.filter { $0.name != "hq" } + bound
    let opened = queue.sync { () -> Result<ControlServer, TransportError> in
      self.node = node
      self.services = services
      do throws(TransportError) {
        return .success(try ControlServer(path: directory.socketPath, queue: queue, service: answering, log: log))
      } catch {
        return .failure(error)
      }
    }
    control = try opened.get()
    watchSignals()
    for (name, address) in addresses + bound { Console.print("\(name) \(address)") }
    Console.print("ready")
    log(
      LogEvent(
        .info, "daemon.started", "\(gate.identity.isHQ ? "HQ" : "store \(gate.identity.replica.node)") runs",
        [.init("version", SoftwareVersion.text), .init("replica", "\(gate.identity.replica)")]))
    queue.sync { self.tellService() }
    dispatchMain()
  }

  /// From here on SIGTERM and SIGINT end the node in good order.
  ///
  /// Returns once that is so: a signal right behind “ready” must not be lost. Until Dispatch has its own handler in place, on a
  /// thread of its own, the signals do what they do by default. To ignore them meanwhile, as is usual with Dispatch elsewhere, loses
  /// them: a thread that does not block them takes one for itself, and nobody ever sees it.
  private func watchSignals() {
    let registered = DispatchGroup()
    for number in [SIGTERM, SIGINT] {
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { self.end() }
      registered.enter()
      source.setRegistrationHandler { registered.leave() }
      source.activate()
      signals.append(source)
    }
    registered.wait()
  }

  /// Tells the service manager, if there is one, that the node is ready, and from then on how it is.
  private func tellService() {
    guard let service, let node else { return }
    lastStatus = ServiceStatus.line(of: node)
    service.send(.ready(status: lastStatus))
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.setEventHandler { [weak self] in
      let status = ServiceStatus.line(of: node)
      guard let self, !isEnding, status != lastStatus else { return }
      lastStatus = status
      service.send(.status(status))
    }
    timer.schedule(
      deadline: .now() + .seconds(Self.statusSeconds), repeating: .seconds(Self.statusSeconds), leeway: .seconds(1))
    timer.activate()
    statusTimer = timer
    guard let microseconds = service.watchdogMicroseconds else { return }
    let parts = [
      ServiceWatch.Part(name: "the network") { [queue] answer in queue.async(execute: answer) },
      ServiceWatch.Part(name: "the writer") { [gate] answer in gate.askWriter(answer) },
    ]
    watch = ServiceWatch(parts, log: log) { service.send(.alive) }
    watch?.start(watchdogMicroseconds: microseconds)
  }

  private func end() {
    guard !isEnding else { return }
    isEnding = true
    service?.send(.stopping)
    control?.close()
    disk.stop()
    log(LogEvent(.info, "daemon.stopping", "stopping"))
    // Whoever waits for an answer over HTTP gets it; that may take a moment, in which the links go on.
    DispatchQueue.global().async { [services] in
      for service in services { service.stop() }
      self.queue.async { self.endNode() }
    }
  }

  private func endNode() {
    node?.stop {
      self.gate.flushConsumers {
        self.mark.noteEnd()
        self.logWriter.flush()
        // What is still on its way to peers gets a moment; the database needs none.
        self.queue.asyncAfter(deadline: .now() + .milliseconds(100)) { exit(ExitStatus.done.rawValue) }
      }
    }
  }

  /// Without a word to the peers, and without writing down where they are: nothing is written to a damaged database any more,
  /// and what it says would go to the whole chain.
  private func endDamaged(_ error: StoreError) {
    guard !isEnding else { return }
    isEnding = true
    log(
      LogEvent(
        .error, "database.damaged",
        "the node ends, because it must not go on with a damaged database: \(error.message)",
        [.init("code", error.code.rawValue)]))
    logWriter.flush()
    // Whoever has asked at the control socket gets the answer.
    queue.asyncAfter(deadline: .now() + .milliseconds(100)) { exit(ExitStatus.unsafe.rawValue) }
  }
}
