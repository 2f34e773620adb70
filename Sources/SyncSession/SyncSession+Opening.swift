import Base
import Causality
import RecordStore
import StoreModel
import Wire

/// Opening and closing: greetings, joining, refusals.
extension SyncSession {
  mutating func open(at now: Instant, into effects: inout [SessionEffect]) {
    guard case .idle = phase else { return }
    openedAt = now
    lastHeard = now
    lastSent = now
    switch role {
    case .store(let hello, let head):
      phase = .awaitingWelcome(hello, head: head)
      send(.hello(hello), at: now, into: &effects)
    case .hq:
      phase = .awaitingHello
    case .joiner(let enrol):
      phase = .awaitingCredential
      send(.enrol(enrol), at: now, into: &effects)
    }
  }

  /// What is wrong with the versions and the number of whoever calls.
  private static func refusal(
    oldest: UInt64, newest: UInt64, node: NodeNumber
  ) -> Refusal? {
    guard oldest <= ProtocolVersion.newest, newest >= ProtocolVersion.oldest else {
      return Refusal(
        .upgradeNeeded,
        "found protocol versions \(oldest) to \(newest), expected \(ProtocolVersion.oldest) to "
          + "\(ProtocolVersion.newest); upgrade the older side")
    }
    guard node != .hq else { return Refusal(.protocolError, "found HQ's own number, expected a store's") }
    return nil
  }

  mutating func enrol(_ enrol: Enrol, into effects: inout [SessionEffect]) {
    if let refusal = Self.refusal(oldest: enrol.oldestVersion, newest: enrol.newestVersion, node: enrol.node) {
      return refuse(refusal, into: &effects)
    }
    phase = .enrolling(version: min(enrol.newestVersion, ProtocolVersion.newest))
    effects.append(.enrol(enrol))
  }

  mutating func enrolled(_ credential: [UInt8], at now: Instant, into effects: inout [SessionEffect]) {
    guard case .enrolling(let version) = phase else { return }
    send(.enrolled(Enrolled(version: version, credential: credential)), at: now, into: &effects)
    close(.enrolled, into: &effects)
  }

  mutating func received(_ enrolled: Enrolled, into effects: inout [SessionEffect]) {
    effects.append(.enrolled(credential: enrolled.credential))
    close(.enrolled, into: &effects)
  }

  mutating func hello(_ hello: Hello, into effects: inout [SessionEffect]) {
    if let refusal = Self.refusal(oldest: hello.oldestVersion, newest: hello.newestVersion, node: hello.replica.node) {
      return refuse(refusal, into: &effects)
    }
    guard hello.window > 0 else { return refuse(Self.noWindow, into: &effects) }
    phase = .admitting(hello)
    effects.append(.admit(hello))
  }

  mutating func admit(_ admission: Admission, at now: Instant, into effects: inout [SessionEffect]) {
    guard case .admitting(let hello) = phase else { return }
    let cursors = admission.resumption
    let knowsLog = hello.peerEpoch == admission.identity.epoch
    let version = min(hello.newestVersion, ProtocolVersion.newest)
    let news = admission.endpoints.flatMap { list in
      hello.endpointsVersion.map { $0 != list.version } == true ? list : nil
    }
    send(
      .welcome(
        Welcome(
          version: version, replica: admission.identity.replica, epoch: admission.identity.epoch,
          clock: admission.clock, cursors: admission.cursors, window: admission.window,
          software: SoftwareVersion.text, token: admission.token, endpoints: news, ancestors: admission.ancestors,
          resumption: knowsLog || hello.ancestors == nil ? nil : cursors, brought: admission.brought,
          codecs: hello.codecs == nil ? nil : admission.codecs)), at: now,
      into: &effects)
    link(
      to: LinkInformation(
        peer: hello.replica, peerEpoch: hello.epoch, peerClock: hello.clock, peerSoftware: hello.software,
        version: version, acknowledged: cursors),
      window: hello.window, head: admission.head, received: admission.cursors,
      codecs: admission.codecs == nil ? nil : hello.codecs, token: admission.token,
      into: &effects)
    guard case .linked(var link) = phase else { return }
    link.toldEndpoints = news?.version ?? hello.endpointsVersion
    link.answersVerify = hello.answersVerify
    link.knowsKeys = hello.keysVersion != nil
    link.awaitsReceipt = news != nil
    phase = .linked(link)
  }

