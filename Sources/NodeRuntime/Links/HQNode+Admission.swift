import Base
import Causality
import Dispatch
import RecordStore
import StoreModel
import SyncSession
import Transport
import Wire

// Who comes in: a store that joins, a store that greets, and one that has brought all that it had.

extension HQNode {
  /// Checks a store's credential.
  func admit(_ link: LinkDriver, _ hello: Hello) {
    let address = link.peerDescription
    let isLinked = links[hello.replica.node] != nil
    gate.write { engine throws(StoreError) -> Refusal? in
      try Self.check(hello, from: address, at: self.gate.clock.now, engine, isLinked: isLinked, isKept: false).refusal
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

  /// Looks a store up by its greeting.
  /// - Parameters:
  ///   - isLinked: whether a link of this store is open.
  ///   - isKept: whether the store comes in, so that its new token is written down; a refusal always is.
  private static func check(
    _ hello: Hello, from address: String, at now: WallTime, _ engine: StoreGate.Engine, isLinked: Bool, isKept: Bool
  ) throws(StoreError) -> (refusal: Refusal?, token: [UInt8]?) {
    let node = hello.replica.node
    guard node != .hq, var enrolment = try NodeSettings.enrolment(of: node, engine) else {
      return (notEnrolled(node), nil)
    }
    let before = enrolment
    let visit = Enrolment.Visit(
      node: node, incarnation: hello.replica.incarnation, credentialDigest: Digest.sha256(hello.credential),
      token: hello.token, address: address, software: hello.software, isLinked: isLinked,
      standing: hello.ancestors == nil ? nil : try engine.standing(of: node, in: hello.log, resumingAt: nil))
    let refusal = enrolment.admit(visit, random: UInt64.random(in: .min ... .max), at: now)
    if refusal == nil {
      enrolment.endpointsVersion = hello.endpointsVersion
      enrolment.keysVersion = hello.keysVersion
    }
    // The token must be known here before the store can have it.
    if isKept || refusal != nil, enrolment != before { try NodeSettings.save(enrolment, of: node, in: engine) }
    return (refusal, enrolment.token)
  }

  /// Finds where a store's log is to be resumed: behind all that its earlier connection has brought. That one ends
  /// first, so that it brings nothing more once the cursors are read.
  private func resume(_ link: LinkDriver, _ hello: Hello) {
    let node = hello.replica.node
    guard greeting[ObjectIdentifier(link)] != nil else { return }
    replaceLink(of: node)
    let clock = gate.clock
    let address = link.peerDescription
    gate.writeBehindBatches { engine throws(StoreError) -> AdmissionDecision in
      // Once more: the store may have been revoked meanwhile, or have come in on another connection.
      let known = try NodeSettings.enrolment(of: node, engine)
      let (refusal, token) = try Self.check(hello, from: address, at: clock.now, engine, isLinked: false, isKept: true)
      if let refusal { return .denied(refusal) }
      try engine.noteLogShown()
      let resumption = try engine.resumption(of: hello)
      if engine.hasLost(hello, resumingAt: resumption, known?.history) {
        try Self.noteLoss(engine, at: clock.now)
      }
      let meeting = try engine.meet(node, hello.log, resumingAt: nil)
      return .admitted(
        Admission(
          identity: engine.identity, head: try engine.logHead(), clock: clock.now, cursors: meeting.cursors,
          resumption: resumption, token: token, endpoints: try NodeSettings.endpointList(engine),
          ancestors: hello.ancestors == nil ? nil : try engine.toldAncestors(knowing: hello.peerEpoch),
          brought: meeting.brought,
          window: SessionLimits.windowBytes(ofStores: try NodeSettings.enrolledCount(engine))))
    } completion: { result in
      self.queue.async {
        // Another connection of this store may have come in meanwhile, and brought something.
        guard self.links[node] == nil else { return self.resume(link, hello) }
        switch result {
        case .success(.admitted(let admission)): link.answer(.admitted(admission))
        case .success(.denied(let refusal)): link.answer(.denied(refusal))
        case .failure(let error): link.answer(.storageFailed(error))
        }
      }
    }
  }

  /// A store has more of HQ's log than HQ: HQ's database was put back to an earlier state. What it writes from now on must not
  /// seem to have seen what it has lost.
  private static func noteLoss(_ engine: StoreGate.Engine, at now: WallTime) throws(StoreError) {
    guard try NodeSettings.loss(engine)?.epoch != engine.identity.epoch else { return }
    try engine.takeIncarnation(.random(in: .min ... .max))
    try NodeSettings.save(NodeSettings.Loss(epoch: engine.identity.epoch, noticedAt: now), in: engine)
    engine.isHealing = try NodeSettings.isHealing(engine)
  }

  /// HQ has all that a store had to send. What waited for that is tried again, while HQ heals from a loss of its own.
  func caughtUp(_ link: LinkDriver) {
    guard let node = link.information?.peer.node else { return }
    let clock = gate.clock
    gate.writeBehindBatches { engine throws(StoreError) -> Int in
      guard engine.isHealing, var enrolment = try NodeSettings.enrolment(of: node, engine) else { return 0 }
      enrolment.healedAt = clock.now
      try NodeSettings.save(enrolment, of: node, in: engine)
      let outcomes = try engine.retryParked(nil, at: clock.now, trusting: false, decoding: StoreGate.decodeParked)
      engine.isHealing = try NodeSettings.isHealing(engine)
      return outcomes.count { $0.isApplied }
    } completion: { [log] result in
      switch result {
      case .success(0): break
      case .success(let count):
        log(LogEvent(.info, "parked.retried", "\(count) groups that waited for what HQ had lost are applied now"))
      case .failure(let error):
        log(
          LogEvent(
            .warning, "parked.untried",
            "what waits for what HQ had lost could not be tried again: \(error.description)",
            [.init("code", error.code.rawValue)]))
      }
    }
  }

  /// Takes the secret of a join code for a credential of the store's own.
  func enrol(_ link: LinkDriver, _ enrol: Enrol) {
    let now = gate.clock.now
    var generator = SystemRandomness()
    let credential = (0..<Enrolment.credentialBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    gate.write { engine throws(StoreError) -> Refusal? in
      guard var enrolment = try NodeSettings.enrolment(of: enrol.node, engine) else {
        return Self.notEnrolled(enrol.node)
      }
      let refusal = enrolment.join(
        enrol.node, secretDigest: Digest.sha256(enrol.secret), credentialDigest: Digest.sha256(credential), at: now)
      if refusal == nil { try NodeSettings.save(enrolment, of: enrol.node, in: engine) }
      return refusal
    } completion: { [log] result in
      self.queue.async {
        switch result {
        case .success(nil):
          log(
            LogEvent(.info, "store.joined", "store \(enrol.node) has joined", [.init("address", link.peerDescription)]))
          link.answer(.enrolled(credential: credential))
        case .success(let refusal?): link.answer(.denied(refusal))
        case .failure(let error): link.answer(.storageFailed(error))
        }
      }
    }
  }

  private static func notEnrolled(_ node: NodeNumber) -> Refusal {
    Refusal(.notEnrolled, "store \(node) is not enrolled at this HQ; see `syncctl store add`")
  }
}

private enum AdmissionDecision: Sendable {
  case admitted(Admission)
  case denied(Refusal)
}
