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
  private let log: LogSink
  private let membership: NodeSettings.Membership
  private let tls: TLSClient
  private let acknowledgements: AcknowledgementWriter
  private var backoff = Backoff()
  private var generator = SystemRandomNumberGenerator()
  private var attempt: ConnectAttempt?
  private var attempts = 0
  private var link: LinkDriver?
  private var isStopping = false
  private var status: PeerStatus

  package init(
    gate: StoreGate, membership: NodeSettings.Membership, queue: DispatchQueue, log: @escaping LogSink
  ) throws(TransportError) {
    self.gate = gate
    self.membership = membership
    self.queue = queue
    self.log = log
    tls = try TLSClient(pinnedKey: membership.pin)
    acknowledgements = AcknowledgementWriter(gate: gate, queue: queue)
    status = PeerStatus(node: .hq, acknowledged: LaneMap(repeating: 0))
  }

  package func start() {
    dispatchPrecondition(condition: .onQueue(queue))
    // What HQ has taken in earlier runs is not pending, though HQ may be out of reach now.
    let known = try? gate.writeNow { engine throws(StoreError) in try engine.acknowledged(by: .hq) }
    if let known { status.acknowledged = known }
    gate.observeGrowth { [weak self] in
      guard let self else { return }
      self.queue.async { self.link?.logGrew() }
    }
    connect()
  }

  package func peerStatuses() -> [PeerStatus] {
    dispatchPrecondition(condition: .onQueue(queue))
    var current = status
    current.isCaughtUp = link?.peerIsCaughtUp ?? false
    return [current]
  }

  package func stop(_ completion: @escaping @Sendable () -> Void) {
    dispatchPrecondition(condition: .onQueue(queue))
    isStopping = true
    gate.observeGrowth(nil)
    attempt?.cancel()
    link?.stop()
    acknowledgements.flush(completion)
  }

  /// Tries the next endpoint in turn.
  private func connect() {
    guard !isStopping else { return }
    let endpoint = membership.endpoints[attempts % membership.endpoints.count]
    attempts += 1
    attempt = Connector.connect(
      to: .tcp(endpoint), tls: tls, queue: queue, timeoutMilliseconds: Self.connectMilliseconds
    ) { [weak self] result in
      guard let self else { return }
      self.attempt = nil
      switch result {
      case .success(let stream): self.greet(stream)
      case .failure(let error): self.failed("HQ at \(endpoint): \(error.message)", retryAfter: 0)
      }
    }
  }

  /// Reads where this node stands in HQ's log, then opens the session.
  private func greet(_ stream: ByteStream) {
    let credential = membership.credential
    let clock = gate.clock
    gate.write { engine throws(StoreError) -> (Hello, Sequence64) in
      let (log, cursors) = try engine.knownLog(of: .hq)
      let hello = Hello(
        replica: engine.identity.replica, credential: credential, epoch: engine.identity.epoch, clock: clock.now,
        peerEpoch: log?.epoch, cursors: cursors, window: SessionLimits.windowBytes, software: SoftwareVersion.text,
        token: try NodeSettings.sessionToken(engine))
      return (hello, try engine.logHead())
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let (hello, head)) where !self.isStopping: self.open(stream, hello, head: head)
        case .success: stream.close(flushing: false)
        case .failure(let error):
          stream.close(flushing: false)
          self.failed("the database: \(error)", retryAfter: 0)
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
        onLinked: { [weak self] in self?.linked($0, $1) },
        onAcknowledged: { [weak self] in self?.acknowledged($0, $1, $2, $3) },
        onBatch: { [weak self] in self?.received($0, $1, $2) },
        onClosed: { [weak self] in self?.closed($0, $1) }))
    self.link = link
    link.start()
  }

  private func linked(_ link: LinkDriver, _ information: LinkInformation) {
    backoff.succeeded()
    let now = gate.clock.now
    status.isConnected = true
    status.address = link.peerDescription
    status.software = information.peerSoftware
    status.connectedAt = now
    status.lastContact = now
    status.clockOffsetMilliseconds = information.peerClock.milliseconds - now.milliseconds
    status.acknowledged = information.acknowledged
    status.lastProblem = nil
    acknowledgements.note(information.acknowledged, by: .hq)
    log(LogEvent(.info, "link.opened", "connected to HQ", [.init("address", link.peerDescription)]))
  }

  private func acknowledged(
    _ link: LinkDriver, _ lane: Lane, _ through: Sequence64, _ exceptions: [Acknowledgement.Exception]
  ) {
    status.lastContact = gate.clock.now
    status.note(exceptions)
    // Kept here too: once closed, the session no longer knows.
    if let all = link.acknowledged {
      status.acknowledged = all
      acknowledgements.note(all, by: .hq)
    }
    for exception in exceptions {
      log(LogEvent(.warning, "group.notApplied", "HQ has \(exception.outcome) a group: \(exception.reason)"))
    }
  }

  private func received(_ link: LinkDriver, _ batch: Batch, _ results: [GroupResult]) {
    status.lastContact = gate.clock.now
    for case .parked(let code, let reason) in results {
      log(LogEvent(.warning, "group.parked", "a group of HQ is parked: \(reason)", [.init("code", code)]))
    }
  }

  private func closed(_ link: LinkDriver, _ reason: CloseReason) {
    self.link = nil
    status.isConnected = false
    var retryAfter: Int64 = 0
    if case .refusedByPeer(let refusal) = reason { retryAfter = Int64(clamping: refusal.retryAfter) }
    failed("the link to HQ is closed: \(reason)", retryAfter: retryAfter)
  }

  private func failed(_ problem: String, retryAfter: Int64) {
    guard !isStopping else { return }
    status.lastProblem = problem
    let wait = backoff.failed(retryAfter: retryAfter, using: &generator)
    log(LogEvent(.warning, "link.down", "\(problem); trying again in \(wait) ms"))
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(wait))) { self.connect() }
  }
}