  mutating func welcome(_ welcome: Welcome, into effects: inout [SessionEffect]) {
    guard case .awaitingWelcome(let hello, let head) = phase else { return }
    guard (ProtocolVersion.oldest...ProtocolVersion.newest).contains(welcome.version) else {
      return refuse(
        Refusal(.upgradeNeeded, "HQ chose protocol version \(welcome.version), which was not offered"), into: &effects)
    }
    guard welcome.replica.node == .hq else {
      return refuse(
        Refusal(.protocolError, "found an answer of node \(welcome.replica.node), expected HQ's"), into: &effects)
    }
    guard welcome.window > 0 else { return refuse(Self.noWindow, into: &effects) }
    let knowsLog = hello.peerEpoch == welcome.epoch
    let resumption = knowsLog ? hello.cursors : welcome.resumption ?? LaneMap(repeating: 0)
    guard Lane.allCases.allSatisfy({ resumption[$0] <= hello.cursors[$0] }) else {
      return refuse(
        Refusal(.wrongCursor, "HQ goes on in its log beyond what this store has of it"), into: &effects)
    }
    let keeping = Keeping(
      token: welcome.token, log: welcome.ancestors.map { Lineage(epoch: welcome.epoch, ancestors: $0) },
      resumption: resumption, sent: LogCoverage(cursors: welcome.cursors, brought: welcome.brought),
      clock: welcome.clock)
    link(
      to: LinkInformation(
        peer: welcome.replica, peerEpoch: welcome.epoch, peerClock: welcome.clock, peerSoftware: welcome.software,
        version: welcome.version, acknowledged: welcome.cursors),
      window: welcome.window, head: head, received: resumption, codecs: hello.codecs == nil ? nil : welcome.codecs,
      keeping: welcome.token != nil || welcome.ancestors != nil ? keeping : nil, into: &effects)
    if let list = welcome.endpoints, isLinked { effects.append(.keepEndpoints(list)) }
  }

  /// A peer that takes nothing would leave the link waiting for good.
  private static var noWindow: Refusal { Refusal(.protocolError, "found a window of no bytes, expected some") }

  /// - Parameter codecs: that the peer reads; nil if it knows the first two alone.
  mutating func link(
    to information: LinkInformation, window: UInt64, head: Sequence64, received: LaneMap<Sequence64>,
    codecs: UInt64?, token: [UInt8]? = nil, keeping: Keeping? = nil, into effects: inout [SessionEffect]
  ) {
    let cursors = information.acknowledged
    guard Lane.allCases.allSatisfy({ cursors[$0] <= head }) else {
      return refuse(
        Refusal(
          .wrongCursor,
          "the peer has this log up to \(max(cursors.urgent, cursors.normal, cursors.bulk)), and it ends at \(head): "
            + "this database is older than what it has sent"),
        into: &effects)
    }
    var link = Link(
      peer: information.peer.node,
      outbound: Outbound(
        peer: information.peer.node, window: window, cursors: cursors, readsColumns: Codec.readsColumns(codecs)),
      inbound: Inbound(epoch: information.peerEpoch, cursors: received))
    link.unconfirmed = token
    if let keeping {
      link.isKeeping = true
      effects.append(.keep(keeping))
    }
    phase = .linked(link)
    effects.append(.linked(information))
    load(into: &effects)
  }

  mutating func refuse(_ refusal: Refusal, into effects: inout [SessionEffect]) {
    guard !isClosed else { return }
    effects.append(.send(.refusal(refusal)))
    close(.refusedByUs(refusal), into: &effects)
  }

  mutating func close(_ reason: CloseReason, into effects: inout [SessionEffect]) {
    guard !isClosed else { return }
    phase = .closed
    effects.append(.close(reason))
  }

  func refusal(for error: StoreError) -> Refusal {
    switch error.code {
    // The store sets it right when it calls again: the next welcome tells it what HQ has.
    case .clockAhead: return Refusal(.clock, error.message)
    case .wrongCursor: return Refusal(.wrongCursor, error.message)
    case .diskFull:
      return Refusal(
        .storage, "the disk is full; it goes on by itself once there is room",
        retryAfter: SessionLimits.storageRetryMilliseconds)
    default:
      return Refusal(
        .storage, "the store failed: \(error.code.rawValue)", retryAfter: SessionLimits.storageRetryMilliseconds)
    }
  }
}
