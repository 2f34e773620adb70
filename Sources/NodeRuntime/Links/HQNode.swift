package import Base
import Causality
package import Dispatch
import RecordStore
import StoreModel
import SyncSession
package import Transport
import Wire

/// A running HQ node: accepts the stores' links and keeps them.
///
/// Confined to `queue`, which guards its state (`@unchecked Sendable`).
package final class HQNode: RunningNode, @unchecked Sendable {
  /// Connections that have not come in yet. Each may hold a greeting's bytes; the stores of a large chain that all come
  /// back at once are through in a moment, and try again where they are not.
  private static let greetingLimit = 1_024

  package let gate: StoreGate
  package let queue: DispatchQueue
  private let log: LogSink
  private var listener: Listener?
  private var links: [NodeNumber: LinkDriver] = [:]
  private var greeting: [ObjectIdentifier: LinkDriver] = [:]
  private var statuses: [NodeNumber: PeerStatus] = [:]
  private let acknowledgements: AcknowledgementWriter

  package init(gate: StoreGate, queue: DispatchQueue, log: @escaping LogSink) {
    self.gate = gate
    self.queue = queue
    self.log = log
    acknowledgements = AcknowledgementWriter(gate: gate, queue: queue)
  }

  /// Listens for stores.
  /// - Returns: the address really bound.
  package func start(at endpoint: Endpoint, tls: TLSIdentity) throws(TransportError) -> Endpoint {
    dispatchPrecondition(condition: .onQueue(queue))
    let listener = try Listener(at: .tcp(endpoint), tls: tls, queue: queue, log: log) { [weak self] stream in
      self?.accept(stream)
    }
    self.listener = listener
    gate.observeGrowth { [weak self] in
      guard let self else { return }
      self.queue.async { for link in self.links.values { link.logGrew() } }
    }
    return listener.boundEndpoint ?? endpoint
  }

  package func peerStatuses() -> [PeerStatus] {
    dispatchPrecondition(condition: .onQueue(queue))
    return statuses.values.map { status in
      var status = status
      guard let link = links[status.node] else { return status }
      status.isCaughtUp = link.peerIsCaughtUp
      return status
    }.sorted { $0.node < $1.node }
  }

  /// Says good-bye to every store, and calls `completion` once what was acknowledged is written down.
  package func stop(_ completion: @escaping @Sendable () -> Void) {
    dispatchPrecondition(condition: .onQueue(queue))
    gate.observeGrowth(nil)
    for link in Array(links.values) + Array(greeting.values) { link.stop() }
    acknowledgements.flush { completion() }
    listener?.close()
    listener = nil
  }

  private func accept(_ stream: ByteStream) {
    guard greeting.count < Self.greetingLimit else {
      log(LogEvent(.warning, "link.tooMany", "\(stream.peerDescription): \(greeting.count) connections are greeting"))
      return stream.close(flushing: false)
    }
    let link = LinkDriver(
      stream, role: .hq, gate: gate, queue: queue,
      observer: LinkDriver.Observer(
        onAdmission: { [weak self] in self?.admit($0, $1) },
        onLinked: { [weak self] in self?.linked($0, $1) },
        onAcknowledged: { [weak self] in self?.acknowledged($0, $1, $2, $3) },
        onBatch: { [weak self] in self?.received($0, $1, $2) },
        onClosed: { [weak self] in self?.closed($0, $1) }))
    greeting[ObjectIdentifier(link)] = link
    link.start()
  }

  /// Checks a store's credential.
  private func admit(_ link: LinkDriver, _ hello: Hello) {
    gate.write { engine throws(StoreError) -> Refusal? in
      let node = hello.replica.node
      guard node != .hq, let digest = try NodeSettings.credentialDigest(of: node, engine) else {
        return Refusal(.notEnrolled, "store \(node) is not enrolled here; see `syncctl store add`")
      }
      guard Digest.isEqual(digest, Digest.sha256(hello.credential)) else {
        return Refusal(.wrongCredential, "store \(node) came with a wrong credential; join it again")
      }
      return nil
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(nil): self.resume(link, hello)
        case .success(let refusal?): link.answer(.denied(refusal))
        case .failure(let error): link.answer(.storageFailed(error))
        }
      }
    }
  }

  /// Finds where a store's log is to be resumed: behind all that its earlier connection has brought. That one ends
  /// first, so that it brings nothing more once the cursors are read.
  private func resume(_ link: LinkDriver, _ hello: Hello) {
    let node = hello.replica.node
    guard greeting[ObjectIdentifier(link)] != nil else { return }
    replaceLink(of: node)
    let clock = gate.clock
    gate.writeBehindBatches { engine throws(StoreError) -> Admission in
      try engine.meet(node, epoch: hello.epoch)
      let cursors = try engine.receiveCursors(from: node, epoch: hello.epoch)
      return Admission(
        identity: engine.identity, head: try engine.logHead(), clock: clock.now,
        cursors: LaneMap(urgent: cursors.urgent.through, normal: cursors.normal.through, bulk: cursors.bulk.through))
    } completion: { result in
      self.queue.async {
        // Another connection of this store may have come in meanwhile, and brought something.
        guard self.links[node] == nil else { return self.resume(link, hello) }
        switch result {
        case .success(let admission): link.answer(.admitted(admission))
        case .failure(let error): link.answer(.storageFailed(error))
        }
      }
    }
  }

  /// A store that calls again has lost its connection, whether or not this end has noticed.
  private func replaceLink(of node: NodeNumber) {
    links.removeValue(forKey: node)?.answer(
      .denied(Refusal(.alreadyConnected, "the store has connected anew; this connection is over")))
  }

  private func linked(_ link: LinkDriver, _ information: LinkInformation) {
    let node = information.peer.node
    greeting[ObjectIdentifier(link)] = nil
    links[node] = link
    let now = gate.clock.now
    var status = statuses[node] ?? PeerStatus(node: node, acknowledged: information.acknowledged)
    status.isConnected = true
    status.address = link.peerDescription
    status.software = information.peerSoftware
    status.connectedAt = now
    status.lastContact = now
    status.clockOffsetMilliseconds = information.peerClock.milliseconds - now.milliseconds
    status.acknowledged = information.acknowledged
    statuses[node] = status
    acknowledgements.note(information.acknowledged, by: node)
    log(LogEvent(.info, "link.opened", "store \(node) is connected", [.init("address", link.peerDescription)]))
  }

  private func acknowledged(
    _ link: LinkDriver, _ lane: Lane, _ through: Sequence64, _ exceptions: [Acknowledgement.Exception]
  ) {
    guard let node = link.information?.peer.node else { return }
    statuses[node]?.lastContact = gate.clock.now
    statuses[node]?.note(exceptions)
    // Kept here too: once closed, the session no longer knows.
    guard let all = link.acknowledged else { return }
    statuses[node]?.acknowledged = all
    acknowledgements.note(all, by: node)
  }

  private func received(_ link: LinkDriver, _ batch: Batch, _ results: [GroupResult]) {
    guard let node = link.information?.peer.node else { return }
    statuses[node]?.lastContact = gate.clock.now
    for case .parked(let code, let reason) in results {
      log(LogEvent(.warning, "group.parked", "a group of store \(node) is parked: \(reason)", [.init("code", code)]))
    }
  }

  private func closed(_ link: LinkDriver, _ reason: CloseReason) {
    greeting[ObjectIdentifier(link)] = nil
    guard let node = link.information?.peer.node else {
      return log(
        LogEvent(.warning, "link.failed", "\(link.peerDescription) did not come in: \(reason)"))
    }
    log(LogEvent(.info, "link.closed", "store \(node) is disconnected: \(reason)"))
    guard links[node] === link else { return }
    links[node] = nil
    statuses[node]?.isConnected = false
    statuses[node]?.lastProblem = reason.description
  }
}
