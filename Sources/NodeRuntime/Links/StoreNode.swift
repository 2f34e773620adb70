package import Base
import Causality
package import Dispatch
import RecordStore
import StoreModel
import SyncSession
package import Transport
import Wire

/// A running store node: keeps one link to HQ, and connects again whenever it is lost.
///
/// Confined to `queue`, which guards its state (`@unchecked Sendable`).
package final class StoreNode: RunningNode, @unchecked Sendable {
  /// Name look-up, connection and TLS together, an endpoint.
  private static let connectMilliseconds = 15_000

  package let gate: StoreGate
  package let queue: DispatchQueue
  package let log: LogSink
  private var keys: NodeSettings.StoreKeys
  /// HQ did not take the credential, but may have been put back to a time when it took the one before.
  private var showsPrevious = false
  private var addresses: HQAddresses
  private var round: ConnectRound
  private var tls: TLSClient
  private let acknowledgements: AcknowledgementWriter
  private var backoff = Backoff()
  private var generator = SystemRandomness()
  private var attempt: ConnectAttempt?
  /// Where the link leads, or the attempt.
  private var current: Endpoint?
  private var link: LinkDriver?
  /// Tells the wait that is on from those cut short.
  private var waits = 0
  private var isWaiting = false
  /// The link was dropped only to come about anew.
  private var skipsWait = false
  private var clockWatch: ClockWatch?
  private var growth: GrowthObservation?
  private var isStopping = false
  private var status: PeerStatus

  package init(
    gate: StoreGate, membership: NodeSettings.Membership, keys: NodeSettings.StoreKeys, queue: DispatchQueue,
    log: @escaping LogSink
  ) throws(TransportError) {
    self.gate = gate
    self.keys = keys
    addresses = membership.addresses
    round = ConnectRound(membership.addresses)
    self.queue = queue
    self.log = log
    tls = try TLSClient(pinnedKeys: keys.pins)
    acknowledgements = AcknowledgementWriter(gate: gate, queue: queue)
    status = PeerStatus(node: .hq, acknowledged: LaneMap(repeating: 0))
  }

  package func start() {
    dispatchPrecondition(condition: .onQueue(queue))
    // What HQ has taken in earlier runs is not pending, though HQ may be out of reach now.
    let known = try? gate.writeNow { engine throws(StoreError) in try engine.acknowledged(by: .hq) }
    if let known { status.acknowledged = known }
    growth = gate.observeGrowth { [weak self] in
      guard let self else { return }
      self.queue.async { self.link?.logGrew() }
    }
    clockWatch = ClockWatch(queue: queue) { [weak self] in self?.clockChanged($0) }
    connect()
  }

  package func peerStatuses() -> [PeerStatus] {
    dispatchPrecondition(condition: .onQueue(queue))
    var current = status
    current.isCaughtUp = link?.peerIsCaughtUp ?? false
    current.behindMilliseconds = link?.behindMilliseconds
    return [current]
  }

  package func stop(_ completion: @escaping @Sendable () -> Void) {
    dispatchPrecondition(condition: .onQueue(queue))
    isStopping = true
    growth?.end()
    clockWatch?.stop()
    attempt?.cancel()
    link?.stop()
    acknowledgements.flush(completion)
  }

  /// Tries the next address. Its name is looked up anew each time: HQ may have moved.
  private func connect() {
    guard !isStopping, attempt == nil, link == nil else { return }
    isWaiting = false
    if round.isOver { round = ConnectRound(addresses) }
    guard let endpoint = round.next() else { return }
    current = endpoint
    attempt = Connector.connect(
      to: .tcp(endpoint), tls: tls, queue: queue, timeoutMilliseconds: Self.connectMilliseconds
    ) { [weak self] result in
      guard let self else { return }
      switch result {
      case .success(let stream): self.greet(stream)
      case .failure(let error):
        self.attempt = nil
        self.failed(error.message, error.weight)
      }
    }
  }

  /// Reads where this node stands in HQ's log, then opens the session.
  private func greet(_ stream: ByteStream) {
    let credential = (showsPrevious ? keys.previousCredential : nil) ?? keys.credential
    let keysVersion = keys.version
    let attempt = attempt
    let endpointsVersion = addresses.version
    let clock = gate.clock.base
    gate.write { engine throws(StoreError) -> (Hello, Sequence64) in
      try engine.noteLogShown()
      let (log, cursors) = try engine.knownLog(of: .hq)
      let hello = Hello(
        replica: engine.identity.replica, credential: credential, epoch: engine.identity.epoch, clock: clock.now,
        peerEpoch: log?.epoch, cursors: cursors, window: SessionLimits.windowBytes, software: SoftwareVersion.text,
        token: try NodeSettings.sessionToken(engine), endpointsVersion: endpointsVersion,
        ancestors: try engine.toldAncestors(knowing: nil), peerAncestors: log?.told(keeping: nil) ?? [],
        answersVerify: true, keysVersion: keysVersion, codecs: Codec.readable)
      return (hello, try engine.logHead())
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let (hello, head)) where !self.isStopping && self.attempt === attempt:
          self.attempt = nil
          self.open(stream, hello, head: head)
        case .success: stream.close(flushing: false)
        case .failure(let error):
          stream.close(flushing: false)
          guard self.attempt === attempt else { return }
          self.attempt = nil
          self.failed("this store's database: \(error.message)", .answered)
        }
      }
    }
  }

  private func open(_ stream: ByteStream, _ hello: Hello, head: Sequence64) {
    let link = LinkDriver(
      stream, role: .store(hello, head: head), gate: gate, queue: queue,
      observer: LinkDriver.Observer(
        onAdmission: { _, _ in },
        onEnrolment: { _, _ in },
        onConfirmed: { _, _ in },
        onEndpoints: { [weak self] in self?.endpointsTold($0, $1) },
        onEndpointsKept: { _, _ in },
        onLinked: { [weak self] in self?.linked($0, $1) },
        onRepaired: { [weak self] in self?.repaired($1) },
        onQuestion: { [weak self] in self?.asked($0, $1) },
        onKeys: { [weak self] in self?.keysTold($0, $1) },
        onAcknowledged: { [weak self] in self?.acknowledged($0, $1, $2, $3, $4) },
        onBatch: { [weak self] in self?.received($0, $1, $2) },
        onClosed: { [weak self] in self?.closed($0, $1) }))
    self.link = link
    link.start()
  }

  private func linked(_ link: LinkDriver, _ information: LinkInformation) {
    backoff.succeeded()
    gate.metrics.linksOpened.add()
    let now = gate.clock.now
    status.isConnected = true
    status.address = link.peerDescription
    status.software = information.peerSoftware
    status.protocolVersion = information.version
    status.connectedAt = now
    status.lastContact = now
    status.clockOffsetMilliseconds = information.peerClock.milliseconds(since: now)
    status.acknowledged = information.acknowledged
    status.lastProblem = nil
    noteWorking()
    acknowledgements.note(information.acknowledged, by: .hq)
    log(LogEvent(.info, "link.opened", "connected to HQ", [.init("address", link.peerDescription)]))
  }

  private func acknowledged(
    _ link: LinkDriver, _ lane: Lane, _ through: Sequence64, _ exceptions: [Acknowledgement.Exception],
    _ stamps: [Stamp?]
  ) {
    status.lastContact = gate.clock.now
    gate.noteNotApplied(exceptions, of: stamps, by: .hq, lane, after: status.acknowledged[lane], through: through)
    // Kept here too: once closed, the session no longer knows.
    if let all = link.acknowledged {
      status.acknowledged = all
      acknowledgements.note(all, by: .hq)
    }
    for exception in exceptions {
      log(
        LogEvent(
          .warning, "group.notApplied",
          "HQ has \(exception.outcome) a group of this store, see `syncctl parked list`: \(exception.reason)",
          [.init("code", exception.code)]))
    }
  }

  private func received(_ link: LinkDriver, _ batch: Batch, _ results: [GroupResult]) {
    status.lastContact = gate.clock.now
    log(.batchReceived(batch, "HQ"))
    for case .parked(let code, let reason) in results {
      log(
        LogEvent(
          .warning, "group.parked", "a group of HQ is parked, see `syncctl parked list`: \(reason)",
          [.init("code", code)]))
    }
  }

  private func closed(_ link: LinkDriver, _ reason: CloseReason) {
    self.link = nil
    gate.metrics.count(reason, wasLinked: link.information != nil)
    status.isConnected = false
    if case .refusedByUs = reason, let problem = gate.problem {
      log(.storageFailed(problem))
    }
    var retryAfter: Int64 = 0
    if case .refusedByPeer(let refusal) = reason {
      retryAfter = Int64(clamping: refusal.retryAfter)
      if refusal.coverage != nil { return recover(refusal) }
      if refusal.code == Refusal.Code.wrongCredential.rawValue, keys.previousCredential != nil {
        showsPrevious.toggle()
      }
    }
    if skipsWait, !isStopping {
      skipsWait = false
      log(LogEvent(.info, "link.dropped", "the link to HQ is made anew: \(reason)"))
      return connectNow()
    }
    // A link that was open begins a new round: with the address that has worked last.
    if link.information != nil { round = ConnectRound(HQAddresses(list: [])) }
    failed("the link to HQ is closed: \(reason)", .answered, retryAfter: retryAfter)
  }

  /// HQ asks for something to be set right before the next attempt, which then comes at once.
  private func recover(_ refusal: Refusal) {
    gate.write { engine throws(StoreError) in
      try Recovery.answer(refusal, in: engine)
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let done?):
          self.repaired(done)
          self.failed("\(refusal.message) (\(refusal.code))", .answered)
        case .success(nil): self.failed("HQ refused: \(refusal.message) (\(refusal.code))", .answered)
        case .failure(let error): self.failed("this store's database: \(error.message)", .answered)
        }
      }
    }
  }

  private func repaired(_ what: String) {
    log(LogEvent(.warning, "node.repaired", what))
  }

  /// Goes on to the next address at once, and waits once each was tried.
  private func failed(_ problem: String, _ weight: ConnectRound.Weight, retryAfter: Int64 = 0) {
    guard !isStopping else { return }
    if let current { round.failed(current, weight, problem, retryAfter: retryAfter) }
    guard round.isOver else { return queue.async { self.connect() } }
    status.lastProblem = round.problem
    gate.metrics.connectFailures.add()
    let wait = backoff.failed(retryAfter: round.retryAfter, using: &generator)
    log(
      LogEvent(
        .warning, "link.down", "HQ is not connected, the shop works on and this goes on trying: \(round.all)",
        [.init("waitMilliseconds", "\(wait)")]))
    waits += 1
    isWaiting = true
    let number = waits
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(wait))) {
      if self.isWaiting, self.waits == number { self.connect() }
    }
  }

  /// Whatever made the last attempts fail may be over: tries all addresses anew, without waiting.
  private func connectNow() {
    backoff.succeeded()
    round = ConnectRound(addresses)
    attempt?.cancel()
    attempt = nil
    connect()
  }
}

