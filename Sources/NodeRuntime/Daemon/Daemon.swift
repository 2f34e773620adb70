package import Base
package import Dispatch
import Glibc
package import RecordStore
package import StoreModel
package import Transport

/// What both daemons do around their node: open the database, serve `syncctl`, and end cleanly on SIGTERM and SIGINT.
package final class Daemon: @unchecked Sendable {
  package let directory: DataDirectory
  package let gate: StoreGate
  package let log: LogSink
  /// Guards the node and the control server.
  package let queue = DispatchQueue(label: "storesync.network")
  private var signals: [any DispatchSourceSignal] = []
  private var control: ControlServer?
  private var node: (any RunningNode)?
  private var isEnding = false
  private let mark: RunMark

  package init(directory: DataDirectory, model: Model, log: @escaping LogSink) throws(StoreError) {
    self.directory = directory
    self.log = log
    ignoreBrokenPipes()
    try directory.checkDatabase()
    gate = try DatabaseWait.open(
      directory, model: model, isStarting: true, for: DatabaseWait.daemonMilliseconds, log: log)
    mark = RunMark(directory)
    try mark.checkAfterPowerCut(gate, log: log)
    mark.noteStart()
    let upgrade = UpgradeChores(gate: gate, log: log)
    try upgrade.retryParked()
    upgrade.reviewConflictCases()
  }

  /// Serves the control socket for `node`, writes the addresses down, says on standard output that it is ready, and
  /// never returns.
  package func run(_ node: any RunningNode, addresses: [(name: String, address: String)]) throws(TransportError)
    -> Never
  {
    gate.observeDamage { error in self.queue.async { self.endDamaged(error) } }
    let opened = queue.sync { () -> Result<ControlServer, TransportError> in
      self.node = node
      do throws(TransportError) {
        let service = ControlService(node: node)
        return .success(try ControlServer(path: directory.socketPath, queue: queue, service: service, log: log))
      } catch {
        return .failure(error)
      }
    }
    control = try opened.get()
    for number in [SIGTERM, SIGINT] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { self.end() }
      source.activate()
      signals.append(source)
    }
    for (name, address) in addresses { Console.print("\(name) \(address)") }
    Console.print("ready")
    dispatchMain()
  }

  private func end() {
    guard !isEnding else { return }
    isEnding = true
    control?.close()
    log(LogEvent(.info, "daemon.stopping", "stopping"))
    node?.stop {
      self.mark.noteEnd()
      // What is still on its way to peers gets a moment; the database needs none.
      self.queue.asyncAfter(deadline: .now() + .milliseconds(100)) { exit(ExitStatus.done.rawValue) }
    }
  }

  /// Without a word to the peers, and without writing down where they are: nothing is written to a damaged database any more,
  /// and what it says would go to the whole chain.
  private func endDamaged(_ error: StoreError) {
    guard !isEnding else { return }
    isEnding = true
    log(LogEvent(.error, "database.damaged", error.message))
    // Whoever has asked at the control socket gets the answer.
    queue.asyncAfter(deadline: .now() + .milliseconds(100)) { exit(ExitStatus.unsafe.rawValue) }
  }
}
