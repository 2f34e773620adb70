package import Base
package import Causality
package import RecordStore
import StoreModel
package import Wire

/// One link between a store and HQ, as a pure value: events in, effects out. It does no I/O and has no clock and no
/// randomness of its own, so a simulation runs the very same code.
///
/// Both directions flow at once and never wait for each other: `Outbound` sends this node's log, `Inbound` takes the
/// peer's. An acknowledgement exists only as the answer to `SessionEvent.stored`.
package struct SyncSession: Sendable {
  package enum Role: Hashable, Sendable {
    /// The one who calls, with what it says of itself and the end of its log.
    case store(Hello, head: Sequence64)
    case hq
    /// The one who calls, once, to get a credential for the secret of its join code.
    case joiner(Enrol)

    fileprivate var isStore: Bool { if case .store = self { true } else { false } }
  }

  enum Phase: Sendable {
    case idle
    case awaitingWelcome(Hello, head: Sequence64)
    case awaitingHello
    case admitting(Hello)
    case awaitingCredential
    case enrolling(version: UInt64)
    case linked(Link)
    case closed
  }

  struct Link: Sendable {
    let peer: NodeNumber
    var outbound: Outbound
    var inbound: Inbound
    /// Whether the peer has said that it has nothing more to send, and has sent nothing since.
    var peerIsCaughtUp = false
    /// A store sends nothing of its log before what the welcome told is durable: what HQ hears of it is proof that it has
    /// the token.
    var isKeeping = false
    /// At HQ: the token that the store has not yet shown to have.
    var unconfirmed: [UInt8]?
    /// At HQ: the list of addresses that the store holds or was told last; nil if it does not know of such lists.
    var toldEndpoints: UInt64?
    /// At HQ: whether the store answers `verify`.
    var answersVerify = false
    /// At HQ: whether the store can be told about keys.
    var knowsKeys = false
    /// What it was told last about them and has not answered.
    var keyNumber: UInt64?
    /// The question of `verify` that is not answered yet.
    var question: UInt64?
    /// At HQ: the store has yet to say that it keeps that list.
    var awaitsReceipt = false
  }

  let role: Role
  var phase = Phase.idle
  var openedAt: Instant?
  var lastHeard = Instant(milliseconds: 0)
  var lastSent = Instant(milliseconds: 0)
  var pings: UInt64 = 0

  package init(role: Role) {
    self.role = role
  }

  /// The node at the other end, once it is known.
  package var peer: NodeNumber? { if case .linked(let link) = phase { link.peer } else { nil } }
  package var isLinked: Bool { peer != nil }
  package var isClosed: Bool { if case .closed = phase { true } else { false } }

  /// Linked, with nothing to read, nothing on its way out, and nothing received that is not durable.
  package var isQuiet: Bool {
    if case .linked(let link) = phase { link.outbound.isQuiet && link.inbound.isQuiet } else { false }
  }

  /// The peer has said that it has nothing more to send, and all that it has sent is durable here.
  package var peerIsCaughtUp: Bool {
    if case .linked(let link) = phase { link.peerIsCaughtUp && link.inbound.isQuiet } else { false }
  }

  /// How far the peer has durably taken this node's log.
  package var acknowledged: LaneMap<Sequence64>? {
    guard case .linked(let link) = phase else { return nil }
    let lanes = link.outbound.lanes
    return LaneMap(
      urgent: lanes.urgent.acknowledged, normal: lanes.normal.acknowledged, bulk: lanes.bulk.acknowledged)
  }

  /// When `deadlineReached` is to come; nil if never.
  package var deadline: Instant? {
    switch phase {
    case .idle, .closed: nil
    case .awaitingWelcome, .awaitingHello, .admitting, .awaitingCredential, .enrolling:
      openedAt?.advanced(byMilliseconds: SessionLimits.handshakeMilliseconds)
    case .linked:
      min(
        lastSent.advanced(byMilliseconds: SessionLimits.keepaliveMilliseconds),
        lastHeard.advanced(byMilliseconds: SessionLimits.silenceMilliseconds))
    }
  }

  package mutating func handle(_ event: SessionEvent, at now: Instant, into effects: inout [SessionEffect]) {
    switch event {
    case .opened: open(at: now, into: &effects)
    case .received(let message): receive(message, at: now, into: &effects)
    case .heard: lastHeard = now
    case .undecodable(let reason): refuse(Refusal(.protocolError, reason), into: &effects)
    case .admitted(let admission): admit(admission, at: now, into: &effects)
    case .enrolled(let credential): enrolled(credential, at: now, into: &effects)
    case .kept: kept(into: &effects)
    case .endpointsChanged(let list): endpointsChanged(list, at: now, into: &effects)
    case .endpointsKept(let version): endpointsKept(version, at: now, into: &effects)
    case .verify(let question): ask(question, at: now, into: &effects)
    case .verified(let answer): answered(answer, at: now, into: &effects)
    case .tellKeys(let news): tellKeys(news, at: now, into: &effects)
    case .keysKept(let receipt): keysKept(receipt, at: now, into: &effects)
    case .denied(let refusal): refuse(refusal, into: &effects)
    case .loaded(let stretch): loaded(stretch, at: now, into: &effects)
    case .stored(let lane, let results): stored(lane, results, at: now, into: &effects)
    case .storageFailed(let error): refuse(refusal(for: error), into: &effects)
    case .logGrew: logGrew(into: &effects)
    case .deadlineReached: deadlineReached(at: now, into: &effects)
    case .disconnected(let reason): close(.disconnected(reason), into: &effects)
    case .stop:
      if isLinked { effects.append(.send(.refusal(Refusal(.shuttingDown, "the node stops")))) }
      close(.stopped, into: &effects)
    }
  }
}