// MARK: - Addresses and clocks

extension StoreNode {
  /// HQ has told its addresses.
  fileprivate func endpointsTold(_ link: LinkDriver, _ list: EndpointList) {
    let endpoints = list.endpoints.compactMap { Endpoint(parsing: $0) }
    guard !endpoints.isEmpty else {
      log(LogEvent(.warning, "endpoints.unreadable", "HQ tells addresses that this version cannot read; kept the old"))
      return
    }
    var new = addresses
    new.list = endpoints
    new.version = list.version
    keep(new) { [log] in
      log(LogEvent(.info, "endpoints.changed", "HQ is reached at \(list.endpoints.joined(separator: ", "))"))
      link.answer(.endpointsKept(version: list.version))
    }
  }

  /// This is the address to try first from now on.
  fileprivate func noteWorking() {
    guard let current, addresses.working != current else { return }
    var new = addresses
    new.working = current
    keep(new) {}
  }

  private func keep(_ new: HQAddresses, _ completion: @escaping @Sendable () -> Void) {
    addresses = new
    gate.write { engine throws(StoreError) in
      try NodeSettings.save(new, in: engine)
    } completion: { [log] result in
      switch result {
      case .success: self.queue.async { completion() }
      // They are told again with the next welcome.
      case .failure(let error):
        log(
          LogEvent(
            .warning, "endpoints.unwritten", "HQ's new addresses could not be written down: \(error.description)",
            [.init("code", error.code.rawValue)]))
      }
    }
  }

