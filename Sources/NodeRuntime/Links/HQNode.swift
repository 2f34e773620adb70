package import Base
package import Causality
package import Dispatch
import RecordStore
import StoreModel
import SyncSession
package import Transport
package import Wire

/// A running HQ node: accepts the stores' links and keeps them.
///
/// Confined to `queue`, which guards its state (`@unchecked Sendable`).
package final class HQNode: RunningNode, @unchecked Sendable {
  /// Connections that have not come in yet. Each may hold a greeting's bytes; the stores of a large chain that all come
  /// back at once are through in a moment, and try again where they are not.
  package static let greetingLimit = 1_024
  private let greetingLimit: Int

  package let gate: StoreGate
  package let queue: DispatchQueue
  package let log: LogSink
  private var listener: Listener?
  private(set) var links: [NodeNumber: LinkDriver] = [:]
  /// The last one of each store.
  var verifications: [NodeNumber: Verification] = [:]
  var verifyTimer: (any DispatchSourceTimer)?
  /// Those that wait for the answer to another question.
  var deferredVerifications: [NodeNumber: Verification] = [:]
  var erasures = ErasureWatch()
  private(set) var greeting: [ObjectIdentifier: LinkDriver] = [:]
  private var statuses: [NodeNumber: PeerStatus] = [:]
  private let acknowledgements: AcknowledgementWriter
  /// As told last to those who are connected.
  private var endpoints: EndpointList?
  private var clockWatch: ClockWatch?
  private var growth: GrowthObservation?
  /// Set before others may ask for it.
  package var webhooks: WebhookSender?
  private var shownPin: [UInt8] = []

  package init(
    gate: StoreGate, queue: DispatchQueue, greetingLimit: Int = HQNode.greetingLimit, log: @escaping LogSink
  ) {
    self.greetingLimit = greetingLimit
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
    shownPin = tls.pin
    growth = gate.observeGrowth { [weak self] in
      guard let self else { return }
      self.queue.async { for link in self.links.values { link.logGrew() } }
    }
    clockWatch = ClockWatch(queue: queue) { [weak self] in self?.clockChanged($0) }
    verifyInBackground()
    watchErasures()
    return listener.boundEndpoint ?? endpoint
  }

  /// Whoever connects from now on is shown this key; links that are open stay.
  func show(_ identity: TLSIdentity) {
    guard identity.pin != shownPin, let listener else { return }
    do throws(TransportError) {
      try listener.show(identity)
      shownPin = identity.pin
      log(LogEvent(.info, "key.switched", "HQ shows another key from now on"))
    } catch {
      log(LogEvent(.error, "key.unusable", error.message))
    }
  }

  package func peerStatuses() -> [PeerStatus] {
    dispatchPrecondition(condition: .onQueue(queue))
    return statuses.values.map { status in
      var status = status
      guard let link = links[status.node] else { return status }
      status.isCaughtUp = link.peerIsCaughtUp
      status.behindMilliseconds = link.behindMilliseconds
      return status
    }.sorted { $0.node < $1.node }
  }

  package var greetingCount: Int { greeting.count }

  /// Says good-bye to every store, and calls `completion` once what was acknowledged is written down.
  package func stop(_ completion: @escaping @Sendable () -> Void) {
    dispatchPrecondition(condition: .onQueue(queue))
    growth?.end()
    clockWatch?.stop()
    for timer in [verifyTimer, erasures.timer] { timer?.cancel() }
    noteContacts(Array(links.keys))
    for link in Array(links.values) + Array(greeting.values) { link.stop() }
    acknowledgements.flush {
      self.queue.async { if let webhooks = self.webhooks { webhooks.stop(completion) } else { completion() } }
    }
    listener?.close()
    listener = nil
  }

  private func accept(_ stream: ByteStream) {
    guard greeting.count < greetingLimit else {
      log(
        LogEvent(
          .warning, "link.tooMany",
          "\(greeting.count) connections have not come in yet, so one more is closed at once; who it was tries again",
          [.init("address", stream.peerDescription)]))
      return stream.close(flushing: false)
    }
    let link = LinkDriver(
      stream, role: .hq, gate: gate, queue: queue,
      observer: LinkDriver.Observer(
        onAdmission: { [weak self] in self?.admit($0, $1) },
        onEnrolment: { [weak self] in self?.enrol($0, $1) },
        onConfirmed: { [weak self] in self?.confirmed($0, $1) },
        onEndpoints: { _, _ in },
        onEndpointsKept: { [weak self] in self?.endpointsKept($0, $1) },
        onLinked: { [weak self] in self?.linked($0, $1) },
        onCaughtUp: { [weak self] in self?.caughtUp($0) },
        onAnswer: { [weak self] in self?.answered($0, $1) },
        onKeysKept: { [weak self] in self?.keysKept($0, $1) },
        onAcknowledged: { [weak self] in self?.acknowledged($0, $1, $2, $3, $4) },
        onBatch: { [weak self] in self?.received($0, $1, $2) },
        onClosed: { [weak self] in self?.closed($0, $1) }))
    greeting[ObjectIdentifier(link)] = link
    link.start()
  }

  package func endLink(of node: NodeNumber, _ refusal: Refusal) {
    dispatchPrecondition(condition: .onQueue(queue))
    links[node]?.answer(.denied(refusal))
  }

  /// A store that calls again has lost its connection, whether or not this end has noticed.
  func replaceLink(of node: NodeNumber) {
    verifications[node]?.linkClosed()
    erasureLinkClosed(node)
    links.removeValue(forKey: node)?.answer(
      .denied(Refusal(.alreadyConnected, "the store has connected anew; this connection is over")))
  }

  private func confirmed(_ link: LinkDriver, _ token: [UInt8]) {
    guard let node = link.information?.peer.node else { return }
    gate.write { engine throws(StoreError) in
      guard var enrolment = try NodeSettings.enrolment(of: node, engine), enrolment.token == token else { return }
      enrolment.tokenIsConfirmed = true
      try NodeSettings.save(enrolment, of: node, in: engine)
    } completion: { result in
      guard case .failure(let error) = result else { return }
      self.queue.async { link.answer(.storageFailed(error)) }
    }
  }

  private func linked(_ link: LinkDriver, _ information: LinkInformation) {
    let node = information.peer.node
    greeting[ObjectIdentifier(link)] = nil
    gate.metrics.linksOpened.add()
    links[node] = link
    erasures.unconfirmed.insert(node)
    let now = gate.clock.now
    var status = statuses[node] ?? PeerStatus(node: node, acknowledged: information.acknowledged)
    status.isConnected = true
    status.address = link.peerDescription
    status.software = information.peerSoftware
    status.protocolVersion = information.version
    status.connectedAt = now
    status.lastContact = now
    status.clockOffsetMilliseconds = information.peerClock.milliseconds(since: now)
    status.acknowledged = information.acknowledged
    statuses[node] = status
    acknowledgements.note(information.acknowledged, by: node)
    // They may have changed since the welcome was made.
    if let endpoints { link.answer(.endpointsChanged(endpoints)) }
    tellKeys(node)
    log(LogEvent(.info, "link.opened", "store \(node) is connected", [.init("address", link.peerDescription)]))
  }

  private func acknowledged(
    _ link: LinkDriver, _ lane: Lane, _ through: Sequence64, _ exceptions: [Acknowledgement.Exception],
    _ stamps: [Stamp?]
  ) {
    guard let node = link.information?.peer.node else { return }
    statuses[node]?.lastContact = gate.clock.now
    if let status = statuses[node] {
      gate.noteNotApplied(exceptions, of: stamps, by: node, lane, after: status.acknowledged[lane], through: through)
    }
    // Kept here too: once closed, the session no longer knows.
    guard let all = link.acknowledged else { return }
    statuses[node]?.acknowledged = all
    acknowledgements.note(all, by: node)
  }

  private func received(_ link: LinkDriver, _ batch: Batch, _ results: [GroupResult]) {
    guard let node = link.information?.peer.node else { return }
    statuses[node]?.lastContact = gate.clock.now
    erasures.noteBatch(of: node)
    log(.batchReceived(batch, "store \(node)"))
    for result in results {
      switch result {
      case .applied: break
      case .parked(let code, let reason):
        log(
          LogEvent(
            .warning, "group.parked", "a group of store \(node) is parked, see `syncctl parked list`: \(reason)",
            [.init("code", code)]))
      case .refused(let code, let reason):
        log(
          LogEvent(
            .warning, "group.refused",
            "a group of store \(node) is refused and not kept, see `syncctl parked list`: \(reason)",
            [.init("code", code)]))
      }
    }
  }

  private func closed(_ link: LinkDriver, _ reason: CloseReason) {
    gate.metrics.count(reason, wasLinked: link.information != nil)
    greeting[ObjectIdentifier(link)] = nil
    guard let node = link.information?.peer.node else {
      guard reason != .enrolled else { return }
      return log(
        LogEvent(
          .warning, "link.failed", "a connection did not come in: \(reason)",
          [.init("address", link.peerDescription), .init("code", reason.word)]))
    }
    if case .refusedByUs = reason, let problem = gate.problem {
      log(.storageFailed(problem))
    }
    log(LogEvent(.info, "link.closed", "store \(node) is disconnected: \(reason)", [.init("code", reason.word)]))
    guard links[node] === link else { return }
    links[node] = nil
    verifications[node]?.linkClosed()
    erasureLinkClosed(node)
    statuses[node]?.isConnected = false
    statuses[node]?.lastProblem = reason.description
    noteContacts([node])
  }
}

