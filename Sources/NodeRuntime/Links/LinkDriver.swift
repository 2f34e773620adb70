import Base
import Causality
import Dispatch
import RecordStore
import StoreModel
import SyncSession
import Transport
import Wire

/// Performs the effects of one session on one connection.
///
/// Confined to `queue`, which guards its state (`@unchecked Sendable`). It lives until the connection is closed.
final class LinkDriver: @unchecked Sendable {
  /// What the owner of a link hears of it, on the link's queue.
  struct Observer {
    /// HQ: decides who comes in, and answers by `LinkDriver.answer`.
    var onAdmission: (LinkDriver, Hello) -> Void
    /// HQ: gives a store that joins its credential, and answers by `LinkDriver.answer`.
    var onEnrolment: (LinkDriver, Enrol) -> Void
    /// HQ: the store has the token that it was given.
    var onConfirmed: (LinkDriver, [UInt8]) -> Void
    /// A store: HQ has told its addresses. To be kept, then answered by `LinkDriver.answer`.
    var onEndpoints: (LinkDriver, EndpointList) -> Void
    /// HQ: the store holds the list of addresses of this version.
    var onEndpointsKept: (LinkDriver, UInt64) -> Void
    var onLinked: (LinkDriver, LinkInformation) -> Void
    /// A store: what had to be set right before anything is sent, for a person.
    var onRepaired: (LinkDriver, String) -> Void = { _, _ in }
    /// All that the peer had to send is durable here.
    var onCaughtUp: (LinkDriver) -> Void = { _ in }
    /// A store: HQ asks what it has. Answered by `LinkDriver.answer`.
    var onQuestion: (LinkDriver, VerifyQuestion) -> Void = { _, _ in }
    /// HQ: the store has answered.
    var onAnswer: (LinkDriver, VerifyAnswer) -> Void = { _, _ in }
    /// A store: HQ tells about keys. To be kept, then answered by `LinkDriver.answer`.
    var onKeys: (LinkDriver, KeyNews) -> Void = { _, _ in }
    /// HQ: the store has kept what it was told about keys.
    var onKeysKept: (LinkDriver, KeyReceipt) -> Void = { _, _ in }
    var onAcknowledged: (LinkDriver, Lane, Sequence64, [Acknowledgement.Exception], [Stamp?]) -> Void
    var onBatch: (LinkDriver, Batch, [GroupResult]) -> Void
    /// Exactly once, last.
    var onClosed: (LinkDriver, CloseReason) -> Void
  }

  /// Of a frame before the link is open: a greeting has some hundred bytes. Whoever is not admitted yet binds no more
  /// memory than this.
  static let greetingBytes = 64 << 10

  private let stream: ByteStream
  private let gate: StoreGate
  private let queue: DispatchQueue
  private let observer: Observer
  private let codec = ZstdCodec()
  private let clock = SystemMonotonicClock()
  private let timer: any DispatchSourceTimer
  private var session: SyncSession
  private var frames = FrameDecoder()
  private var closeReason: CloseReason?
  private var armedFor: Instant?
  private(set) var information: LinkInformation?
  /// What waits for the moment when the peer has all that this node has.
  private var waitingForRest: [() -> Void] = []
  /// Since when the peer has had something to send; nil while it has not.
  private var behindSince: Instant?
  private(set) var bytesSent = 0
  private(set) var bytesReceived = 0

  init(
    _ stream: ByteStream, role: SyncSession.Role, gate: StoreGate, queue: DispatchQueue, observer: Observer
  ) {
    self.stream = stream
    self.gate = gate
    self.queue = queue
    self.observer = observer
    session = SyncSession(role: role)
    timer = DispatchSource.makeTimerSource(queue: queue)
  }

  var peerDescription: String { stream.peerDescription }
  var isQuiet: Bool { session.isQuiet }
  var canAsk: Bool { session.canAsk }
  var canTellKeys: Bool { session.canTellKeys }
  var peerIsCaughtUp: Bool { session.peerIsCaughtUp }
  var acknowledged: LaneMap<Sequence64>? { session.acknowledged }
  /// How long the peer has had something to send that is not durable here; nil if it has not.
  var behindMilliseconds: Int64? { behindSince.map { clock.now.milliseconds - $0.milliseconds } }

  func start() {
    dispatchPrecondition(condition: .onQueue(queue))
    stream.onReceive = { self.receive($0) }
    stream.onClose = { error in
      self.handle(.disconnected(reason: error?.description ?? "the peer closed it"))
      self.finish()
    }
    timer.setEventHandler { [weak self] in
      self?.armedFor = nil
      self?.handle(.deadlineReached)
    }
    timer.activate()
    stream.start()
    handle(.opened)
  }

  /// The machine has slept: what the peer should have said long ago is looked at now.
  func wakeUp() { handle(.deadlineReached) }
  /// Gives the connection up.
  func drop(_ reason: String) {
    handle(.disconnected(reason: reason))
    // Nobody is there to take what is unsent.
    stream.close(flushing: false)
  }
  func logGrew() { handle(.logGrew) }
  func stop() { handle(.stop) }
  func answer(_ event: SessionEvent) { handle(event) }