// MARK: - The open link

extension SyncSession {
  mutating func receive(_ message: Message, at now: Instant, into effects: inout [SessionEffect]) {
    guard !isClosed else { return }
    lastHeard = now
    switch (phase, message) {
    case (_, .refusal(let refusal)): close(.refusedByPeer(refusal), into: &effects)
    case (.awaitingHello, .hello(let hello)): self.hello(hello, into: &effects)
    case (.awaitingHello, .enrol(let enrol)): self.enrol(enrol, into: &effects)
    case (.awaitingCredential, .enrolled(let enrolled)): received(enrolled, into: &effects)
    case (.awaitingWelcome, .welcome(let welcome)): self.welcome(welcome, into: &effects)
    case (.linked, .batch(let batch)): received(batch, into: &effects)
    case (.linked, .acknowledgement(let acknowledgement)): received(acknowledgement, into: &effects)
    case (.linked, .ping(let number)): send(.pong(number), at: now, into: &effects)
    case (.linked, .caughtUp): peerCaughtUp(into: &effects)
    case (.linked, .pong): break
    case (.linked, .endpoints(let list)) where role.isStore: effects.append(.keepEndpoints(list))
    case (.linked(let link), .verify(let question)) where role.isStore && link.question == nil:
      asked(question, into: &effects)
    case (.linked(let link), .verified(let answer)) where !role.isStore && link.question == answer.number:
      received(answer, into: &effects)
    case (.linked, .keys(let news)) where role.isStore: effects.append(.keepKeys(news))
    case (.linked, .keysKept(let receipt)) where !role.isStore: received(receipt, into: &effects)
    case (.linked, .endpointsKept(let version)) where !role.isStore: receiptOfEndpoints(version, into: &effects)
    default: refuse(Refusal(.protocolError, "found a \(message.name) out of turn"), into: &effects)
    }
  }

  private mutating func kept(into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase else { return }
    link.isKeeping = false
    phase = .linked(link)
    load(into: &effects)
  }

  private mutating func endpointsChanged(_ list: EndpointList, at now: Instant, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase, let told = link.toldEndpoints, told != list.version else { return }
    link.toldEndpoints = list.version
    link.awaitsReceipt = true
    phase = .linked(link)
    send(.endpoints(list), at: now, into: &effects)
  }

  private mutating func endpointsKept(_ version: UInt64, at now: Instant, into effects: inout [SessionEffect]) {
    guard isLinked else { return }
    send(.endpointsKept(version), at: now, into: &effects)
  }

  /// Each counts once: HQ writes it down, and a store that says it again and again must not keep HQ writing.
  private mutating func receiptOfEndpoints(_ version: UInt64, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase, link.awaitsReceipt, link.toldEndpoints == version else { return }
    link.awaitsReceipt = false
    phase = .linked(link)
    effects.append(.endpointsKept(version: version))
  }