extension HQNode {
  package func endpointsChanged() {
    dispatchPrecondition(condition: .onQueue(queue))
    gate.write { engine throws(StoreError) in
      try NodeSettings.endpointList(engine)
    } completion: { result in
      guard case .success(let list) = result else { return }
      self.queue.async {
        self.endpoints = list
        for link in self.links.values { link.answer(.endpointsChanged(list)) }
      }
    }
  }

  fileprivate func endpointsKept(_ link: LinkDriver, _ version: UInt64) {
    guard let node = link.information?.peer.node else { return }
    gate.write { engine throws(StoreError) in
      guard var enrolment = try NodeSettings.enrolment(of: node, engine) else { return }
      enrolment.endpointsVersion = version
      try NodeSettings.save(enrolment, of: node, in: engine)
    } completion: { [log] result in
      if case .failure(let error) = result { log(.enrolmentUnwritten(error, "of store \(node)")) }
    }
  }

  /// After a sleep of this machine the stores have long given up: their links end now and not at the next keepalive.
  func clockChanged(_ event: ClockWatch.Event) {
    event.note(in: log)
    guard case .slept = event else {
      for node in statuses.keys { statuses[node]?.clockJumped(event) }
      return
    }
    for link in links.values { link.wakeUp() }
  }

  /// Writes down when stores were last heard of, for `status` while HQ does not run.
  private func noteContacts(_ nodes: [NodeNumber]) {
    let contacts = nodes.compactMap { node in statuses[node]?.lastContact.map { (node, $0) } }
    guard !contacts.isEmpty else { return }
    gate.write { engine throws(StoreError) in
      for (node, contact) in contacts {
        guard var enrolment = try NodeSettings.enrolment(of: node, engine) else { continue }
        enrolment.lastContact = max(contact, enrolment.lastContact ?? contact)
        try NodeSettings.save(enrolment, of: node, in: engine)
      }
    } completion: { [log] result in
      if case .failure(let error) = result { log(.enrolmentUnwritten(error, "of \(contacts.count) stores")) }
    }
  }
}