  package func endpointsChanged() {
    dispatchPrecondition(condition: .onQueue(queue))
    gate.write { engine throws(StoreError) in
      try NodeSettings.addresses(engine)
    } completion: { result in
      guard case .success(let new) = result else { return }
      self.queue.async {
        self.addresses = new
        self.startAnew("HQ's addresses were changed here")
      }
    }
  }

  /// Takes HQ by these keys and shows this credential from now on.
  func use(_ new: NodeSettings.StoreKeys) {
    if new.credential != keys.credential { showsPrevious = false }
    do throws(TransportError) {
      if new.pins != keys.pins { tls = try TLSClient(pinnedKeys: new.pins) }
      keys = new
    } catch {
      log(LogEvent(.error, "keys.unusable", error.message))
    }
  }

  /// After a sleep the other end has long given up, and what it sent meanwhile is lost: a new link takes one round trip.
  func clockChanged(_ event: ClockWatch.Event) {
    event.note(in: log)
    status.clockJumped(event)
    if case .wallClockSet(let milliseconds) = event { gate.clock.wasSet(byMilliseconds: milliseconds) }
    guard case .slept(let milliseconds) = event else { return }
    startAnew("this machine has slept for \(milliseconds / 1_000) s")
  }

  func startAnew(_ reason: String) {
    guard !isStopping else { return }
    guard let link else { return connectNow() }
    skipsWait = true
    link.drop(reason)
  }
}