  /// What a store says of logs it says with its token on the disk.
  private mutating func confirm(into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase, let token = link.unconfirmed else { return }
    link.unconfirmed = nil
    phase = .linked(link)
    effects.append(.confirmed(token: token))
  }

  private mutating func peerCaughtUp(into effects: inout [SessionEffect]) {
    confirm(into: &effects)
    guard case .linked(var link) = phase else { return }
    link.peerIsCaughtUp = true
    phase = .linked(link)
  }

  private mutating func received(_ batch: Batch, into effects: inout [SessionEffect]) {
    confirm(into: &effects)
    guard case .linked(var link) = phase else { return }
    if let refusal = link.inbound.received(batch) { return refuse(refusal, into: &effects) }
    link.peerIsCaughtUp = false
    phase = .linked(link)
    effects.append(.store(batch, peer: link.peer, epoch: link.inbound.epoch))
  }

  private mutating func stored(
    _ lane: Lane, _ results: [GroupResult], at now: Instant, into effects: inout [SessionEffect]
  ) {
    guard case .linked(var link) = phase else { return }
    let acknowledgement = link.inbound.stored(lane, results: results)
    phase = .linked(link)
    send(.acknowledgement(acknowledgement), at: now, into: &effects)
  }

  private mutating func received(_ acknowledgement: Acknowledgement, into effects: inout [SessionEffect]) {
    confirm(into: &effects)
    guard case .linked(var link) = phase else { return }
    guard let batch = link.outbound.acknowledged(acknowledgement.lane, through: acknowledgement.through) else {
      return refuse(
        Refusal(.protocolError, "found an acknowledgement of \(acknowledgement.through), which is not on its way"),
        into: &effects)
    }
    phase = .linked(link)
    effects.append(
      .acknowledged(
        lane: acknowledgement.lane, through: acknowledgement.through, exceptions: acknowledgement.exceptions,
        stamps: acknowledgement.exceptions.map { exception in
          Int(exactly: exception.index).flatMap { batch.stamps.indices.contains($0) ? batch.stamps[$0] : nil }
        }))
    load(into: &effects)
  }

  private mutating func logGrew(into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase else { return }
    link.outbound.logGrew()
    phase = .linked(link)
    load(into: &effects)
  }

  private mutating func loaded(_ stretch: LoadedStretch, at now: Instant, into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase else { return }
    let batch = link.outbound.loaded(stretch)
    let isNews = link.outbound.isNewlyCaughtUp()
    phase = .linked(link)
    if let batch { send(.batch(batch), at: now, into: &effects) }
    if isNews { send(.caughtUp, at: now, into: &effects) }
    load(into: &effects)
  }

  mutating func load(into effects: inout [SessionEffect]) {
    guard case .linked(var link) = phase, !link.isKeeping, let request = link.outbound.nextLoad() else { return }
    phase = .linked(link)
    effects.append(.load(request))
  }

  private mutating func deadlineReached(at now: Instant, into effects: inout [SessionEffect]) {
    guard let deadline, now >= deadline else { return }
    guard case .linked = phase else { return close(.timedOut("no answer to the greeting"), into: &effects) }
    if now >= lastHeard.advanced(byMilliseconds: SessionLimits.silenceMilliseconds) {
      return close(.timedOut("nothing was heard of the peer"), into: &effects)
    }
    pings += 1
    send(.ping(pings), at: now, into: &effects)
  }

  mutating func send(_ message: Message, at now: Instant, into effects: inout [SessionEffect]) {
    lastSent = now
    effects.append(.send(message))
  }
}

extension Message {
  fileprivate var name: String {
    switch self {
    case .hello: "hello"
    case .welcome: "welcome"
    case .refusal: "refusal"
    case .batch: "batch"
    case .acknowledgement: "acknowledgement"
    case .ping: "ping"
    case .pong: "pong"
    case .caughtUp: "caught-up"
    case .enrol: "request to join"
    case .enrolled: "credential"
    case .endpoints: "list of addresses"
    case .endpointsKept: "receipt of a list of addresses"
    case .verify: "question of verify"
    case .verified: "answer of verify"
    case .keys: "word about keys"
    case .keysKept: "receipt of a word about keys"
    }
  }
}