  /// Runs `body` once all that is in the log by now is durable at the peer; never if the link ends before.
  func whenQuiet(_ body: @escaping @Sendable () -> Void) {
    // Behind what is being written: the log has then told of it.
    gate.write { _ throws(StoreError) in
    } completion: { _ in
      self.queue.async {
        if self.session.isQuiet { body() } else { self.waitingForRest.append(body) }
      }
    }
  }

  private func receive(_ bytes: [UInt8]) {
    bytesReceived += bytes.count
    gate.metrics.linkBytes.add(bytes.count, "received")
    frames.append(bytes)
    do {
      while closeReason == nil, let payload = try frames.next() {
        handle(.received(try Message(decoding: payload)))
      }
      // A large message on a slow line takes longer than silence may last.
      if frames.bufferedBytes > 0 { handle(.heard) }
      if information == nil, frames.bufferedBytes > Self.greetingBytes {
        handle(.undecodable(reason: "a greeting of more than \(Self.greetingBytes) bytes"))
      }
    } catch {
      handle(.undecodable(reason: "\(error)"))
    }
    // After an error, or once closed, what still arrives is not looked at.
    if closeReason != nil { frames = FrameDecoder() }
  }

  private func handle(_ event: SessionEvent) {
    dispatchPrecondition(condition: .onQueue(queue))
    var effects: [SessionEffect] = []
    let wasCaughtUp = session.peerIsCaughtUp
    session.handle(event, at: clock.now, into: &effects)
    for effect in effects { perform(effect) }
    if !wasCaughtUp, session.peerIsCaughtUp { observer.onCaughtUp(self) }
    let isBehind = session.isLinked && !session.peerIsCaughtUp
    if isBehind != (behindSince != nil) { behindSince = isBehind ? clock.now : nil }
    if session.isQuiet, !waitingForRest.isEmpty {
      let waiting = waitingForRest
      waitingForRest = []
      for body in waiting { body() }
    }
    rearm()
  }

  private func perform(_ effect: SessionEffect) {
    switch effect {
    case .send(let message): send(message)
    case .admit(let hello): observer.onAdmission(self, hello)
    case .enrol(let enrol): observer.onEnrolment(self, enrol)
    case .enrolled: break  // A node that runs has joined; `JoinAttempt` does this.
    case .keep(let keeping): keep(keeping)
    case .keepEndpoints(let list): observer.onEndpoints(self, list)
    case .endpointsKept(let version): observer.onEndpointsKept(self, version)
    case .verify(let question): observer.onQuestion(self, question)
    case .verified(let answer): observer.onAnswer(self, answer)
    case .keepKeys(let news): observer.onKeys(self, news)
    case .keysKept(let receipt): observer.onKeysKept(self, receipt)
    case .confirmed(let token): observer.onConfirmed(self, token)
    case .load(let request): load(request)
    case .store(let batch, let peer, let epoch): store(batch, peer: peer, epoch: epoch)
    case .linked(let information):
      self.information = information
      observer.onLinked(self, information)
    case .acknowledged(let lane, let through, let exceptions, let stamps):
      observer.onAcknowledged(self, lane, through, exceptions, stamps)
    case .close(let reason):
      closeReason = reason
      stream.close(flushing: true)
    }
  }

  private func send(_ message: Message) {
    do {
      let frame = try FrameWriter.frame(message.encoded())
      bytesSent += frame.count
      gate.metrics.linkBytes.add(frame.count, "sent")
      if case .batch(let batch) = message { gate.metrics.count(batch, "sent") }
      stream.send(frame)
    } catch {
      handle(.disconnected(reason: "a message of ours does not fit a frame: \(error)"))
    }
  }

  private func keep(_ keeping: Keeping) {
    let clock = gate.clock
    gate.write { engine throws(StoreError) in
      try Recovery.keep(keeping, in: engine, clock)
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let finding):
          if let finding { self.observer.onRepaired(self, finding) }
          self.handle(.kept)
        case .failure(let error): self.handle(.storageFailed(error))
        }
      }
    }
  }

  private func load(_ request: OutgoingRequest) {
    let codec = codec
    gate.load(request.lane) { engine throws(StoreError) in
      try SessionPerformer.load(request, from: engine, codec: codec)
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let stretch): self.handle(.loaded(stretch))
        case .failure(let error): self.handle(.storageFailed(error))
        }
      }
    }
  }

  private func store(_ batch: Batch, peer: NodeNumber, epoch: Epoch) {
    gate.metrics.count(batch, "received")
    gate.apply(batch, peer: peer, epoch: epoch, codec: codec) { outcome in
      self.queue.async {
        switch outcome {
        case .applied(let results):
          self.observer.onBatch(self, batch, results)
          self.handle(.stored(lane: batch.lane, results: results))
        case .undecodable(let reason): self.handle(.undecodable(reason: reason))
        case .failed(let error): self.handle(.storageFailed(error))
        }
      }
    }
  }

  private func rearm() {
    guard closeReason == nil, let deadline = session.deadline, deadline != armedFor else { return }
    armedFor = deadline
    let wait = max(0, deadline.milliseconds - clock.now.milliseconds)
    timer.schedule(deadline: .now() + .milliseconds(Int(wait)), leeway: .milliseconds(50))
  }

  private func finish() {
    timer.cancel()
    waitingForRest = []
    let reason = closeReason ?? .disconnected("the connection is gone")
    observer.onClosed(self, reason)
  }
}
